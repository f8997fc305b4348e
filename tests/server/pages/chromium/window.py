"""A window of Chromium that notes whatever a page must not do."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import axe_playwright_python
from tests.server.pages.chromium.gallery import GALLERY, IMAGES, KEPT
from tests.server.pages.chromium.hands import Finger, Hand, Keyboard, Mouse

from secretsource.server.open_paths.links import address_of, new_link

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playwright.async_api import ConsoleMessage, Error, Page, Request
    from tests.server.pages.chromium.site import Site

__all__ = ["LISTEN", "SHAPES", "WAYS", "Way", "Window", "link"]

PICTURES = os.environ.get("PICTURES")
"""The folder for pictures of the views, such as ``docs/images``; without it none are made."""
_DESKTOP: dict[str, Any] = {"viewport": {"width": 1180, "height": 820}}
_PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}

SHAPES: Mapping[str, dict[str, Any]] = {
    "desktop": {**_DESKTOP, "color_scheme": "light"},
    "dark": {**_DESKTOP, "color_scheme": "dark"},
    "phone": {**_PHONE, "color_scheme": "light"},
    "dark phone": {**_PHONE, "color_scheme": "dark"},
}
"""The windows that pages are looked at in."""


class Way(NamedTuple):
    """A way through the pages.

    Attributes:
        shape: The window, by its name in `SHAPES`.
        hand: The hand of the person.
        scripts: Whether scripts run.
    """

    shape: str
    hand: Hand
    scripts: bool = True


WAYS: Mapping[str, Way] = {
    "desktop": Way("desktop", Mouse()),
    "dark": Way("dark", Mouse()),
    "phone": Way("phone", Finger()),
    "dark phone": Way("dark phone", Finger()),
    "without scripts": Way("phone", Finger(), scripts=False),
    "by keyboard": Way("desktop", Keyboard()),
}
"""The ways that each journey is made in."""

RULES = ("wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice")
COLOURS = ("color-contrast",)
IN_THE_LIGHT = {"dark": "desktop", "dark phone": "phone"}
"""The window in the light for each in the dark."""
_AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
_ASK = (
    "async rules => (await axe.run(document, {runOnly: rules, preload: false, resultTypes: ['violations']})).violations"
    ".map(each => each.id + ': ' + each.nodes.map(node => node.html.slice(0, 150)).slice(0, 3).join(' | '))"
)
_WIDTH = "document.documentElement.scrollWidth"
"""A phone makes a page that is too wide smaller, so its inner width is no measure."""
LISTEN = (
    "addEventListener('securitypolicyviolation', event =>"
    " console.error('CSP: ' + event.effectiveDirective + ' ' + event.blockedURI))"
)
"""A script that tells the console what the policy of a page has refused."""
_KINDS = (
    "[...new Set([...document.querySelectorAll('*')]"
    ".map(node => [node.tagName, ...['class', 'role', 'type', 'aria-current'].map(x => node.getAttribute(x))].join())"
    ")].sort().join(' ')"
)
"""The kinds of the things on a page."""
_CUT = (
    "[...document.querySelectorAll('.table-card *, .card *')].filter(node => {"
    " const around = node.closest('.table-card, .card');"
    " const [edge, card] = [node, around].map(x => x.getBoundingClientRect());"
    " const margin = node.closest('.facts') ? parseFloat(getComputedStyle(around).paddingRight) : 0;"
    " return edge.width > 1 && !node.closest('.scroll, svg, thead, .hidden')"
    " && (edge.right > card.right - margin + 1 || edge.left < card.left + margin - 1) })"
    ".map(node => node.outerHTML.slice(0, 100)).slice(0, 3)"
)
"""What reaches beyond the edge of its card, which hides it; or a fact that reaches into its margin."""
_FAILED = "Failed to load resource: the server responded with a status of"
_SCRIPT = re.compile(r"<script\b.*?</script>", re.DOTALL)


@dataclass
class Window:
    """A window with its own cookies.

    Attributes:
        site: The service that it looks at.
        page: The page of Playwright.
        way: The way through the pages.
        copies: A page with scripts, for copies of pages without them; None if scripts run.
        said: What the console said, and errors of scripts, each with the address that it is about.
        outside: Requests to other hosts.
        looked: The kinds of pages that axe has looked at in such a window, for any test of the session.
    """

    site: Site
    page: Page
    way: Way
    copies: Page | None = None
    said: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    outside: list[str] = field(default_factory=list[str])
    looked: set[tuple[object, ...]] = field(default_factory=set[tuple[object, ...]])

    def __post_init__(self) -> None:
        """Watch the page from its next request on."""
        self.page.on("request", self._note)
        self.page.on("console", self._hear)
        self.page.on("pageerror", self._fail)

    async def leave(self) -> None:
        """Leave the page empty, and watch it no more."""
        self.page.remove_listener("request", self._note)
        self.page.remove_listener("console", self._hear)
        self.page.remove_listener("pageerror", self._fail)
        await self.page.unroute_all()
        await self.page.goto("about:blank")

    def _note(self, request: Request) -> None:
        if not request.url.startswith((self.site.base, "data:", "about:")):
            self.outside.append(request.url)

    def _hear(self, message: ConsoleMessage) -> None:
        self.said.append((f"{message.type}: {message.text}", message.location.get("url", "")))

    def _fail(self, error: Error) -> None:
        self.said.append((f"error: {error}", self.page.url))

    def _heard(self) -> list[str]:
        """Return what was said, but for the status of the page itself, which is asserted where it is opened."""
        heard, self.said = self.said, []
        return [text for text, url in heard if _FAILED not in text or url != self.page.url]

    async def go(self, path: str, status: int = 200) -> None:
        """Open a path, and check the page."""
        answer = await self.page.goto(self.site.base + path)
        assert answer is not None
        assert answer.status == status, f"{path}: {answer.status}"
        await self.check()

    async def reload(self, status: int = 200) -> None:
        """Load the page again, and check it."""
        answer = await self.page.reload()
        assert answer is not None
        assert answer.status == status
        await self.check()

    async def press(self, name: str, *, role: Any = "button", status: int = 200) -> None:
        """Press a button or a link by its words, and check the page behind it."""
        async with self.page.expect_navigation() as navigation:
            await self.way.hand.press(self.page.get_by_role(role, name=name, exact=True).first)
        answer = await navigation.value
        assert answer is not None
        assert answer.status == status, f"{name}: {answer.status}"
        await self.check()

    async def tick(self, label: str) -> None:
        """Tick a box by its label."""
        await self.way.hand.tick(self.page.get_by_label(label))

    async def write(self, label: str, text: str) -> None:
        """Write into a field by its label."""
        await self.way.hand.write(self.page.get_by_label(label), text)

    async def check(self) -> None:
        """Assert that the page is quiet, loads nothing from elsewhere, fits, and is readable by everybody."""
        width, room = await self.page.evaluate(_WIDTH), SHAPES[self.way.shape]["viewport"]["width"]
        found = [f"it is {width} wide in a window of {room}"] if width > room else []
        found += await self._violations()
        found += [*self._heard(), *self.outside]
        assert not found, f"{self.page.url}: {'; '.join(found)}"

    async def _violations(self) -> list[str]:
        """Return what axe finds; a page with the same kinds of things as one before is not looked at again.

        A page in the dark has the structure of the one in the light, so there its colours are looked at alone.
        """
        kind = (self.way.scripts, self.site.shown, await self.page.evaluate(_KINDS))
        shape = self.way.shape
        if (shape, *kind) in self.looked:
            return []
        rules = COLOURS if (IN_THE_LIGHT.get(shape), *kind) in self.looked else RULES
        page = self.page if self.copies is None else await self._copied(self.copies)
        await page.evaluate(f"{_AXE}\n;0")
        found: list[str] = await page.evaluate(_ASK, list(rules))
        if not found:
            self.looked.add((shape, *kind))
        return found

    async def _copied(self, copies: Page) -> Page:
        """Return a copy of the page without its script: axe is a script itself, and none runs in the page."""
        text = _SCRIPT.sub("", await self.page.content())
        await copies.set_content(text.replace("<head>", f'<head><base href="{self.site.base}">', 1))
        return copies

    async def check_width(self, width: int) -> None:
        """Assert that a window of another width cuts nothing off.

        Args:
            width: The width in pixels.
        """
        size = SHAPES[self.way.shape]["viewport"]
        await self.page.set_viewport_size({"width": width, "height": size["height"]})
        cut: list[str] = await self.page.evaluate(_CUT)
        await self.page.set_viewport_size(size)
        assert not cut, f"{self.page.url}, {width} wide: {'; '.join(cut)}"

    async def text(self) -> str:
        """The words that the page shows."""
        return await self.page.locator("body").inner_text()

    async def picture(self, name: str) -> None:
        """Make a picture of the whole page if pictures are asked for; the page must be what the gallery says."""
        assert self.site.shown == GALLERY[name], f"{name} shows {self.site.shown}"
        if PICTURES and self.way in (WAYS[shape] for shape in KEPT):
            folder = IMAGES.parents[1] / PICTURES
            folder.mkdir(parents=True, exist_ok=True)
            await self.page.screenshot(path=folder / f"{name}-{self.way.shape}.png", full_page=True)

    async def sign_in_as_operator(self, *scopes: str, **fields: Any) -> None:
        """Sign in by a root key, which may do everything unless scopes are given."""
        await self.go("/operator/sign-in")
        await self.write("Root key", await self.site.root_key(*scopes, **fields))
        await self.press("Sign in")
        await self.page.get_by_role("button", name="Sign out").wait_for()

    async def sign_in(self, owner: str = "globex", button: str = "Show my keys") -> None:
        """Sign in as a customer, by a link."""
        await self.page.goto(await link(self.site, owner))
        await self.press(button)
        await self.page.wait_for_url("**/portal/keys")


async def link(site: Site, owner: str) -> str:
    """Make a link that signs a customer in."""
    return address_of(await new_link(site.keys, owner, "Mia Fox"), site.base)
