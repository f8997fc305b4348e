"""Imports in progress in other threads: a fork waits for them, and a child forgets those that it cut off.

A module is locked while it is imported. In a child, a thread that is gone never releases its lock, so an import of the
module would wait for ever. Drivers and ciphers are imported on first use, by any thread.
"""

from __future__ import annotations

import _frozen_importlib
import sys
import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_LOCKS: dict[str, Callable[[], object]] = getattr(_frozen_importlib, "_module_locks", {})
"""The locks of imports in progress, as the import system stores them; an interpreter may lack them."""

_EXTENSION = "ExtensionFileLoader"
"""The loaders of modules written in C. Such a module may not be loaded twice in one process, and some crash if they
are."""


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
    me = threading.get_ident()
    for name, made in tuple(_LOCKS.items()):
        if _owner(made()) != me:
            _LOCKS.pop(name, None)
            _forget(name)


def _forget(name: str) -> None:
    spec: Any = getattr(sys.modules.get(name), "__spec__", None)
    if not getattr(spec, "_initializing", False):
        return
    if type(spec.loader).__name__ == _EXTENSION:
        modules: dict[str, Any] = sys.modules
        modules[name] = None  # which is Python's mark of a module that cannot be imported
    else:
        del sys.modules[name]


def _owner(lock: object) -> int | None:
    """Return the thread that holds a lock; None for a lock that is gone, or free."""
    return getattr(lock, "owner", None)
