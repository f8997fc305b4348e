"""The life of a key, as a customer leads it through the pages: made, used, rotated, finished, revoked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.server.pages.chromium.window import picture

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.server.pages.chromium.site import Site
    from tests.server.pages.chromium.window import Window

    Open = Callable[..., Awaitable[Window]]

ASKED = {"X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/orders/1", "X-Forwarded-For": "203.0.113.7"}
"""What a gateway tells of the request that it asks about."""


async def use(window: Window, key: str, times: int = 1, program: str = "curl/8.14") -> int:
    """Send requests with a key, as a program of the customer does, and return the last status."""
    status = 0
    for _ in range(times):
        headers = {"Authorization": f"Bearer {key}", "User-Agent": program, **ASKED}
        answer = await window.page.context.request.get(f"{window.site.base}/v1/forward-auth", headers=headers)
        status = answer.status
    return status


async def make(window: Window, name: str) -> str:
    """Make a key by the form, and return its text."""
    page = window.page
    await window.press("Create key", role="link")
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("invoices:read").check()
    await window.press("Create key")
    return await page.locator("#key-text").inner_text()


async def rotate(window: Window) -> str:
    """Rotate the key of this page with an overlap, and return the text of the new one."""
    await window.press("Rotate", role="link")
    await window.page.get_by_label("I can store the new key now").check()
    await window.press("Rotate")
    return await window.page.locator("#key-text").inner_text()


@pytest.mark.parametrize(("shape", "scripts"), [("desktop", True), ("dark", True), ("phone", False)])
async def test_a_key_is_led_through_its_life(open_window: Open, shape: str, scripts: bool) -> None:
    """Each step is seen: the use, the share of the old key that falls, and the refusal in the end."""
    window = await open_window(shape, scripts=scripts)
    page = window.page
    await window.sign_in()
    await window.check()
    assert "No keys yet" in await window.text()

    first = await make(window, "Nightly export")
    await window.check()
    await picture(window, "once", shape)
    assert await use(window, first, 3) == 200

    await window.press("Keys", role="link")
    row = page.get_by_role("row", name="Nightly export")
    assert "just now" in await row.inner_text()
    strokes = await row.locator(".spark path:not(.zero)").get_attribute("d")
    assert strokes == "M93.5 24v-24", "the line has moved on the last day alone"

    await row.get_by_role("link", name="Nightly export").click()
    await page.wait_for_load_state()
    second = await rotate(window)
    await window.check()
    await window.press("I have stored it", role="link")
    assert await use(window, first, 2, "export-worker/2.1") == 200
    assert await use(window, second, 5, "export-worker/2.2") == 200
    await page.reload()
    await window.check()
    panel = page.locator(".card.attention")
    assert await panel.locator(".number").all_inner_texts() == ["50% · 5", "50% · 5"]
    assert "export-worker/2.1 from 203.0.113.7" in await panel.inner_text()
    assert await use(window, second, 15, "export-worker/2.2") == 200
    await page.reload()
    assert await panel.locator(".number").all_inner_texts() == ["20% · 5", "80% · 20"]

    await window.press("Finish now")
    assert "confirm that it is to end now" in await panel.inner_text()
    window.forgive(422)
    await window.check()
    await page.get_by_label("Refuse the old key although it is in use").check()
    await window.press("Finish now")
    assert await use(window, first) == 401
    assert await use(window, second) == 200

    await window.press("Revoke", role="link")
    assert "21 accepted" in await page.locator(".card.danger").inner_text()
    await window.check()
    await window.press("Revoke")
    assert "Confirm that the key is to be refused" in await page.locator(".error").inner_text()
    window.forgive(422)
    await window.check()
    await page.get_by_label("Refuse this key from now on").check()
    await window.press("Revoke")
    assert await use(window, second) == 401
    await window.press("Keys", role="link")
    assert "No key here works any more" in await window.text()
    await window.check()


async def test_a_key_is_copied_and_shown_once(open_window: Open) -> None:
    """The button copies the whole key; a reload shows it no more, and makes no other one."""
    window = await open_window()
    page = window.page
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=window.site.base)
    await window.sign_in()
    text = await make(window, "Nightly export")
    await page.get_by_role("button", name="Copy").first.click()
    await page.get_by_role("button", name="Copied").wait_for()
    assert await page.evaluate("navigator.clipboard.readText()") == text
    await page.reload()
    assert "This key was made before" in await window.text()
    assert text not in await page.content()
    await window.press("Keys", role="link")
    assert await page.get_by_role("row", name="Nightly export").count() == 1


async def test_a_key_is_selected_where_nothing_may_copy(open_window: Open) -> None:
    """Where the browser refuses the clipboard, the whole key is selected, and the button says what to press."""
    window = await open_window()
    await window.sign_in()
    text = await make(window, "Nightly export")
    await window.page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error()) }")
    await window.page.get_by_role("button", name="Copy").first.click()
    await window.page.get_by_role("button", name="Selected: press Ctrl+C").wait_for()
    assert await window.page.evaluate("String(getSelection())") == text


async def reach(window: Window, name: str) -> None:
    """Press the tabulator until something of this name has the focus, and see that it shows."""
    for _ in range(40):
        await window.page.keyboard.press("Tab")
        focused = window.page.locator(":focus")
        label = await focused.evaluate("node => node.labels?.[0]?.innerText || node.innerText || node.ariaLabel || ''")
        if label.strip().startswith(name):
            ring = await focused.evaluate(
                "node => getComputedStyle(node).outlineStyle + getComputedStyle(node).outlineWidth"
            )
            assert ring == "solid3px", name
            return
    pytest.fail(f"nothing called {name} can be reached")


async def test_a_key_is_made_and_revoked_by_keyboard_alone(site: Site, open_window: Open) -> None:
    """Everything is reached in order, and shows that it is; the first stop leads past the bar."""
    window = await open_window()
    press = window.page.keyboard.press
    await window.sign_in()
    await reach(window, "Skip to the content")
    await press("Enter")
    await reach(window, "Create key")
    await press("Enter")
    await window.page.get_by_label("Name").wait_for()
    await reach(window, "Name")
    await window.page.keyboard.type("Nightly export")
    await reach(window, "invoices:read")
    await press("Space")
    await reach(window, "Create key")
    await press("Enter")
    await window.page.locator("#key-text").wait_for()
    await reach(window, "I have stored it")
    await press("Enter")
    await window.page.get_by_role("link", name="Revoke").wait_for()
    await reach(window, "Revoke")
    await press("Enter")
    await window.page.get_by_label("Refuse this key").wait_for()
    await reach(window, "Refuse this key")
    await press("Space")
    await reach(window, "Revoke")
    await press("Enter")
    await window.page.get_by_text("Revoked", exact=True).first.wait_for()
    page = await site.keys.list(owner="globex")
    assert [record.status.value for record in page.records] == ["revoked"]
