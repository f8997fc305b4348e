"""What libraries written in C begin under locks of their own, for which a fork waits.

A connection of libpq looks up names, keys and certificates, and the first cipher of a process registers all others. In
a child, such a lock is never given back by a thread that is gone, and nothing can free it from outside.
"""

from __future__ import annotations

from secretsource import _fork
from secretsource._turns import Turns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import Any


class _Beginnings:
    """The turns of the threads that begin something."""

    def __init__(self) -> None:
        self.turns = Turns()
        _fork.ask(self)

    def before_fork(self) -> None:
        """Wait until no thread begins anything."""
        self.turns.take_all(_fork.PATIENCE)

    def after_fork_in_parent(self) -> None:
        """Let all threads go on."""
        self.turns.give_back()

    def after_fork(self) -> None:
        """Begin anew in a forked child."""
        self.turns = Turns()


_BEGINNINGS = _Beginnings()


def beginning() -> AbstractContextManager[Any]:
    """What a thread begins something in, by a ``with`` block that ends in bounded time."""
    return _BEGINNINGS.turns.mine()
