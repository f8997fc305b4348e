"""Every view of a customer, in every window, with a sample that has lived."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from tests.server.pages.chromium.sample import OWNER, filled
from tests.server.pages.chromium.site import PEPPER, serving
from tests.server.pages.chromium.window import SHAPES, picture

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


@pytest.mark.parametrize("shape", SHAPES)
async def test_each_view_is_right_in_each_window(
    sample: tuple[Site, dict[str, str]], open_window: Open, shape: str
) -> None:
    """Quiet, from here alone, within the window, and readable by everybody."""
    _, ids = sample
    window = await open_window(shape)
    await window.sign_in(OWNER)
    for name, path in VIEWS.items():
        await window.go(path.format(**ids))
        await picture(window, f"{name}-{shape.replace(' ', '-')}")
