"""Sign in by a link, in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.server.pages.chromium.window import link

if TYPE_CHECKING:
    from tests.server.pages.chromium.conftest import Open
    from tests.server.pages.chromium.site import Site


PRESSES = """() => {
    let sent = 0;
    addEventListener("submit", event => { sent += !event.defaultPrevented; event.preventDefault() });
    for (let each = 0; each < 3; each++) document.querySelector("main form").requestSubmit();
    return sent;
}"""


async def test_a_form_is_sent_once(site: Site, open_window: Open, owner: str) -> None:
    """A second press, while the answer is on its way, sends no form that would spend the link for nothing."""
    window = await open_window("phone")
    await window.go((await link(site, owner)).removeprefix(site.base))
    assert await window.page.evaluate(PRESSES) == 1


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
