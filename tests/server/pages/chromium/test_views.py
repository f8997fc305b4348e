"""Every view of customers and operators, in each window that pictures are kept of: quiet, and readable by everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.server.pages.chromium.gallery import CUSTOMER, KEPT, OPERATOR
from tests.server.pages.chromium.sample import OWNER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playwright.async_api import Route
    from tests.server.pages.chromium.conftest import Open, Sample
    from tests.server.pages.chromium.site import Site
    from tests.server.pages.chromium.window import Window


NARROWEST = {"phone": 360, "desktop": 961}
"""Pixels of the narrowest phones that people use, and of the narrowest window in which rows stand in a table."""


@pytest.fixture
def site(sample: Sample) -> Site:
    """The service on the sample."""
    return sample.site


async def look(window: Window, ids: Mapping[str, str], views: Mapping[str, tuple[str, str]], prefix: str = "") -> None:
    """Open each view, check it, and make a picture of it if pictures are asked for."""
    for name, (_, path) in views.items():
        await window.go(path.format(**ids))
        await window.picture(prefix + name)
        if window.way.shape in NARROWEST:
            await window.check_width(NARROWEST[window.way.shape])


async def in_german(route: Route) -> None:
    """Ask for a page in German."""
    await route.continue_(headers={**route.request.headers, "accept-language": "de"})


@pytest.mark.parametrize("shape", KEPT)
async def test_each_view_of_a_customer_is_right(sample: Sample, open_window: Open, shape: str) -> None:
    """With keys of each kind, long names, and names from right to left; and a table of long words, as German has."""
    window = await open_window(shape)
    await window.sign_in(OWNER)
    await look(window, sample.ids, CUSTOMER)
    if shape == "phone":
        await window.page.route("**/portal/usage", in_german)
        await window.go("/portal/usage")
        assert "Nutzung" in await window.text()
        await window.check_width(NARROWEST[shape])


@pytest.mark.parametrize("shape", KEPT)
async def test_each_view_of_an_operator_is_right(sample: Sample, open_window: Open, shape: str) -> None:
    """With customers of each kind, plans, root keys and an alarm."""
    window = await open_window(shape)
    await window.go("/operator/sign-in")
    await window.picture("operator-sign-in")
    await window.sign_in_as_operator()
    await look(window, sample.ids, OPERATOR, "operator-")
