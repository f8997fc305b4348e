"""A window finds each fault that it looks for: a test that looks through it can fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.async_api import Route
    from tests.server.pages.chromium.conftest import Open
    from tests.server.pages.chromium.window import Window

POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src http:"
WHOLE = (
    '<!doctype html><html lang="en"><head><meta name="viewport" content="width=device-width"><title>x</title></head>'
    "<body><main><h1>x</h1>{}</main></body></html>"
)


async def look(open_window: Open, inside: str, way: str = "phone") -> Window:
    """Check a page with something inside."""
    window = await open_window(way)

    async def answer(route: Route) -> None:
        headers = {"Content-Security-Policy": POLICY, "Content-Type": "text/html"}
        await route.fulfill(body=WHOLE.format(inside), headers=headers)

    await window.page.route("**/made-up", answer)
    await window.go("/made-up")
    return window


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
        ("<h2>x</h2><div>" + "x" * 60 + "</div>", "wide in a window"),
        ('<table><tr><td role="cell"></td></tr></table><input>', "label"),
    ],
)
async def test_a_fault_is_found(open_window: Open, fault: str, said: str) -> None:
    """Styles and scripts in the page, another host, words that are missing, and a page that is too wide."""
    with pytest.raises(AssertionError, match=said):
        await look(open_window, fault)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ('<p style="color:red">x</p>', "Content Security Policy"),
        ('<img alt="" src="http://elsewhere.invalid/x.png">', "elsewhere"),
        ("<button></button>", "button-name"),
        ("<h3>x</h3><div>" + "x" * 400 + "</div>", "wide in a window"),
    ],
)
async def test_a_fault_is_found_where_no_script_runs(open_window: Open, fault: str, said: str) -> None:
    """Axe looks at a copy of the page then."""
    with pytest.raises(AssertionError, match=said):
        await look(open_window, fault, "without scripts")


@pytest.mark.parametrize("fault", ['<span role="button">Go</span>', '<button tabindex="-1">Go</button>'])
async def test_a_thing_that_no_keyboard_reaches_is_found(open_window: Open, fault: str) -> None:
    """A mouse would press it."""
    window = await look(open_window, fault, "by keyboard")
    with pytest.raises(AssertionError, match="does not come to"):
        await window.press("Go")


async def test_a_focus_that_is_not_seen_is_found(open_window: Open) -> None:
    """The made-up page has no style of ours, so its focus is another ring."""
    window = await look(open_window, "<button>Go</button>", "by keyboard")
    with pytest.raises(AssertionError, match="does not show its focus"):
        await window.press("Go")


async def test_a_picture_of_another_page_is_found(open_window: Open) -> None:
    """The picture of a view shows the template that the gallery says."""
    window = await open_window()
    await window.go("/operator/sign-in")
    with pytest.raises(AssertionError, match="operator/sign-in"):
        await window.picture("keys")
