"""The most recently used clients. A client that leaves is closed when no call uses it any more."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["MOST_CLIENTS", "ClientShelf"]

Key: TypeAlias = "tuple[str, str | None]"

MOST_CLIENTS = 8
"""Greatest number of stored clients: a reference may name any region, and each client holds memory and connections."""


class _Kept:
    __slots__ = ("client", "gone", "users")

    def __init__(self, client: Any) -> None:
        self.client = client
        self.users = 0
        self.gone = False


class ClientShelf:
    """Clients by service and region.

    Args:
        most: Greatest number of stored clients.
    """

    def __init__(self, most: int = MOST_CLIENTS) -> None:
        self._most = most
        self._lock = RLock()
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()

    def __contains__(self, key: Key) -> bool:
        return key in self._kept

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, key: Key, client: Any) -> None:
        """Store a client, and release the least recently used."""
        with self._lock:
            left = [self._kept.pop(key)] if key in self._kept else []
            self._kept[key] = _Kept(client)
            left += self._surplus()
        self._let_go(left)

    def _surplus(self) -> list[_Kept]:
        surplus: list[_Kept] = []
        while len(self._kept) > self._most:
            surplus.append(self._kept.popitem(last=False)[1])
        return surplus

    @contextmanager
    def using(self, key: Key) -> Generator[Any]:
        """Hold the client, which is not closed before the block ends; None if there is no such client."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                kept.users += 1
        try:
            yield None if kept is None else kept.client
        finally:
            if kept is not None:
                self._leave(kept)

    def clear(self) -> None:
        """Release all clients."""
        with self._lock:
            left = list(self._kept.values())
            self._kept.clear()
        self._let_go(left)

    def _leave(self, kept: _Kept) -> None:
        with self._lock:
            kept.users -= 1
            unused = kept.gone and not kept.users
        if unused:
            kept.client.close()

    def _let_go(self, left: list[_Kept]) -> None:
        with self._lock:
            for kept in left:
                kept.gone = True
            unused = _unused(left)
        for kept in unused:
            kept.client.close()


def _unused(clients: list[_Kept]) -> list[_Kept]:
    return [kept for kept in clients if not kept.users]
