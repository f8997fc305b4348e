"""Work that libraries written in C start under locks of their own, for which a fork waits.

A connection of libpq looks up names, keys and certificates, and the first cipher of a process registers all others. In
a child, a thread that is gone never releases such a lock, and other code cannot free it.
"""

from __future__ import annotations

from secretsource._ground import fork
from secretsource._ground.turns import Turns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import Any


class _Beginnings:
    """The turns of the threads that start such work."""

    def __init__(self) -> None:
        self.turns = Turns()
        fork.ask(self)

    def before_fork(self) -> None:
        """Wait until no thread starts such work."""
        self.turns.take_all(fork.PATIENCE)

    def after_fork_in_parent(self) -> None:
        """Let all threads go on."""
        self.turns.release()

    def after_fork(self) -> None:
        """Start anew in a forked child."""
        self.turns = Turns()


_BEGINNINGS = _Beginnings()


def beginning() -> AbstractContextManager[Any]:
    """Return the turn of this thread, for a ``with`` block that ends in bounded time."""
    return _BEGINNINGS.turns.mine()
