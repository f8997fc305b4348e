"""A subscription to news: a thread that listens until it is told to end, and says whether it hears.

What it listens with is the driver's: a function that connects, hears, and returns or raises when it hears no more.
Whatever it raises, and whatever the listener raises, the thread lives on and connects again; the driver announces a
gap each time that it does.
"""

from __future__ import annotations

import threading
import time

from secretsource import _fork
from secretsource.stores.records import FeedHealth

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.stores.records import KeyChange


class Listening:
    """One subscription; call it to end it.

    Args:
        name: What it listens to, without user and password.
        hear: Connects and passes on what it hears, until `ended` is set or it can hear no more.
        explain: What to tell people of an error that ``hear`` raised; it quotes nothing of it.
        listener: What to tell; see `ChangeFeed.subscribe`.
        pauses: Seconds before a connection is tried again: at first, and at most; doubled in between.

    Attributes:
        ended: Set when nothing is to be heard any more.
    """

    def __init__(
        self,
        name: str,
        hear: Callable[[Listening], None],
        explain: Callable[[Exception], str],
        listener: Callable[[KeyChange], None],
        pauses: tuple[float, float],
    ) -> None:
        self.ended = threading.Event()
        self._name = name
        self._hear = hear
        self._explain = explain
        self._listener = listener
        self._first_pause, self._longest_pause = pauses
        self._pause = self._first_pause
        self._health = FeedHealth(name, False, time.time())
        self._thread = threading.Thread(target=self._listen, name="secretsource-listen", daemon=True)
        _fork.tell(self)

    def after_fork(self) -> None:
        """End in a forked child, which has no such thread; subscribe again to have news there."""
        self.ended = threading.Event()
        self.ended.set()

    def begin(self) -> None:
        """Start to listen."""
        self._thread.start()

    def __call__(self) -> None:
        """Listen no longer; the thread ends as soon as the driver looks up."""
        self.ended.set()

    def health(self) -> FeedHealth:
        """Whether it hears, as of now."""
        health = self._health
        is_alive = self._thread.is_alive() and not self.ended.is_set()
        return health if is_alive else health._replace(listening=False)

    def tell(self, change: KeyChange) -> None:
        """Pass on what was heard, unless it has ended meanwhile."""
        self.note()
        if not self.ended.is_set():
            self._listener(change)

    def note(self) -> None:
        """Note that something was heard, be it only an answer to ourselves."""
        self._health = self._health._replace(heard=time.time())

    def prove(self) -> None:
        """Note that news arrives here, because some has."""
        self._pause = self._first_pause
        now = time.time()
        since = self._health.since if self._health.listening else now
        self._health = FeedHealth(self._name, True, since, now)

    def doubt(self, trouble: str) -> None:
        """Note that news may not arrive.

        Args:
            trouble: Why, and what to do; it has no secret in it.
        """
        since = time.time() if self._health.listening else self._health.since
        self._health = self._health._replace(listening=False, since=since, trouble=trouble)

    def _listen(self) -> None:
        while not self.ended.is_set():
            try:
                self._hear(self)
            except Exception as error:
                self.doubt(self._explain(error))
            else:
                self.doubt("the connection fell silent")
            self.ended.wait(self._pause)
            self._pause = min(self._pause * 2, self._longest_pause)
