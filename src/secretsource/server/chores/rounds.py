"""The rounds of chores of one process: now and then it looks after all keys, some at a time.

Each process of the service does so; the store gives the turn to one at a time. Between two runs of a round, requests
are answered, and the round stops there when the service stops.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import TYPE_CHECKING

from secretsource.exceptions import SecretSourceError
from secretsource.issuing import ChoreReport

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.issuing import AsyncApiKeys
    from secretsource.server.chores.figures import ChoreFigures
    from secretsource.server.chores.settings import ChoreSettings
    from secretsource.server.errands import Errands

__all__ = ["AT_ONCE", "FIRST", "ChoreRounds"]

AT_ONCE = 500
"""Keys that one run looks at."""
FIRST = 60.0
"""Seconds before the first round, at least: a process that starts has requests to answer."""
SPREAD = 0.1
"""The largest share by which a pause is shorter or longer, so that processes do not all come at once."""
_log = logging.getLogger(__name__)


class ChoreRounds:
    """The rounds of one process.

    Args:
        keys: The keys.
        settings: The settings.
        errands: The errands of the service; their end is the end of the rounds.
        figures: Told of each round.
        clock: Returns seconds since 1970 UTC.
        chance: Returns a number from 0 to below 1.
    """

    def __init__(
        self,
        keys: AsyncApiKeys,
        settings: ChoreSettings,
        errands: Errands,
        figures: ChoreFigures,
        *,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._keys = keys
        self._settings = settings
        self._errands = errands
        self._figures = figures
        self._clock = clock
        self._chance = chance
        self._end = asyncio.Event()

    def begin(self) -> None:
        """Start to do a round now and then, as an errand of the service."""
        self._errands.start(self._go_on(), "chores")

    def end(self) -> None:
        """Stop after the run that is under way; other rounds may begin at once."""
        self._end.set()

    @property
    def _has_ended(self) -> bool:
        return self._end.is_set() or self._errands.is_ending

    async def _go_on(self) -> None:
        """Do a round after each pause, until the rounds end."""
        every, trouble = self._settings.every, ""
        pause = min(every, FIRST) * (1 + self._chance())
        while True:
            await self._errands.pause(pause, self._end)
            if self._has_ended:
                return
            before, trouble = trouble, await self._try()
            if trouble and trouble != before:
                _log.error("a round of chores failed, and is tried again every %g seconds: %s", every, trouble)
            pause = every * (1 - SPREAD + 2 * SPREAD * self._chance())

    async def _try(self) -> str:
        """Do a round; return why that failed, or an empty text. No error ends the rounds."""
        report, trouble = None, ""
        try:
            report = await self._round()
        except SecretSourceError as error:
            trouble = str(error)
        except Exception as error:
            trouble = type(error).__name__  # its text may hold anything
        self._figures.note(report, self._clock())
        return trouble

    async def _round(self) -> ChoreReport:
        """Look after all keys, until the last one, or until another process has the turn, or the rounds end."""
        rules, total = self._settings.rules(), ChoreReport()
        while not (total.done or total.busy or self._has_ended):
            total = total.followed_by(await self._keys.run_chores(limit=AT_ONCE, **rules))
        return total
