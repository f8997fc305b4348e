"""A window of Chromium that notes whatever a page must not do."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import axe_playwright_python

from secretsource.server.open_paths.links import address_of, new_link

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.async_api import BrowserContext, Page, Route
    from tests.server.pages.chromium.site import Site

__all__ = ["SHAPES", "Window", "picture"]

TREE = Path(__file__).parents[4]
PICTURES = os.environ.get("PICTURES")
"""The folder for pictures of the views, such as ``docs/images``; without it none are made."""

SHAPES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1180, "height": 820}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1180, "height": 820}, "color_scheme": "dark"},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "is_mobile": True,
        "has_touch": True,
        "color_scheme": "light",
    },
    "dark phone": {
        "viewport": {"width": 390, "height": 844},
        "is_mobile": True,
        "has_touch": True,
        "color_scheme": "dark",
    },
}
"""The windows that pages are looked at in."""

KEPT = ("desktop", "dark", "phone")
"""The windows that pictures are kept of."""

RULES = ("wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice")
DARK_RULES = ("color-contrast",)
"""A dark page has the structure of the light one, and other colours."""
_AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
_ASK = (
    "async rules => (await axe.run(document, {runOnly: rules})).violations"
    ".map(each => each.id + ': ' + each.nodes.map(node => node.html.slice(0, 150)).slice(0, 3).join(' | '))"
)
_LISTEN = (
    "addEventListener('securitypolicyviolation', event =>"
    " console.error('CSP: ' + event.effectiveDirective + ' ' + event.blockedURI))"
)
_FAILED = "Failed to load resource: the server responded with a status of"


@dataclass
class Window:
    """A window with its own cookies.

    Attributes:
        site: The service that it looks at.
        page: The page of Playwright.
        has_scripts: Whether scripts run.
        said: What the console said, and errors of scripts.
        outside: Requests to other hosts.
        rules: The rules of accessibility that it checks.
    """

    site: Site
    page: Page
    has_scripts: bool = True
    said: list[str] = field(default_factory=list[str])
    outside: list[str] = field(default_factory=list[str])
    rules: Sequence[str] = RULES

    @classmethod
    async def opened(
        cls, site: Site, context: BrowserContext, *, has_scripts: bool = True, rules: Sequence[str] = RULES
    ) -> Window:
        """Open a window that watches from its first request on."""
        page = await context.new_page()
        window = cls(site, page, has_scripts, rules=rules)
        await context.route("**/*", window._watch)
        if has_scripts:
            await page.add_init_script(_LISTEN)
        page.on("console", lambda message: window.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: window.said.append(f"error: {error}"))
        return window

    async def _watch(self, route: Route) -> None:
        if route.request.url.startswith((self.site.base, "data:")):
            await route.continue_()
        else:
            self.outside.append(route.request.url)
            await route.abort("blockedbyclient")

    async def go(self, path: str, status: int = 200) -> None:
        """Open a path, and check the page."""
        answer = await self.page.goto(self.site.base + path)
        assert answer is not None
        assert answer.status == status, f"{path}: {answer.status}"
        if status >= 400:
            self.forgive(status)
        await self.check()

    def forgive(self, status: int) -> None:
        """Forget that the console told of an answer with this status, as Chromium does from 400 on."""
        self.said = [line for line in self.said if f"{_FAILED} {status}" not in line]

    async def press(self, name: str, *, role: Any = "button") -> None:
        """Press a button or a link by its words, and wait for the page behind it."""
        await self.page.get_by_role(role, name=name, exact=True).first.click()
        await self.page.wait_for_load_state()

    async def check(self) -> None:
        """Assert that the page is quiet, loads nothing from elsewhere, fits, and is readable."""
        found = [*self.said, *self.outside]
        if self.has_scripts:
            width, room = await self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            if width > room:
                found.append(f"it is {width} wide in a window of {room}")
            await self.page.evaluate(f"{_AXE}\n;0")
            found += await self.page.evaluate(_ASK, list(self.rules))
        assert not found, f"{self.page.url}: {'; '.join(found)}"

    async def text(self) -> str:
        """The words that the page shows."""
        return await self.page.locator("body").inner_text()

    async def sign_in_as_operator(self) -> None:
        """Sign in by a root key that may do everything."""
        await self.page.goto(f"{self.site.base}/operator/sign-in")
        await self.page.get_by_label("Root key").fill(await self.site.root_key())
        await self.press("Sign in")
        await self.page.get_by_role("button", name="Sign out").wait_for()

    async def sign_in(self, owner: str = "globex") -> None:
        """Sign in as a customer, by a link."""
        await self.page.goto(await link(self.site, owner))
        await self.press("Show my keys")
        await self.page.wait_for_url("**/portal/keys")


async def link(site: Site, owner: str) -> str:
    """Make a link that signs a customer in."""
    return address_of(await new_link(site.keys, owner, "Mia Fox"), site.base)


async def picture(window: Window, name: str, shape: str) -> None:
    """Make a picture of the whole page, if pictures are asked for; a dark phone is looked at, and not kept."""
    if PICTURES and shape in KEPT:
        folder = TREE / PICTURES
        folder.mkdir(parents=True, exist_ok=True)
        await window.page.screenshot(path=folder / f"{name}-{shape}.png", full_page=True)
