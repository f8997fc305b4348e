"""The life of a key, as a customer leads it through the pages: made, used, rotated, finished, revoked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.server.pages.chromium.programs import curl, shell, use
from tests.server.pages.chromium.window import WAYS, link

if TYPE_CHECKING:
    from tests.server.pages.chromium.conftest import Open
    from tests.server.pages.chromium.site import Site
    from tests.server.pages.chromium.window import Window


async def make(window: Window, name: str) -> str:
    """Make a key by the form, and return its text."""
    await window.press("Create key", role="link")
    await window.write("Name", name)
    await window.tick("invoices:read")
    await window.press("Create key", status=201)
    return await window.page.locator("#key-text").inner_text()


async def copied(window: Window, text: str) -> None:
    """Copy the key by its button, which is only there where a script answers it."""
    button = window.page.get_by_role("button", name="Copy").first
    if not window.way.scripts:
        assert not await button.is_visible()
        return
    await window.way.hand.press(button)
    await window.page.get_by_role("button", name="Copied").wait_for()
    assert await window.page.evaluate("navigator.clipboard.readText()") == text


async def rotate(window: Window) -> str:
    """Rotate the key of this page with an overlap, and return the text of the new one."""
    await window.press("Rotate", role="link")
    await window.press("Rotate", status=422)
    await window.tick("I can store the new key now")
    await window.press("Rotate", status=201)
    return await window.page.locator("#key-text").inner_text()


async def old_share_falls(window: Window, first: str, second: str) -> None:
    """Use both keys of a rotation, and look at the panel between."""
    site, panel = window.site, window.page.locator(".card.attention")
    assert await use(site, first, 2, "export-worker/2.1") == 200
    assert await use(site, second, 5, "export-worker/2.2") == 200
    await window.reload()
    assert await panel.locator(".number").all_inner_texts() == ["50% · 5", "50% · 5"]
    assert "export-worker/2.1 from 203.0.113.7" in await panel.inner_text()
    assert await use(site, second, 15, "export-worker/2.2") == 200
    await window.reload()
    assert await panel.locator(".number").all_inner_texts() == ["20% · 5", "80% · 20"]


async def finish(window: Window) -> None:
    """End the old key of a rotation although it is in use, after the page has asked."""
    await window.press("Finish now", status=422)
    assert "confirm that it is to end now" in await window.page.locator(".card.attention").inner_text()
    await window.tick("Refuse the old key although it is in use")
    await window.press("Finish now")


async def revoke(window: Window) -> None:
    """Revoke the key of this page after a look at who breaks."""
    await window.press("Revoke", role="link")
    assert "21 accepted" in await window.page.locator(".card.danger").inner_text()
    await window.press("Revoke", status=422)
    assert "Confirm that the key is to be refused" in await window.page.locator(".error").inner_text()
    await window.tick("Refuse this key from now on")
    await window.press("Revoke")


@pytest.mark.parametrize("way", WAYS)
async def test_a_key_is_led_through_its_life(site: Site, open_window: Open, owner: str, way: str) -> None:
    """From a link, which a preview does not spend, to the refusal in the end; each step is seen on the pages."""
    await site.keys.owners.put(owner, name="Globex Ltd")
    window, address = await open_window(way), await link(site, owner)
    assert "Show my keys" in await curl(address)
    await window.go(address.removeprefix(site.base))
    await window.picture("sign-in")
    await window.press("Show my keys")
    assert "No keys yet" in await window.text()

    first = await make(window, "Nightly export")
    await window.picture("once")
    await copied(window, first)
    lines = [await window.page.locator(place).inner_text() for place in ("#env-line", "#curl-line")]
    assert [await shell(site, *lines) for _ in range(3)] == ["200"] * 3

    await window.press("Keys", role="link")
    row = window.page.get_by_role("row", name="Nightly export")
    assert "just now" in await row.inner_text()
    strokes = await row.locator(".spark path:not(.zero)").get_attribute("d")
    assert strokes == "M93.5 24v-24", "the line has moved on the last day alone"

    await window.press("Nightly export", role="link")
    second = await rotate(window)
    await window.press("I have stored it", role="link")
    await old_share_falls(window, first, second)
    await finish(window)
    assert await use(site, first) == 401
    assert await use(site, second) == 200

    await revoke(window)
    assert await use(site, second) == 401
    await window.press("Keys", role="link")
    assert "No key here works any more" in await window.text()
    await window.press("Sign out")
    await window.picture("signed-out")


async def test_a_reload_shows_a_key_no_more(open_window: Open, owner: str) -> None:
    """It makes no other one either."""
    window = await open_window()
    await window.sign_in(owner)
    text = await make(window, "Nightly export")
    await window.reload(409)
    assert "This key was made before" in await window.text()
    assert text not in await window.page.content()
    await window.press("Keys", role="link")
    assert await window.page.get_by_role("row", name="Nightly export").count() == 1


async def test_a_key_is_selected_where_nothing_may_copy(open_window: Open, owner: str) -> None:
    """Where the browser refuses the clipboard, the whole key is selected, and the button says what to press."""
    window = await open_window()
    await window.sign_in(owner)
    text = await make(window, "Nightly export")
    await window.page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error()) }")
    await window.page.get_by_role("button", name="Copy").first.click()
    await window.page.get_by_role("button", name="Selected: press Ctrl+C").wait_for()
    assert await window.page.evaluate("String(getSelection())") == text


async def test_the_first_stop_of_the_keyboard_leads_past_the_bar(open_window: Open, owner: str) -> None:
    """The link is seen when it has the focus, and the next stop is in the content."""
    window = await open_window("by keyboard")
    await window.sign_in(owner)
    skip = window.page.get_by_role("link", name="Skip to the content")
    await window.page.keyboard.press("Tab")
    assert await skip.evaluate("node => node === document.activeElement && node.getBoundingClientRect().top >= 0")
    await window.page.keyboard.press("Enter")
    await window.page.keyboard.press("Tab")
    assert await window.page.evaluate("document.activeElement.closest('main') !== null")
