"""Sign in by a link, in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.server.pages.chromium.window import SHAPES, link, picture

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.server.pages.chromium.site import Site
    from tests.server.pages.chromium.window import Window

    Open = Callable[..., Awaitable[Window]]


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_link_shows_a_button_that_signs_in(site: Site, open_window: Open, shape: str) -> None:
    """The page of a link can be read in every window, and the button leads to the keys."""
    window = await open_window(shape)
    await window.go((await link(site, "globex")).removeprefix(site.base))
    await picture(window, "sign-in", shape)
    await window.press("Show my keys")
    await window.page.wait_for_url("**/portal/keys")
    await window.check()


async def test_a_preview_spends_nothing(site: Site, open_window: Open) -> None:
    """A scanner of mail opens the link before its reader does, who is signed in by it once."""
    address = await link(site, "globex")
    for _ in range(2):
        preview = await open_window()
        await preview.go(address.removeprefix(site.base))
    reader, thief = await open_window(), await open_window()
    await thief.go(address.removeprefix(site.base))
    await reader.go(address.removeprefix(site.base))
    await reader.press("Show my keys")
    await reader.page.wait_for_url("**/portal/keys")
    await thief.press("Show my keys")
    assert "This link has ended" in await thief.text()
