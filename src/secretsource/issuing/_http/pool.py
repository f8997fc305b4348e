"""Threads in which checks wait for a store, where there is an event loop: a bounded number, and a bounded queue.

The loop's own threads are few, and serve the whole application. When all of these wait and the queue is full, the store
is too slow for the load. A request is then refused and does not wait with the others.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from secretsource._ground import fork
from secretsource._ground.key_text import quote
from secretsource.exceptions import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.issuing._check.event import Asked
    from secretsource.issuing._verdict import Verdict

R = TypeVar("R")

MOST_THREADS = 1000
WAITING = 16
"""Calls that may wait, for each thread."""
PATIENCE = 5.0
"""Seconds that a call waits for a thread."""


class Overloaded(Exception):
    """No thread is free to wait in."""


def is_overload(error: Exception) -> bool:
    """Return whether an error is this one, or Python's own that no thread can start: a check may start one, too."""
    return isinstance(error, Overloaded) or "start new thread" in str(error)


class LookupPool:
    """A pool that makes each call that waits in a thread.

    Args:
        threads: Their number, 1 to 1000; they start when needed, and end with the pool.

    Raises:
        ConfigurationError: Their number is out of range.
    """

    def __init__(self, threads: object) -> None:
        if not isinstance(threads, int) or not 1 <= threads <= MOST_THREADS:
            raise ConfigurationError(
                f"lookups must be a number of threads from 1 to {MOST_THREADS}, not {quote(threads)}"
            )
        self._threads = threads
        self.after_fork()
        fork.tell(self)

    def after_fork(self) -> None:
        """Start anew in a forked child, which has none of its parent's threads."""
        self._executor = ThreadPoolExecutor(self._threads, "secretsource-lookup")
        self._calls: set[Future[Any]] = set()

    async def call(self, function: Callable[[], R], unheard: Callable[[R], object] | None = None) -> R:
        """Call a function in a thread.

        Args:
            function: The function to call.
            unheard: Called with its answer, in a thread, if nobody waits for that any more.

        Raises:
            Overloaded: Too many calls wait, no thread was free in time, or no thread can be started.
        """
        call = self._submit(function) if len(self._calls) < self._threads * (1 + WAITING) else None
        if call is None:
            raise Overloaded
        answer = asyncio.wrap_future(call)
        try:
            await asyncio.wait({answer}, timeout=PATIENCE)
            if not answer.done() and call.cancel():
                raise Overloaded
            return await answer
        except asyncio.CancelledError:  # of the request; a call that was begun goes on
            if unheard is not None and not call.cancel():
                call.add_done_callback(partial(self._pass_on, unheard))
            raise
        finally:
            answer.cancel()

    def _pass_on(self, unheard: Callable[[R], object], call: Future[R]) -> None:
        if call.exception() is None:
            self._submit(partial(unheard, call.result()))

    async def look_up(
        self, look_up: Callable[[str, Asked], Verdict], text: str, asked: Asked, release: Callable[[Verdict], object]
    ) -> Verdict:
        """Look a key up in a thread, with keys for threads.

        Args:
            look_up: The function that looks it up.
            text: The key.
            asked: The question about it.
            release: The function that releases the place of a request that is cancelled meanwhile.

        Raises:
            Overloaded: As for `call`.
        """
        lookup = _Lookup(look_up, text, asked)
        del text  # a traceback shows no key
        return await self.call(lookup, release)

    def _submit(self, function: Callable[[], R]) -> Future[R] | None:
        try:
            call = self._executor.submit(function)
        except RuntimeError:  # can't start new thread
            return None
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        return call


class _Lookup:
    """A look-up that waits for a thread; its `repr` has no key."""

    __slots__ = ("_asked", "_look_up", "_text")

    def __init__(self, look_up: Callable[[str, Asked], Verdict], text: str, asked: Asked) -> None:
        self._look_up, self._text, self._asked = look_up, text, asked

    def __call__(self) -> Verdict:
        return self._look_up(self._text, self._asked)
