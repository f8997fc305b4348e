"""A subscription to news: a thread that listens until you end it, and reports whether news arrives.

The driver supplies a function that connects, listens, and returns or raises when the connection fails. The thread
survives every error of that function and of the listener, and connects again; the driver announces a gap at each new
connection.
"""

from __future__ import annotations

import threading
import time

from secretsource._ground import fork
from secretsource.stores.feeds import FeedHealth

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.stores.feeds import KeyChange


class Listening:
    """One subscription; call it to end it.

    Args:
        name: The source of the news, without user and password.
        hear: Connects and passes news on, until `ended` is set or the connection fails.
        explain: Returns the text for people about an error of ``hear``; it quotes nothing of it.
        listener: Called with each change; see `ChangeFeed.subscribe`.
        pauses: Seconds before a new attempt to connect: at first, and at most; doubled in between.

    Attributes:
        ended: Set when the subscription has ended.
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
        fork.tell(self)

    def after_fork(self) -> None:
        """End in a forked child, which has no such thread; subscribe again to have news there."""
        self.ended = threading.Event()
        self.ended.set()

    def begin(self) -> None:
        """Start to listen."""
        self._thread.start()

    def __call__(self) -> None:
        """End the subscription; the thread ends as soon as the driver checks."""
        self.ended.set()

    def health(self) -> FeedHealth:
        """Return whether news arrives now."""
        health = self._health
        is_alive = self._thread.is_alive() and not self.ended.is_set()
        return health if is_alive else health._replace(listening=False)

    def tell(self, change: KeyChange) -> None:
        """Pass news on, unless the subscription has ended meanwhile."""
        self.note()
        if not self.ended.is_set():
            self._listener(change)

    def note(self) -> None:
        """Note that something arrived, even if it was only an answer to ourselves."""
        self._health = self._health._replace(heard=time.time())

    def prove(self) -> None:
        """Note that news arrives here, because some has arrived."""
        self._pause = self._first_pause
        now = time.time()
        since = self._health.since if self._health.listening else now
        self._health = FeedHealth(self._name, True, since, now)

    def doubt(self, trouble: str) -> None:
        """Note that news may not arrive.

        Args:
            trouble: The reason and the next step; it must hold no secret.
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
