"""The work beside the checks: flushing uses, following the peppers, and receiving changes made elsewhere.

It begins with the first key that needs the store, never in a constructor, and again in a forked child. It holds its
owner weakly: an `ApiKeys` that is dropped without `close` is collected, and its thread or task ends by itself.
"""

from __future__ import annotations

import errno
import threading
import weakref
from itertools import zip_longest
from threading import get_ident

from secretsource._ground import fork
from secretsource.exceptions import StoreError
from secretsource.issuing._manage.health import Health
from secretsource.stores.base import ChangeFeed, FeedHealth, Subscription

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine, Sequence
    from typing import Any, Protocol

    from secretsource.issuing._check.record_cache import RecordCache
    from secretsource.stores.base import KeyChange

    class Tended(Protocol):
        """The chores of an `ApiKeys`; the methods of an `AsyncApiKeys` return awaitables."""

        def flush(self) -> Any:
            """Store the uses seen."""

        def _follow(self) -> Any:
            """Load new peppers."""

        def _tend(self) -> Any:
            """Look after the next keys of the round, if it is time."""


_SPENT = frozenset({errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM})
"""The errors of a system that has nothing to spare. A check goes on without news, by the ttl."""
_NO_THREAD = "can't start new thread"
"""The same, as Python says it of a thread."""


def _is_shortage(error: BaseException) -> bool:
    """Return whether the system had no thread or descriptor to spare; a signal's handler may raise anything else."""
    return getattr(error, "errno", None) in _SPENT or str(error) == _NO_THREAD


class Chores:
    """The chores of one `ApiKeys`, in a daemon thread.

    Attributes:
        failures: Flushes in the background that the store did not take; the next flush includes their uses.
        flushing: The lock of a flush, so that a flush returns only when no other is under way. It is reentrant: a
            signal may close the keys in the middle of a flush of its own thread.
    """

    def __init__(self, keys: Tended, every: float, cache: RecordCache, *sources: object) -> None:
        self._keys = weakref.ref(keys)
        self._every = every
        self._feed = _Feed(cache, sources)
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._begun = False
        self.failures = 0
        self.flushing = threading.RLock()
        fork.tell(self)

    def after_fork(self) -> None:
        """Start again in a forked child, which has none of its parent's threads; one may have held a lock."""
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self.flushing = threading.RLock()
        self._begun = False

    def begin(self) -> None:
        """Start, unless this process has started them; if that is impossible, the next check tries again."""
        if not self._begun:
            with self._lock:
                self._start()

    def _start(self) -> None:
        if self._begun:  # another thread was quicker
            return
        try:
            self._begun = True  # also for a signal handler that checks a key meanwhile
            self._stop.set()  # ends a thread whose start was cut short
            self._stop = stop = threading.Event()
            self._feed.subscribe()
            threading.Thread(
                target=self._flush_now_and_then, args=(stop,), name="secretsource-flush", daemon=True
            ).start()
        except BaseException as error:
            self._begun = False  # the next check starts them
            if not _is_shortage(error):
                raise

    def end(self) -> None:
        """Stop; a flush that is under way ends by itself, and the next flush waits for it."""
        self._stop.set()
        self._feed.cancel()
        self._begun = False

    def health(self) -> Health:
        """Return whether the chores go on."""
        return Health(self._feed.health(), self.failures)

    def _flush_now_and_then(self, stop: threading.Event) -> None:
        try:
            self._flush_until(stop)
        except BaseException:  # of a store that raises what it must not; the next check starts again
            self._begun = self._begun and stop is not self._stop
            raise

    def _flush_until(self, stop: threading.Event) -> None:
        while not stop.wait(self._every):
            keys = self._keys()
            if keys is None:
                self._feed.cancel()
                return
            try:
                keys._follow()
                keys.flush()
                keys._tend()
            except StoreError:
                self.failures += 1
            del keys


class AsyncChores:
    """The chores of one `AsyncApiKeys`, in a task of the event loop that first checks a key.

    Attributes:
        failures: Flushes in the background that the store did not take; the next flush includes their uses.
    """

    def __init__(self, keys: Tended, every: float, cache: RecordCache, *sources: object) -> None:
        self._keys = weakref.ref(keys)
        self._every = every
        self._feed = _Feed(cache, sources)
        self._task: asyncio.Task[None] | None = None
        self._thread = 0
        self._running_loop = _running_loop()
        self._flushes: set[asyncio.Task[None]] = set()
        self._next: asyncio.Task[None] | None = None
        self.failures = 0
        fork.tell(self)

    def after_fork(self) -> None:
        """Start again in a forked child, which runs a loop of its own."""
        self._task = None

    def begin(self) -> None:
        """Start, unless they are under way in this loop; if that is impossible, the next check tries again."""
        task = self._task
        # Asking asyncio for the running loop would be a call to the system, at each uncached check.
        if task is not None and self._thread == get_ident() and task.get_loop().is_running() and not task.done():
            return
        try:
            self._feed.subscribe()
        except Exception as error:
            if not _is_shortage(error):
                raise
            return
        loop = self._running_loop()
        self._thread = get_ident()
        self._task = loop.create_task(self._flush_now_and_then(), name="secretsource-flush")

    def end(self) -> None:
        """Stop."""
        self._feed.cancel()
        if self._task is not None:
            if not self._task.get_loop().is_closed():
                self._task.cancel()
            self._task = None

    def health(self) -> Health:
        """Return whether the chores go on."""
        return Health(self._feed.health(), self.failures)

    async def finish(self, flush: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Flush to the end, after the flushes that are under way in this loop; all that wait for it share one flush.

        A cancelled caller stops waiting, and the flush goes on. A store that works in a thread would go on anyway, and
        the next flush would count the same uses twice.
        """
        from asyncio import shield

        loop = self._running_loop()
        task = self._next
        if task is None or task.done() or task.get_loop() is not loop:
            under_way = [task for task in self._flushes if task.get_loop() is loop]
            task = self._next = loop.create_task(self._after(under_way, flush))
            self._flushes.add(task)
            task.add_done_callback(self._flushes.discard)
        await shield(task)

    async def _after(
        self, others: Sequence[asyncio.Task[None]], flush: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        from asyncio import wait

        if others:
            await wait(others)
        self._next = None  # what is seen from here on may be too late for this flush
        await flush()

    async def _flush_now_and_then(self) -> None:
        from asyncio import sleep

        while True:
            await sleep(self._every)
            keys = self._keys()
            if keys is None:
                self._feed.cancel()
                return
            try:
                await keys._follow()
                await keys.flush()
                await keys._tend()
            except StoreError:
                self.failures += 1
            del keys


def _running_loop() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return asyncio's function; keys for threads do not load asyncio."""
    from asyncio import get_running_loop

    return get_running_loop


class _Feed:
    """News of changes, from any source to a cache that needs them."""

    def __init__(self, cache: RecordCache, sources: tuple[object, ...]) -> None:
        self._cache = cache
        self._sources = [source for source in sources if isinstance(source, ChangeFeed)]
        self._subscriptions: list[Callable[[], None]] = []

    def subscribe(self) -> None:
        self.cancel()
        if self._sources:
            self._cache.news(None, 0)  # records cached before there was news are in doubt
            for source in self._sources:
                self._subscriptions.append(source.subscribe(self._tell))

    def cancel(self) -> None:
        while self._subscriptions:
            self._subscriptions.pop()()

    def health(self) -> tuple[FeedHealth, ...]:
        return tuple(_health(source, end) for source, end in zip_longest(self._sources, self._subscriptions))

    def _tell(self, change: KeyChange) -> None:
        self._cache.hear(change)


def _health(source: ChangeFeed, end: Callable[[], None] | None) -> FeedHealth:
    if isinstance(end, Subscription):
        return end.health()
    name = type(source).__name__
    if end is None:
        return FeedHealth(name, False, trouble="listening begins with the first key that needs the store")
    return FeedHealth(name, None)
