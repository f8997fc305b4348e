"""Turns for working: each thread has one while it works, and a fork takes all of them.

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
    from typing import Any, TypeAlias

    Turn: TypeAlias = threading.RLock


class Turns:
    """The turns of the threads that have worked at least once."""

    def __init__(self) -> None:
        self._mine = threading.local()
        self._all: weakref.WeakSet[Turn] = weakref.WeakSet()
        self._joining = threading.RLock()
        self._taken: list[Turn] = []
        self._are_wanted = False

    def mine(self) -> Turn:
        """Return the turn of this thread, for a ``with`` block; a signal's function may take it once more.

        This waits while another thread takes all turns, unless this thread works already.
        """
        turn: Any = getattr(self._mine, "turn", None)
        if turn is None or (self._are_wanted and not turn._is_owned()):
            with self._joining:  # which is taken first, and released last
                if turn is None:
                    turn = self._mine.turn = threading.RLock()
                    self._all.add(turn)
        mine: Turn = turn
        return mine

    def take_all(self, patience: float) -> bool:
        """Wait until no other thread works, and let no thread start, until `release`.

        Args:
            patience: Longest time to wait, in seconds.

        Returns:
            False, with nothing taken, if a thread still works then.
        """
        until = time.monotonic() + patience
        self._are_wanted = True
        if self._take(self._joining, until) and all(self._take(turn, until) for turn in list(self._all)):
            return True
        self.release()
        return False

    def release(self) -> None:
        """Let all others work again."""
        self._are_wanted = False
        while self._taken:
            with suppress(RuntimeError):  # a signal arrived before it was taken, or before it left the list
                self._taken[-1].release()
            self._taken.pop()

    def _take(self, turn: Turn, until: float) -> bool:
        self._taken.append(turn)
        if turn.acquire(timeout=max(0.0, until - time.monotonic())):
            return True
        self._taken.pop()
        return False
