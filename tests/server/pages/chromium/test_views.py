"""Every view of a customer, in every window, with a sample that has lived."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from tests.server.pages.chromium.sample import OWNER, filled
from tests.server.pages.chromium.site import PEPPER, serving
from tests.server.pages.chromium.window import KEPT, picture

from secretsource.issuing import NO_SCOPE

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from tests.server.pages.chromium.site import Site
    from tests.server.pages.chromium.window import Window

    Open = Callable[..., Awaitable[Window]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sample(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[tuple[Site, dict[str, str]]]:
    """A service on the sample, and the ids of its keys."""
    store = f"sqlite:///{tmp_path_factory.mktemp('sample')}/keys.db"
    ids = await filled(store, PEPPER)
    async with serving(store) as running:
        # The first check begins the threads that the service has until its end.
        await running.keys.verify((await running.key("umbrella", name="Pharmacy")).plaintext, scope=NO_SCOPE)
        # Limits are counted in memory: this is the part of the plan's quota that the pages tell of.
        await running.keys.verify(ids["test-text"], scope=NO_SCOPE, cost=5000)
        yield running, ids


@pytest.fixture
def site(sample: tuple[Site, dict[str, str]]) -> Site:
    """The service on the sample."""
    return sample[0]


VIEWS = {
    "keys": "/portal/keys",
    "keys-test": "/portal/keys?environment=test",
    "key": "/portal/keys/{export}",
    "key-active": "/portal/keys/{billing}",
    "key-revoked": "/portal/keys/{old}",
    "new-key": "/portal/keys/new",
    "edit-key": "/portal/keys/{mobile}/edit",
    "rotate-key": "/portal/keys/{billing}/rotate",
    "revoke-key": "/portal/keys/{export}/revoke",
    "usage": "/portal/usage?span=14d",
    "usage-48h": "/portal/usage",
    "events": "/portal/events",
}


OPERATOR = {
    "attention": "/operator/attention",
    "unused": "/operator/attention/unused",
    "alarms": "/operator/attention/alarms",
    "suspended": "/operator/attention/suspended",
    "owners": "/operator/owners",
    "owner": "/operator/owner?id=globex",
    "owner-edit": "/operator/owner/edit?id=globex",
    "owner-suspend": "/operator/owner/suspend?id=globex",
    "keys": "/operator/keys",
    "key": "/operator/keys/{ward}",
    "plans": "/operator/plans",
    "plan": "/operator/plan?id=Business",
    "events": "/operator/events",
    "usage": "/operator/usage?owner=globex",
    "root-keys": "/operator/root-keys",
    "root-key-new": "/operator/root-keys/new",
    "health": "/operator/health",
}


async def look(window: Window, ids: dict[str, str], views: dict[str, str], shape: str) -> None:
    """Open each view, check it, and make a picture of it if pictures are asked for."""
    for name, path in views.items():
        await window.go(path.format(**ids))
        await picture(window, name, shape)


@pytest.mark.parametrize("shape", KEPT)
async def test_each_view_of_a_customer_is_right(
    sample: tuple[Site, dict[str, str]], open_window: Open, shape: str
) -> None:
    """Quiet, from here alone, within the window, and readable by everybody."""
    window = await open_window(shape)
    await window.sign_in(OWNER)
    await look(window, sample[1], VIEWS, shape)


@pytest.mark.parametrize("shape", KEPT)
async def test_each_view_of_an_operator_is_right(
    sample: tuple[Site, dict[str, str]], open_window: Open, shape: str
) -> None:
    """Quiet, from here alone, within the window, and readable by everybody."""
    window = await open_window(shape)
    await window.go("/operator/sign-in")
    await picture(window, "operator-sign-in", shape)
    await window.sign_in_as_operator()
    await look(window, sample[1], {f"operator-{name}": path for name, path in OPERATOR.items()}, shape)
