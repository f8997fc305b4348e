"""The clients of keys: the addresses and user agents that a flush stores, to show what would fail without a key.

A cached record has the addresses that it was accepted from since the last flush. Only a check from another address
takes the long way. There, `Clients` decides whether the store must be told: once an hour for each address and user
agent of a key. The hours of different keys begin at different times, so the work is spread over the hour.
"""

from __future__ import annotations

from typing import Any

from secretsource.issuing._check import policy
from secretsource.issuing._check.entry import NO_CLIENTS
from secretsource.issuing._key.text import kept

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsource.issuing._check.entry import Entry

__all__ = ["UNKNOWN", "Clients"]

LONGEST_WITNESS = 255
"""Characters of an address or a user agent that a store keeps."""
MOST_ADDRESSES = 32
"""Addresses of a record between two flushes; past them, every address that its networks allow is as good as known."""
MOST_TOLD = 200_000
"""Addresses and user agents of keys that need not be told again; past them, all are forgotten."""
_HOUR = 3600
_NO_ADDRESSES = frozenset[object]()
UNKNOWN: Mapping[str, float] = {}
"""No address and no user agent to tell the store."""


class _Allowed:
    """The addresses that the networks of a record allow, with the look of a set."""

    __slots__ = ("_networks",)

    def __init__(self, networks: tuple[str, ...]) -> None:
        self._networks = policy.read_networks(networks)

    def __contains__(self, ip: Any) -> bool:
        return not self._networks or policy.is_within(self._networks, ip)


class Clients:
    """The addresses and user agents that the store has been told of; for any number of threads.

    Args:
        noted: Whether any are to be stored.
    """

    __slots__ = ("_told", "noted")

    def __init__(self, *, noted: bool) -> None:
        self.noted = noted
        self._told: set[int] = set()

    def news(
        self, key_id: str, ip: object, agent: object, wall: float, *, always: bool
    ) -> tuple[Mapping[str, float], Mapping[str, float]]:
        """Return the parts of an address and of a user agent to tell the store, with their time.

        Args:
            key_id: The key that was accepted.
            ip: The address.
            agent: The user agent.
            wall: The present, in seconds since 1970 UTC.
            always: Whether to tell the store each time; otherwise the part of a client that it knows is empty.
        """
        if not self.noted:
            return UNKNOWN, UNKNOWN
        key = None if always else (key_id, int(wall + hash(key_id) % _HOUR) // _HOUR)
        return self._part(key, "network", ip, wall), self._part(key, "agent", agent, wall)

    def _part(self, key: tuple[str, int] | None, kind: str, seen: object, wall: float) -> Mapping[str, float]:
        """Return the part of an address or of a user agent; empty if the store was told in this hour of the key."""
        if not seen or not isinstance(seen, str):
            return UNKNOWN
        if key is not None:
            mark, told = hash((key, kind, seen)), self._told
            if mark in told:
                return UNKNOWN
            if len(told) >= MOST_TOLD:
                told = self._told = set()
            told.add(mark)
        return {kept(seen, LONGEST_WITNESS): wall}

    def meet(self, entry: Entry, ip: object) -> None:
        """Have an entry accept the next checks from an address at a glance, until a flush.

        Args:
            entry: A record that was just accepted from this address.
            ip: The address.
        """
        known = _NO_ADDRESSES if entry.clients is NO_CLIENTS else entry.clients
        if not self.noted or (isinstance(known, frozenset) and len(known) >= MOST_ADDRESSES):
            entry.clients = _Allowed(entry.record.networks)
        elif isinstance(known, frozenset):
            try:
                entry.clients = known.union((ip,))
            except TypeError:  # an address of another type, which has no hash
                return
