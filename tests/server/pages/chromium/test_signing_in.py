"""Sign in by a link, in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.server.pages.chromium.window import link

if TYPE_CHECKING:
    from tests.server.pages.chromium.conftest import Open
    from tests.server.pages.chromium.site import Site


async def test_a_link_signs_one_browser_in(site: Site, open_window: Open, owner: str) -> None:
    """The one whose reader presses the button first; for the other one the link has ended."""
    path = (await link(site, owner)).removeprefix(site.base)
    thief, reader = await open_window("phone"), await open_window("desktop")
    await thief.go(path)
    await reader.go(path)
    await reader.press("Show my keys")
    await reader.page.wait_for_url("**/portal/keys")
    await thief.press("Show my keys", status=410)
    assert "This link has ended" in await thief.text()
