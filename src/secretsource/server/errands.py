"""Work that goes on after its request was answered; a stop of the service waits for it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Coroutine

__all__ = ["MOST", "Errands", "Work"]

MOST = 64
"""Errands that are under way at once."""
_log = logging.getLogger(__name__)


class Work(Protocol):
    """Work that goes on as an errand, as long as its settings are in force."""

    def begin(self) -> None:
        """Start."""

    def end(self) -> None:
        """Stop soon; other work may begin at once."""


class Errands:
    """The errands of one process."""

    def __init__(self) -> None:
        self._under_way: set[asyncio.Task[None]] = set()
        self._ending = asyncio.Event()

    @property
    def is_full(self) -> bool:
        """Whether no further errand may begin now."""
        return len(self._under_way) >= MOST or self._ending.is_set()

    @property
    def is_ending(self) -> bool:
        """Whether the service stops, so that an errand tries once more at most."""
        return self._ending.is_set()

    def start(self, errand: Coroutine[Any, Any, None], name: str) -> None:
        """Start an errand; an error that it does not expect is logged without its text.

        Args:
            errand: The work.
            name: Its name, for the log.
        """
        task = asyncio.get_running_loop().create_task(_told(errand, name), name=f"secretsource-{name}")
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def pause(self, seconds: float, *ends: asyncio.Event) -> None:
        """Wait before the next attempt; a stop of the service ends the pause.

        Args:
            seconds: The length of the pause.
            ends: Events that end the pause too.
        """
        waiting = [asyncio.ensure_future(end.wait()) for end in (self._ending, *ends)]
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()

    async def finish(self, within: float) -> None:
        """Let every errand come to its end, and cancel those that take longer.

        Args:
            within: Seconds that they have.
        """
        self._ending.set()
        if not self._under_way:
            return
        _, late = await asyncio.wait(tuple(self._under_way), timeout=within)
        for task in late:
            _log.error("%s was not finished before the service stopped", task.get_name())
            task.cancel()
        if late:
            await asyncio.wait(late)


async def _told(errand: Coroutine[Any, Any, None], name: str) -> None:
    try:
        await errand
    except Exception as error:
        _log.error("%s failed: %s", name, type(error).__name__)
