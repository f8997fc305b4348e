"""Links and sessions in this process's memory."""

from __future__ import annotations

import threading

from secretsource.stores._memory.registers import Book
from secretsource.stores.registers.passes import Pass, PassStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsource.stores.owners import OwnerEvent

__all__ = ["MemoryPasses"]


class MemoryPasses(PassStore):
    """Passes in a dictionary; the lock keeps a use from bringing back a pass that is taken.

    Args:
        book: The owners of the same store.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self._passes: dict[str, Pass | None] = {}  # None for one that was taken together with others
        self._lock = threading.RLock()

    def put(self, new: Pass) -> None:
        """Store a pass; see `PassStore.put`."""
        for token, old in [*self._passes.items()]:
            if old is None or old.ends < new.made:
                self._passes.pop(token, None)
        self._passes[new.token] = new

    def get(self, token: str) -> Pass | None:
        """Return a pass; see `PassStore.get`."""
        return self._passes.get(token)

    def take(self, token: str, kind: str) -> Pass | None:
        """Take a pass; see `PassStore.take`."""
        with self._lock:
            found = self._passes.get(token)
            return self._passes.pop(token, None) if found is not None and found.kind == kind else None

    def touch(self, token: str, seen: float) -> None:
        """Note a use; see `PassStore.touch`."""
        with self._lock:
            found = self._passes.get(token)
            if found is not None and found.seen < seen:
                self._passes[token] = found._replace(seen=seen)

    def take_all(self, kinds: Sequence[str], holder: str, event: OwnerEvent | None = None) -> int:
        """Take every pass of a holder; see `PassStore.take_all`."""
        with self._lock:
            theirs = self._of_kinds(holder, kinds)
            if theirs:
                events = [] if event is None else [event]
                self._book.note("owner", events, (self._passes, dict.fromkeys(theirs)))
            return len(theirs)

    def drop(self, holder: str) -> bool:
        """Forget every pass of a holder, and return whether there was one."""
        with self._lock:
            theirs = self._of(holder)
            for token in theirs:
                del self._passes[token]
            return bool(theirs)

    def _of(self, holder: str) -> list[str]:
        return [token for token, each in [*self._passes.items()] if each is not None and each.holder == holder]

    def _of_kinds(self, holder: str, kinds: Sequence[str]) -> list[str]:
        return [token for token in self._of(holder) if self._kind(token) in kinds]

    def _kind(self, token: str) -> str | None:
        found = self._passes.get(token)
        return None if found is None else found.kind
