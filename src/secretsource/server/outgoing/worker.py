"""The workers of one process: each empties one queue of the outbox, beside those of other processes.

A worker takes messages that are due, carries them out, and settles each. The store gives a message to one worker at a
time. A queue that fails holds up no other queue.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import TYPE_CHECKING

from secretsource.exceptions import StoreError
from secretsource.server.outgoing.retries import PAUSES, after_failure

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from secretsource.server.errands import Errands
    from secretsource.server.outgoing.retries import Failure
    from secretsource.stores.base import AsyncOutbox, Message

__all__ = ["EVERY", "TURN", "Worker"]

EVERY = 1.0
"""Seconds between two looks at a queue in which nothing is due."""
TURN = 30.0
"""Seconds after which another process takes a message up, if the one that took it was killed."""
AT_ONCE = 4
"""Messages of one queue that one process carries out at the same time."""
LASTS = 30 * 86400.0
"""Seconds after which a message is forgotten, whether it was given up or its queue has no worker any more."""
TIDY_EVERY = 3600.0
_log = logging.getLogger(__name__)


async def _nothing() -> None:
    """Look for nothing new."""


def _ignored(*_: object) -> None:
    """Count nothing, and close nothing."""


class Worker:
    """The worker of one queue.

    Args:
        outbox: The outbox of the store.
        queue: The queue.
        carry_out: Carries a message out, and returns why that failed, or None.
        errands: The errands of the service; their end is the end of the work.
        refill: Stores what is new in the queue; called before each look.
        settled: Told of each attempt: why it failed, or None, and the message that stays, or None.
        close: Called at the end of the work.
        pauses: Seconds after each attempt that failed.
        clock: Returns seconds since 1970 UTC.
    """

    def __init__(
        self,
        outbox: AsyncOutbox,
        queue: str,
        carry_out: Callable[[Message], Awaitable[Failure | None]],
        errands: Errands,
        *,
        refill: Callable[[], Awaitable[None]] = _nothing,
        settled: Callable[[Failure | None, Message | None], None] = _ignored,
        close: Callable[[], None] = _ignored,
        pauses: Sequence[float] = PAUSES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._outbox = outbox
        self._queue = queue
        self._carry_out = carry_out
        self._errands = errands
        self._refill = refill
        self._settled = settled
        self._close = close
        self._pauses = pauses
        self._clock = clock
        self._tidied = float("-inf")
        self._is_ended = False

    def begin(self) -> None:
        """Start to empty the queue now and then, as an errand of the service."""
        self._errands.start(self._keep_empty(), self._queue)

    def end(self) -> None:
        """Stop after the messages that are being carried out; another worker may begin at once."""
        self._is_ended = True

    async def empty(self) -> None:
        """Do what is due, until nothing is, or the work ends.

        Raises:
            StoreError: The store could not answer; what was taken is due again by itself.
        """
        while True:
            await self._refill()
            now = self._clock()
            taken = await self._outbox.take(self._queue, now, now + TURN, AT_ONCE)
            if not taken:
                return
            for failure in await asyncio.gather(*map(self._settle, taken), return_exceptions=True):
                if failure is not None:
                    raise failure
            if self._has_ended:
                return

    @property
    def _has_ended(self) -> bool:
        return self._is_ended or self._errands.is_ending

    async def _keep_empty(self) -> None:
        """Empty the queue now and then, until the work ends."""
        try:
            await self._empty_again_and_again()
        finally:
            self._close()

    async def _empty_again_and_again(self) -> None:
        trouble = ""
        while not self._has_ended:
            before, trouble = trouble, await self._try()
            if trouble and trouble != before:
                _log.error("the queue %s waits: %s", self._queue, trouble)
            await self._errands.pause(EVERY)

    async def _try(self) -> str:
        """Empty the queue once; return why that failed, or an empty text. No error ends the work."""
        try:
            now = self._clock()
            if not self._tidied <= now < self._tidied + TIDY_EVERY:  # the clock may have been set back
                await self._outbox.forget(now - LASTS)
                self._tidied = now
            await self.empty()
        except StoreError as error:
            return str(error)
        except Exception as error:
            return type(error).__name__  # its text may hold anything
        return ""

    async def _settle(self, taken: Message) -> None:
        failure = await self._carry_out(taken)
        chance = random.random()  # noqa: S311 - it spreads attempts, and protects nothing
        later = None if failure is None else after_failure(taken, failure, self._clock(), chance, self._pauses)
        if not await self._outbox.settle(taken, later):
            return
        self._settled(failure, later)
        if later is not None and later.due is None:
            _log.error("message %s of the queue %s was given up: %s", taken.id, self._queue, later.trouble)
