"""Slow work that one thread does for several callers; each caller waits until its own deadline.

Some waits have no timeout: the look-up of a host name, a program that prints credentials, an import. A caller that
gives up leaves the work running, and the next caller joins it. A second thread for the same work starts only if the
first has not ended after a minute.
"""

from __future__ import annotations

from contextlib import suppress
from contextvars import copy_context
from threading import Event, RLock, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from secretsource._ground.fork import tell
from secretsource.providers.base import Failed, FailureCode

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

__all__ = ["NO_THREAD", "Errands", "NoThread", "in_thread", "overdue"]

Result = TypeVar("Result")


LOST = 60.0
"""Seconds after which unfinished work is abandoned, so that one stuck program does not block a process for good."""


class NoThread(TimeoutError):
    """An error: no thread could be started for the work, so it has not begun."""


NO_THREAD = Failed(
    FailureCode.UNAVAILABLE,
    "no thread could be started for it",
    "raise the limit of threads, or ask before the interpreter shuts down",
)


def overdue(error: TimeoutError, otherwise: Failed) -> Failed:
    """Return the failure of work that did not end in time, or could not begin.

    Args:
        error: The error of `Errands.result`.
        otherwise: The failure of work that goes on.
    """
    return NO_THREAD if isinstance(error, NoThread) else otherwise


async def in_thread(function: Callable[..., Result], *arguments: Any) -> Result:
    """Call a function in a thread of the running loop, as `asyncio.to_thread` does.

    Args:
        function: The function.
        arguments: Its arguments.

    Raises:
        NoThread: No thread could be started for it.
    """
    from asyncio import get_running_loop

    waiting, context = None, copy_context()
    with suppress(RuntimeError):
        waiting = get_running_loop().run_in_executor(None, lambda: context.run(function, *arguments))
    if waiting is None:
        raise NoThread("no thread could be started for the call")
    return await waiting


class _Errand(Generic[Result]):
    """One piece of work, with its result."""

    def __init__(self) -> None:
        self.done = Event()
        self.begun = monotonic()
        self.results: list[Result] = []
        self.error: Exception | None = None

    def run(self, work: Callable[[], Result]) -> None:
        try:
            self.results.append(work())
        except Exception as error:
            self.error = error

    def wait(self, deadline: float) -> None:
        if not self.done.wait(max(0.0, deadline - monotonic())):
            raise TimeoutError("the time allowed for the call is over")


class Errands:
    """The work that is under way, each by its key."""

    def __init__(self) -> None:
        self.after_fork()
        tell(self)

    def after_fork(self) -> None:
        """Start anew: a child has none of the threads that did the work, and one may have held the lock."""
        self._lock = RLock()
        self._running: dict[Hashable, _Errand[Any]] = {}

    def result(self, key: Hashable, work: Callable[[], Result], deadline: float) -> Result:
        """Return the result of the work under this key; start it unless it is running.

        Args:
            key: The work's identity; callers with the same key wait for the same work.
            work: The work.
            deadline: Monotonic seconds at which to stop waiting.

        Raises:
            NoThread: The work could not begin.
            TimeoutError: The deadline has passed, and the work goes on.
            Exception: The work raised it.
        """
        errand = self.begin(key, work)
        errand.wait(deadline)
        if errand.error is not None:
            raise errand.error
        result: Result = errand.results[0]
        return result

    def join(self, key: Hashable, deadline: float) -> None:
        """Wait for the work under this key if it is running, whatever its result.

        Raises:
            TimeoutError: The deadline has passed, and the work goes on.
        """
        with self._lock:
            errand = self._running.get(key)
        if errand is not None:
            errand.wait(deadline)

    def begin(self, key: Hashable, work: Callable[[], Result]) -> _Errand[Result]:
        """Start the work unless it has been running for less than a minute, and do not wait for it."""
        with self._lock:
            errand = self._running.get(key)
            if errand is None or monotonic() - errand.begun > LOST:
                errand = self._running[key] = _Errand()
                context = copy_context()  # the log is silent there as it is here
                try:
                    Thread(
                        target=context.run, args=(self._do, key, errand, work), name="secretsource-errand", daemon=True
                    ).start()
                except RuntimeError:  # the system has no thread left, or Python ends; the next caller tries again
                    del self._running[key]
                    errand.error = NoThread("no thread could be started for the work")
                    errand.done.set()
                except BaseException:  # a signal's function raised, perhaps before the thread began
                    del self._running[key]
                    raise
        return errand

    def _do(self, key: Hashable, errand: _Errand[Result], work: Callable[[], Result]) -> None:
        errand.run(work)
        with self._lock:
            if self._running.get(key) is errand:
                del self._running[key]
        errand.done.set()
