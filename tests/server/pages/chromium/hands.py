"""The hands of a person at a page: a mouse, a finger, or a keyboard alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from playwright.async_api import Locator

__all__ = ["Finger", "Hand", "Keyboard", "Mouse"]

STOPS = 150
"""Stops of the tabulator on the longest page, and some more."""
RING = "node => getComputedStyle(node).outlineStyle + getComputedStyle(node).outlineWidth"


class Hand(Protocol):
    """A way to work a page."""

    async def press(self, target: Locator) -> None:
        """Press a button, or follow a link."""

    async def tick(self, target: Locator) -> None:
        """Tick a box."""

    async def write(self, target: Locator, text: str) -> None:
        """Write into a field, in place of what is there."""


class Mouse:
    """A mouse, and a keyboard for texts."""

    async def press(self, target: Locator) -> None:
        """See `Hand.press`."""
        await target.click()

    async def tick(self, target: Locator) -> None:
        """See `Hand.tick`."""
        await target.check()

    async def write(self, target: Locator, text: str) -> None:
        """See `Hand.write`."""
        await target.fill(text)


class Finger(Mouse):
    """A finger on glass."""

    async def press(self, target: Locator) -> None:
        """See `Hand.press`."""
        await target.tap()


class Keyboard:
    """A keyboard alone: a thing is pressed after the tabulator has come to it, and it shows that it has the focus."""

    async def press(self, target: Locator) -> None:
        """See `Hand.press`."""
        await self._reach(target)
        await target.page.keyboard.press("Enter")

    async def tick(self, target: Locator) -> None:
        """See `Hand.tick`."""
        await self._reach(target)
        await target.page.keyboard.press("Space")

    async def write(self, target: Locator, text: str) -> None:
        """See `Hand.write`."""
        await self._reach(target)
        await target.page.keyboard.press("Control+A")
        await target.page.keyboard.type(text)

    async def _reach(self, target: Locator) -> None:
        for _ in range(STOPS):
            await target.page.keyboard.press("Tab")
            if await target.evaluate("node => node === document.activeElement"):
                assert await target.evaluate(RING) == "solid3px", f"{target} does not show its focus"
                return
        raise AssertionError(f"the tabulator does not come to {target}")
