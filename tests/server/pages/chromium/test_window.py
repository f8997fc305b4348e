"""A window finds each fault that it looks for: a test that looks through it can fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from playwright.async_api import Route
    from tests.server.pages.chromium.window import Window

    Open = Callable[..., Awaitable[Window]]

POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src http:"
WHOLE = (
    '<!doctype html><html lang="en"><head><meta name="viewport" content="width=device-width"><title>x</title></head>'
    "<body><main><h1>x</h1>{}</main></body></html>"
)


async def look(open_window: Open, inside: str) -> None:
    """Check a page with something inside."""
    window = await open_window("phone")

    async def answer(route: Route) -> None:
        headers = {"Content-Security-Policy": POLICY, "Content-Type": "text/html"}
        await route.fulfill(body=WHOLE.format(inside), headers=headers)

    await window.page.context.route("**/made-up", answer)
    await window.go("/made-up")


async def test_a_good_page_passes(open_window: Open) -> None:
    """The checks have nothing against a page that is right."""
    await look(open_window, "<p>All is well.</p>")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ('<p style="color:red">x</p>', "CSP: style-src"),
        ("<script>document.title = 1</script>", "CSP: script-src"),
        ('<img alt="" src="http://elsewhere.invalid/x.png">', "elsewhere"),
        ("<button></button>", "button-name"),
        ("<h3>x</h3><div>" + "x" * 400 + "</div>", "wide in a window"),
        ('<table><tr><td role="cell"></td></tr></table><input>', "label"),
    ],
)
async def test_a_fault_is_found(open_window: Open, fault: str, said: str) -> None:
    """Styles and scripts in the page, another host, words that are missing, and a page that is too wide."""
    with pytest.raises(AssertionError, match=said):
        await look(open_window, fault)
