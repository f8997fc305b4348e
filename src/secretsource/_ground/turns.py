"""Turns for working: each thread has one while it works, with whatever it works, and a fork takes all of them.

A thread may work with one thing and come to need another: the connections of a store are closed where Python collects
them. If it had a turn for each thing, a fork could have taken the second one, and wait for the first in vain.

Taking its own turn costs an uncached check almost nothing, because no other thread wants it. A fork goes first: a
thread that works without a pause would take its turn again before the fork wakes up.
"""

from __future__ import annotations

import threading
import time
import weakref
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TypeAlias

    Turn: TypeAlias = threading.RLock

LEAST = 0.05
"""Seconds to wait for each turn, however late it is: a thread that is not stuck ends a look-up meanwhile."""


class AllTurns:
    """The turns of the threads that have worked at least once.

    Attributes:
        are_wanted: Whether a fork takes them, or has them.
        late: The turns that the fork could not take; None if it has not even tried all.
    """

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget all threads, in a forked child, which has none of them."""
        self.are_wanted = False
        self.late: Sequence[Turn] | None = None
        self._mine = threading.local()
        self._all: weakref.WeakSet[Turn] = weakref.WeakSet()
        self._joining = threading.RLock()
        self._taken: list[Turn] = []

    def mine(self) -> Turn:
        """Return the turn of this thread, for a ``with`` block; a signal's function may take it once more.

        This waits while another thread takes all turns, unless this thread works already.
        """
        turn: Any = getattr(self._mine, "turn", None)
        if turn is None or (self.are_wanted and not turn._is_owned()):
            with self._joining:  # which is taken first, and released last
                if turn is None:
                    turn = self._mine.turn = threading.RLock()
                    self._all.add(turn)
        mine: Turn = turn
        return mine

    def take(self, patience: float) -> None:
        """Wait until no other thread works, and let no thread start, until `release`.

        Args:
            patience: Longest time to wait for all threads together, in seconds; then `LEAST` for each that still works.
        """
        until = time.monotonic() + patience
        self.are_wanted = True
        if self._take(self._joining, until):
            self.late = [turn for turn in list(self._all) if not self._take(turn, until)]

    def release(self) -> None:
        """Let all others work again."""
        self.are_wanted, self.late = False, None
        while self._taken:
            with suppress(RuntimeError):  # a signal arrived before it was taken, or before it left the list
                self._taken[-1].release()
            self._taken.pop()

    def _take(self, turn: Turn, until: float) -> bool:
        self._taken.append(turn)
        if turn.acquire(timeout=max(LEAST, until - time.monotonic())):
            return True
        self._taken.pop()
        return False


ALL = AllTurns()
"""Those of this process."""


class Turns:
    """The turns of the threads that have worked with one thing, such as a file."""

    def __init__(self) -> None:
        self._mine = threading.local()
        self._all: weakref.WeakSet[Turn] = weakref.WeakSet()

    def mine(self) -> Turn:
        """Return the turn of this thread; see `AllTurns.mine`."""
        turn: Any = getattr(self._mine, "turn", None)
        if turn is None or (ALL.are_wanted and not turn._is_owned()):
            turn = self._mine.turn = ALL.mine()
            self._all.add(turn)
        mine: Turn = turn
        return mine

    def are_taken(self) -> bool:
        """Return whether a fork has all of them, so that no other thread works with the thing."""
        late = ALL.late
        return late is not None and not any(turn in self._all for turn in late)
