"""Imports that are under way in other threads: a fork waits for them, and a child forgets those that it cut off.

A module is locked while it is imported. In a child, the lock of a thread that is gone is never given back, so whoever
imports the module would wait for ever. Drivers and ciphers are imported where they are first used, by any thread.
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
"""The locks of imports that are under way, as the import system keeps them; an interpreter may have none."""

_EXTENSION = "ExtensionFileLoader"
"""What loads a module written in C. It may not be loaded twice in one process, and some crash that are."""


def wait(until: float) -> None:
    """Wait until no other thread imports.

    Args:
        until: When to give up, in monotonic seconds.
    """
    while are_under_way() and time.monotonic() < until:
        time.sleep(0.001)


def are_under_way() -> bool:
    """Whether another thread imports.

    A thread that forks while it imports does not wait, because others may wait for it.
    """
    owners = {_owner(made()) for made in tuple(_LOCKS.values())} - {None}
    return bool(owners) and threading.get_ident() not in owners


def forget_cut_off() -> None:
    """Forget the imports of all other threads, in a forked child, which has none of these.

    What they had begun is imported anew when it is needed, as after an import that failed. A module written in C is
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
        modules[name] = None  # which Python takes for a module that cannot be had
    else:
        del sys.modules[name]


def _owner(lock: object) -> int | None:
    """The thread that holds a lock; None for a lock that is gone, or free."""
    return getattr(lock, "owner", None)
