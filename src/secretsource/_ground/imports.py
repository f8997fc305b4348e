"""Imports on first use, by any thread: packages of vendors one at a time, and none across a fork.

* **One at a time.** The filters of warnings belong to the whole process. A package that restores them at the end of its
  import (botocore does) drops the filters that another package sets meanwhile in another thread (requests does). Its
  warnings are then printed, or raised where warnings are errors. So each import of a vendor's package has a turn.
* **Forks.** A module is locked while it is imported. In a child, a thread that is gone never releases its lock, so an
  import of the module would wait for ever. A fork waits for imports, and a child forgets those that it cut off.
"""

from __future__ import annotations

import _frozen_importlib
import sys
import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    T = TypeVar("T")

PATIENCE = 10.0
"""Seconds to wait for a turn without a deadline; then the import goes on without one.

Such a wait can be in vain: a module that asks for a secret while it is imported may itself be wanted by the import that
has the turn.
"""

_LOCKS: dict[str, Callable[[], object]] = getattr(_frozen_importlib, "_module_locks", {})
"""The locks of imports in progress, as the import system stores them; an interpreter may lack them."""

_EXTENSION = "ExtensionFileLoader"
"""The loaders of modules written in C. Such a module may not be loaded twice in one process, and some crash if they
are."""

_TURN: Any = threading.RLock()


def load(*modules: str, until: float | None = None) -> None:
    """Import modules in a turn of their own, unless they have been imported.

    Args:
        modules: Their names.
        until: The time to give up waiting for a turn, in monotonic seconds; None to go on without one after `PATIENCE`.

    Raises:
        ImportError: A module cannot be imported.
        TimeoutError: Another thread had the turn until then.
    """
    if not all(map(is_loaded, modules)):
        in_turn(lambda: _load(modules), until)


def in_turn(work: Callable[[], T], until: float | None = None) -> T:
    """Do some work that imports, while no other thread does such work; arguments and errors are those of `load`.

    The work may itself import in a turn.
    """
    patience = PATIENCE if until is None else max(0.0, until - time.monotonic())
    try:
        if not _TURN.acquire(timeout=patience) and until is not None:
            raise TimeoutError("another thread was still importing when the time allowed for it was over")
        return work()
    finally:
        try:  # noqa: SIM105 - at a call of ``suppress``, a signal could raise and leave the turn taken
            _TURN.release()
        except RuntimeError:  # it was not taken: another thread has it, or a signal came before
            pass


def _load(modules: tuple[str, ...]) -> None:
    from importlib import import_module

    for module in modules:
        import_module(module)


def is_loaded(name: str) -> bool:
    """Return whether a module has been imported to its end."""
    module = sys.modules.get(name)
    return module is not None and not _is_half_made(module)


def wait(until: float) -> None:
    """Wait until no other thread imports.

    Args:
        until: The time to give up, in monotonic seconds.
    """
    while are_under_way() and time.monotonic() < until:
        time.sleep(0.001)


def are_under_way() -> bool:
    """Return whether another thread imports.

    A thread that forks while it imports does not wait, because others may wait for it.
    """
    owners = {_owner(made()) for made in tuple(_LOCKS.values())} - {None}
    return bool(owners) and threading.get_ident() not in owners


def forget_cut_off() -> None:
    """Forget the imports of all other threads, in a forked child, which has none of these.

    A module that they had started is imported anew on demand, as after an import that failed. A module written in C is
    refused there with an `ImportError`.
    """
    if not _TURN._is_owned():
        _TURN._at_fork_reinit()  # as the modules of Python do with theirs
    me = threading.get_ident()
    for name, made in tuple(_LOCKS.items()):
        if _owner(made()) != me:
            _LOCKS.pop(name, None)
            _forget(name)


def _forget(name: str) -> None:
    module: Any = sys.modules.get(name)
    if not _is_half_made(module):
        return
    if type(module.__spec__.loader).__name__ == _EXTENSION:
        modules: dict[str, Any] = sys.modules
        modules[name] = None  # which is Python's mark of a module that cannot be imported
    else:
        del sys.modules[name]


def _is_half_made(module: object) -> bool:
    return getattr(getattr(module, "__spec__", None), "_initializing", False)


def _owner(lock: object) -> int | None:
    """Return the thread that holds a lock; None for a lock that is gone, or free."""
    return getattr(lock, "owner", None)
