"""Links and sessions in this process's memory."""

from __future__ import annotations

import threading

from secretsource.stores.registers.passes import Pass, PassStore

__all__ = ["MemoryPasses"]


class MemoryPasses(PassStore):
    """Passes in a dictionary; the lock keeps a use from bringing back a pass that is taken."""

    def __init__(self) -> None:
        self._passes: dict[str, Pass] = {}
        self._lock = threading.RLock()

    def put(self, new: Pass) -> None:
        """Store a pass; see `PassStore.put`."""
        for old in [each for each in [*self._passes.values()] if each.ends < new.made]:
            self._passes.pop(old.token, None)
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

    def take_all(self, kind: str, holder: str) -> int:
        """Take every pass of a holder; see `PassStore.take_all`."""
        theirs = [each.token for each in [*self._passes.values()] if (each.kind, each.holder) == (kind, holder)]
        return sum(self.take(token, kind) is not None for token in theirs)

    def drop(self, holder: str) -> bool:
        """Forget every pass of a holder, and return whether there was one."""
        with self._lock:
            theirs = self._of(holder)
            for token in theirs:
                del self._passes[token]
            return bool(theirs)

    def _of(self, holder: str) -> list[str]:
        return [token for token, each in self._passes.items() if each.holder == holder]
