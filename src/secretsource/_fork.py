"""Forked children: each has the memory of its parent, and none of its other threads.

A lock that another thread held is never given back there, a change that it was in the middle of stays half made, and
open connections are still the parent's. Whoever keeps such things asks to be told.
"""

from __future__ import annotations

import os
import weakref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Keeper(Protocol):
        """What keeps them."""

        def after_fork(self) -> None:
            """Begin anew, in the child."""
            ...


_KEEPERS: weakref.WeakSet[Keeper] = weakref.WeakSet()


def tell(keeper: Keeper) -> None:
    """Call ``keeper.after_fork()`` in every child that is forked while somebody uses the keeper."""
    _KEEPERS.add(keeper)


def _tell_all() -> None:
    for keeper in tuple(_KEEPERS):
        keeper.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_tell_all)
