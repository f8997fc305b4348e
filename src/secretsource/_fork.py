"""The work before a fork, and after it in the parent and in the child.

A forked child has the memory of its parent, and none of its other threads. A lock of another thread is never released
there, and a half-made change stays half made. Open connections still belong to the parent. A keeper of such things
starts anew in the child. A holder also brings them to rest before the fork, and goes on after it; that is for things
which a child cannot simply abandon.
"""

from __future__ import annotations

import _frozen_importlib
import os
import threading
import time
import weakref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

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
"""Seconds for which a fork waits for imports of other threads, and for each holder."""

_MODULE_LOCKS: dict[str, Callable[[], object]] = getattr(_frozen_importlib, "_module_locks", {})
"""The locks of imports that are under way, as the import system keeps them; an interpreter may have none."""

_KEEPERS: weakref.WeakSet[Keeper] = weakref.WeakSet()
_HOLDERS: weakref.WeakSet[Holder] = weakref.WeakSet()


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
            _wait_for_imports(until)
            for holder in holders:
                holder.before_fork()
            if not _is_held_up() or time.monotonic() >= until:
                return
            for holder in holders:  # an import that has started meanwhile may need them
                holder.after_fork_in_parent()

    def after_in_parent(self) -> None:
        for holder in self._resting.pop():
            holder.after_fork_in_parent()
        self.alone.release()

    def after_in_child(self) -> None:
        self._begin_anew()
        for keeper in tuple(_KEEPERS):
            keeper.after_fork()


def _wait_for_imports(until: float) -> None:
    while _is_held_up() and time.monotonic() < until:
        time.sleep(0.001)


def _is_held_up() -> bool:
    """Return whether another thread imports: in a child, its module would be locked for ever.

    Drivers are imported where they are first used, which may be any thread. A thread that forks while it imports does
    not wait, because others may wait for it.
    """
    locks = [made() for made in tuple(_MODULE_LOCKS.values())]
    owners = {getattr(lock, "owner", None) for lock in locks} - {None}
    return bool(owners) and threading.get_ident() not in owners


_FORKS = _Forks()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_FORKS.before, after_in_parent=_FORKS.after_in_parent, after_in_child=_FORKS.after_in_child
    )
