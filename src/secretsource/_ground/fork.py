"""The work before a fork, and after it in the parent and in the child.

A forked child has the memory of its parent, and none of its other threads. A lock of another thread is never released
there, and a half-made change stays half made. Open connections still belong to the parent. A keeper of such things
starts anew in the child. A holder also brings them to rest before the fork, which has the turns of all threads then;
that is for things which a child cannot simply abandon.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import weakref

from secretsource._ground import imports, turns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Protocol, TypeAlias

    from secretsource._ground.turns import Turn

    Lock: TypeAlias = threading.RLock

    class Keeper(Protocol):
        """An object that starts anew in a child."""

        def after_fork(self) -> None:
            """Start anew, in the child."""
            ...

    class Holder(Keeper, Protocol):
        """An object that also comes to rest before a fork."""

        def before_fork(self) -> None:
            """Come to rest, in the parent, while other threads may not work; this ends in bounded time."""
            ...


PATIENCE = 10.0
"""Seconds for which a fork waits for imports of other threads, and for their turns.

A child does without what is not at rest by then: see `imports.forget_cut_off` and `Turns.are_taken`.
"""

PROBE = 0.05
"""Seconds in which a fork must get the lock of logging; otherwise the thread that has it may wait for this fork."""

_LOGGING = ("logging", "_lock")
"""The lock that a thread may hold while it opens a store, as a configuration of logging does."""

_TAKEN_BEFORE_FORKS = (("concurrent.futures.thread", "_global_shutdown_lock"), _LOGGING)
"""Locks of modules of Python, which take them before a fork, and release them after it; in the order of taking."""

_LATER = tuple(place for place in _TAKEN_BEFORE_FORKS if place[0] not in sys.modules)
"""Those of modules that act before this one, once imported: Python calls the last registered function first."""

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
    """Notify a holder of every fork: before it, and after it in the child.

    A fork outside of Python, such as that of a server written in C, may be announced only afterwards.
    """
    with turn():  # a fork that has all of them has not asked this one
        _HOLDERS.add(holder)
        _KEEPERS.add(holder)


def turn() -> Turn:
    """Return the turn of this thread, for a ``with`` block that ends in bounded time: a fork waits for that."""
    return turns.ALL.mine()


class _Forks:
    """Forks, one at a time: two threads that fork at once would wait for each other's turns.

    Attributes:
        alone: Held from before a fork until after it.
    """

    def __init__(self) -> None:
        self._begin_anew()

    def _begin_anew(self) -> None:
        self.alone = threading.RLock()

    def before(self) -> None:
        for held in filter(_is_held, _found(_LATER)):
            held.release()  # a thread that comes to rest, or forks too, may need it first
        try:
            self._come_to_rest(time.monotonic() + PATIENCE)
        finally:
            for held in _found(_LATER):  # also of a module imported meanwhile
                held.acquire()  # released by the module itself, after the fork

    def _come_to_rest(self, until: float) -> None:
        """Bring all holders to rest, while no other thread imports, or has the lock of logging.

        Such a thread may need a turn, so all go on before the next attempt.
        """
        while True:
            imports.wait(until)
            self._rest()
            is_free = all(map(_can_be_had, _found([_LOGGING])))
            is_over = time.monotonic() >= until
            if is_free and (is_over or not imports.are_under_way()):
                return
            self.after_in_parent()
            if is_over:
                return

    def _rest(self) -> None:
        self.alone.acquire()  # released on the other side of the fork, where no ``with`` reaches
        turns.ALL.take(PATIENCE)
        _call(holder.before_fork for holder in tuple(_HOLDERS))

    def after_in_parent(self) -> None:
        if self.alone._is_owned():  # type: ignore[attr-defined] # else a signal cut `before` short, or nothing rests
            try:
                turns.ALL.release()
            finally:
                self.alone.release()

    def after_in_child(self) -> None:
        imports.forget_cut_off()  # before anybody imports here
        self._begin_anew()
        turns.ALL.begin_anew()
        for held in tuple(_LOCKS):
            _free(held)
        _call(keeper.after_fork for keeper in tuple(_KEEPERS))


def _call(functions: Iterable[Callable[[], None]]) -> None:
    """Call all functions, also after one that raises; then raise the first error, which Python prints."""
    first: BaseException | None = None
    for function in functions:
        try:
            function()
        except BaseException as error:
            first = first or error
    if first is not None:
        raise first


def _found(places: Iterable[tuple[str, str]]) -> list[Any]:
    """Return the locks of the modules that have been imported."""
    return [getattr(sys.modules[module], name) for module, name in places if imports.is_loaded(module)]


def _is_held(held: Any) -> bool:
    """Return whether a lock is held, by this thread if it is one that knows its thread."""
    return bool(held._is_owned() if hasattr(held, "_is_owned") else held.locked())


def _can_be_had(held: Any) -> bool:
    try:
        return bool(held.acquire(timeout=PROBE))
    finally:
        try:  # noqa: SIM105 - at a call of ``suppress``, a signal could raise and leave it taken
            held.release()
        except RuntimeError:  # another thread has it
            pass


def _free(held: Any) -> None:
    if not held._is_owned():
        held._at_fork_reinit()  # as the modules of Python do with theirs


_FORKS = _Forks()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_FORKS.before, after_in_parent=_FORKS.after_in_parent, after_in_child=_FORKS.after_in_child
    )
