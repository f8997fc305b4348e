"""The work before a fork, and after it in the parent and in the child.

A forked child has the memory of its parent, and none of its other threads. A lock of another thread is never released
there, and a half-made change stays half made. Open connections still belong to the parent. A keeper of such things
starts anew in the child. A holder also brings them to rest before the fork, and goes on after it; that is for things
which a child cannot simply abandon.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import weakref
from contextlib import suppress

from secretsource._ground import imports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
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

_LOGGING_IS_LATER = "logging" not in sys.modules
"""Whether `logging`, once imported, acts first before a fork: Python calls the last registered function first."""

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
        logging = _lock_of_logging()
        if logging is not None:
            logging.release()  # a thread that comes to rest, or forks too, may need it first
        try:
            self._begin()
        finally:
            if logging is not None:
                logging.acquire()

    def _begin(self) -> None:
        self.alone.acquire()  # released on the other side of the fork, where no ``with`` reaches
        holders = tuple(_HOLDERS)
        self._resting.append(holders)
        _bring_to_rest(holders)

    def after_in_parent(self) -> None:
        try:
            _call(holder.after_fork_in_parent for holder in (self._resting.pop() if self._resting else ()))
        finally:
            with suppress(RuntimeError):  # a signal cut `before` short at its first line
                self.alone.release()

    def after_in_child(self) -> None:
        imports.forget_cut_off()  # before anybody imports here
        self._begin_anew()
        for held in tuple(_LOCKS):
            _free(held)
        _call(keeper.after_fork for keeper in tuple(_KEEPERS))


def _bring_to_rest(holders: tuple[Holder, ...]) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        imports.wait(until)
        _call(holder.before_fork for holder in holders)
        if not imports.are_under_way() or time.monotonic() >= until:
            return
        _call(holder.after_fork_in_parent for holder in holders)  # an import that has started meanwhile may need them


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


def _lock_of_logging() -> Any:
    """Return the lock that `logging` has taken for this fork; None if it takes the lock later, or not at all."""
    lock = getattr(sys.modules.get("logging"), "_lock", None) if _LOGGING_IS_LATER else None
    return lock if lock is not None and lock._is_owned() else None


def _free(held: Any) -> None:
    if not held._is_owned():
        held._at_fork_reinit()  # as the modules of Python do with theirs


_FORKS = _Forks()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_FORKS.before, after_in_parent=_FORKS.after_in_parent, after_in_child=_FORKS.after_in_child
    )
