"""The work before a fork, and after it in the parent and in the child.

A forked child has the memory of its parent, and none of its other threads. A lock of another thread is never released
there, and a half-made change stays half made. Open connections still belong to the parent. A keeper of such things
starts anew in the child. A holder also brings them to rest before the fork, and goes on after it; that is for things
which a child cannot simply abandon.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from contextlib import suppress

from secretsource._ground import imports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol, TypeAlias

    Lock: TypeAlias = threading.RLock

    class Keeper(Protocol):
        """An object that starts anew in a child."""

        def after_fork(self) -> None:
            """Start anew, in the child."""
            ...

    class Holder(Keeper, Protocol):
        """An object that also comes to rest before a fork."""

        def before_fork(self) -> None:
            """Come to rest, in the parent; this ends in bounded time."""
            ...

        def after_fork_in_parent(self) -> None:
            """Go on, in the parent."""
            ...


PATIENCE = 10.0
"""Seconds for which a fork waits for imports of other threads, and for each holder.

A child does without what is not at rest by then: see `_imports.forget_cut_off` and the holders.
"""

_LOCKS: weakref.WeakSet[Lock] = weakref.WeakSet()
_KEEPERS: weakref.WeakSet[Keeper] = weakref.WeakSet()
_HOLDERS: weakref.WeakSet[Holder] = weakref.WeakSet()


def lock() -> Lock:
    """Return a new lock that is free in every child, unless the thread that forks holds it.

    A thread may take it several times, because a signal's function may ask in the middle of a change.
    """
    made = threading.RLock()
    _LOCKS.add(made)
    return made


def tell(keeper: Keeper) -> None:
    """Call ``keeper.after_fork()`` in every forked child, as long as the keeper is in use."""
    _KEEPERS.add(keeper)


def ask(holder: Holder) -> None:
    """Notify a holder of every fork: before it, and after it in the parent or in the child.

    A fork outside of Python, such as that of a server written in C, may be announced only afterwards.
    """
    with _FORKS.alone:  # a fork that is under way has not asked this one
        _HOLDERS.add(holder)
        _KEEPERS.add(holder)


class _Forks:
    """Forks, one at a time: two threads that fork at once would wait for each other's holders.

    Attributes:
        alone: Held from before a fork until after it.
    """

    def __init__(self) -> None:
        self._begin_anew()

    def _begin_anew(self) -> None:
        self.alone = threading.RLock()
        self._resting: list[tuple[Holder, ...]] = []

    def before(self) -> None:
        self.alone.acquire()  # released on the other side of the fork, where no ``with`` reaches
        holders = tuple(_HOLDERS)
        self._resting.append(holders)
        until = time.monotonic() + PATIENCE
        while True:
            imports.wait(until)
            for holder in holders:
                holder.before_fork()
            if not imports.are_under_way() or time.monotonic() >= until:
                return
            for holder in holders:  # an import that has started meanwhile may need them
                holder.after_fork_in_parent()

    def after_in_parent(self) -> None:
        try:
            for holder in self._resting.pop() if self._resting else ():
                holder.after_fork_in_parent()
        finally:
            with suppress(RuntimeError):  # a signal cut `before` short at its first line
                self.alone.release()

    def after_in_child(self) -> None:
        imports.forget_cut_off()  # before anybody imports here
        self._begin_anew()
        for held in tuple(_LOCKS):
            _free(held)
        for keeper in tuple(_KEEPERS):
            keeper.after_fork()


def _free(held: Any) -> None:
    if not held._is_owned():
        held._at_fork_reinit()  # as the modules of Python do with theirs


_FORKS = _Forks()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_FORKS.before, after_in_parent=_FORKS.after_in_parent, after_in_child=_FORKS.after_in_child
    )
