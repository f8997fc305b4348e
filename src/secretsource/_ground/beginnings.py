"""Work that libraries written in C start under locks of their own, for which a fork waits.

A connection of libpq looks up names, keys and certificates, and the first cipher of a process registers all others. In
a child, a thread that is gone never releases such a lock, and other code cannot free it.
"""

from __future__ import annotations

from secretsource._ground import fork

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import Any


def beginning() -> AbstractContextManager[Any]:
    """Return the turn of this thread, for a ``with`` block that ends in bounded time."""
    return fork.turn()
