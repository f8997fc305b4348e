"""The clients of keys: the addresses and user agents that a flush stores, for the question who fails without a key.

A cached record has the addresses that it was accepted from since the last flush. Only a check from another address
takes the long way. There, `Clients` decides whether the store must be told: once an hour for each address and user
agent of a key. The hours of different keys begin at different times, so the work is spread over the hour.
"""

from __future__ import annotations

from typing import Any

from secretsource.issuing._check import policy
from secretsource.issuing._check.entry import NOBODY
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

    def news(self, key_id: str, kind: str, seen: object, wall: float, *, always: bool) -> Mapping[str, float]:
        """Return the part of an address or a user agent to tell the store, with its time; empty if it knows it.

        Args:
            key_id: The key that was accepted.
            kind: ``network`` or ``agent``.
            seen: The address, or the user agent.
            wall: The present, in seconds since 1970 UTC.
            always: Whether to tell the store each time.
        """
        if not self.noted or not seen or not isinstance(seen, str):
            return UNKNOWN
        if always:
            return {kept(seen, LONGEST_WITNESS): wall}
        mark = hash((key_id, kind, seen, int(wall + hash(key_id) % _HOUR) // _HOUR))
        if mark in self._told:
            return UNKNOWN
        if len(self._told) >= MOST_TOLD:
            self._told = set()
        self._told.add(mark)
        return {kept(seen, LONGEST_WITNESS): wall}

    def meet(self, entry: Entry, ip: object) -> None:
        """Have an entry accept the next checks from an address at a glance, until a flush.

        Args:
            entry: A record that was just accepted from this address.
            ip: The address.
        """
        known = _NO_ADDRESSES if entry.clients is NOBODY else entry.clients
        if not self.noted or (isinstance(known, frozenset) and len(known) >= MOST_ADDRESSES):
            entry.clients = _Allowed(entry.record.networks)
        elif isinstance(known, frozenset):
            try:
                entry.clients = known.union((ip,))
            except TypeError:  # an address of another type, which has no hash
                return
