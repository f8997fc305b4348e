"""Turns for expensive work: a bounded number at once in this process; further calls are refused.

Verifying a hash of another system takes a second, and anyone who knows how a key begins may cause it. So guesses queue
behind each other, and never take all cores.
"""

from __future__ import annotations

import threading
import weakref

from secretsource._ground import fork

PATIENCE = 2.0
"""Seconds that a check waits for its turn."""
STEP = 0.02
"""Seconds between two looks for a free turn."""


class Turn:
    """A place in the work; it is released by `Turns.give`, or when a signal or a cancellation drops it."""

    __slots__ = ("__weakref__",)


class Turns:
    """A bounded number of turns at once.

    Args:
        at_once: Their number, from 1.
    """

    __slots__ = ("__weakref__", "_at_once", "_lock", "_taken")

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self.after_fork()
        fork.tell(self)

    def after_fork(self) -> None:
        """Start anew in a forked child, where none of its parent's work goes on."""
        self._lock = threading.RLock()
        self._taken: set[weakref.ref[Turn]] = set()

    def take(self, turn: Turn) -> bool:
        """Take a turn; return whether one was free."""
        with self._lock:
            if len(self._taken) >= self._at_once:
                return False
            self._taken.add(weakref.ref(turn, self._taken.discard))
            return True

    def give(self, turn: Turn) -> None:
        """End a turn."""
        self._taken.discard(weakref.ref(turn))
