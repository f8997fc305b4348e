"""Counted requests beside the keys: how many, of which key, when, and with which outcome.

A count is added to its minute, its hour and its day at once, so a sum over any of them needs no other. Old counts are
forgotten: minutes after 2 days, hours after 90 days, days after 2 years.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from math import ceil

from secretsource._ground.clock import utc
from secretsource._ground.namedtuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

__all__ = ["KEPT", "AsyncCountStore", "Count", "CountQuery", "CountStore", "Unit", "in_each_unit"]

_DAY = 86400


class Unit(enum.StrEnum):
    """The unit of time of a count; stored as the lower-case word."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"

    @property
    def seconds(self) -> int:
        """How long it is."""
        return _SECONDS[self]


_SECONDS: Mapping[Unit, int] = {Unit.MINUTE: 60, Unit.HOUR: 3600, Unit.DAY: _DAY}
KEPT: Mapping[Unit, int] = {Unit.MINUTE: 2 * _DAY, Unit.HOUR: 90 * _DAY, Unit.DAY: 730 * _DAY}
"""For how many seconds the counts of a unit are kept."""


class Count(NamedTuple):
    """How many requests of a key had an outcome, in one minute, hour or day.

    Attributes:
        start: When the minute, hour or day begins (UTC), in seconds since 1970.
        key_id: Which key; empty for foreign texts, which are counted together, and for a sum over an owner's keys.
        outcome: ``accepted``, or the reason of a refusal, such as ``rate_limited``.
        requests: How many.
        owner: Whose key it is, as a store tells it; empty in what is added.
    """

    start: int
    key_id: str
    outcome: str
    requests: int
    owner: str = ""

    @property
    def started_at(self) -> datetime:
        """When the minute, hour or day begins, as aware UTC."""
        return utc(self.start)


class CountQuery(NamedTuple):
    """Which counts to read; what is None does not narrow.

    Attributes:
        unit: Whether by minutes, hours or days.
        since: Only those that begin at this instant or later, in seconds since 1970 UTC.
        until: Only those that begin before this instant, in seconds since 1970 UTC.
        owner: Only those of this owner's keys.
        key_id: Only those of this key; give its owner, too.
        plan: Only those of owners that are on this plan now.
        limit: How many, from 1.
        key_ids: Only those of these keys, up to 1000, in up to 1000 units of time; give their owner, too.
        per_key: Whether each key has its own counts; otherwise those of an owner's keys are added up, and name no key.
    """

    unit: Unit
    since: float
    until: float
    owner: str | None = None
    key_id: str | None = None
    plan: str | None = None
    limit: int = 1000
    key_ids: tuple[str, ...] | None = None
    per_key: bool = True

    @property
    def starts(self) -> range:
        """The starts of the minutes, hours or days that it asks for."""
        unit = self.unit.seconds
        return range(-(-ceil(self.since) // unit) * unit, ceil(self.until), unit)


class CountStore(ABC):
    """Where requests are counted, for threads; every method raises `StoreError` when it cannot answer."""

    @abstractmethod
    def add(self, counts: Sequence[Count]) -> None:
        """Add counts to their minutes, hours and days, all or none; those of keys that are not there are passed over.

        After a `StoreError`, call again: no count is lost, and one is added twice only if its commit lost its answer.

        Args:
            counts: By minutes, with distinct minute, key and outcome, 1 to 1000.
        """

    @abstractmethod
    def read(self, query: CountQuery) -> Sequence[Count]:
        """Return the counts that a query picks, by start, key and outcome; sums by start, outcome and owner.

        Args:
            query: The query.
        """

    @abstractmethod
    def forget(self, now: float) -> None:
        """Forget what is older than it is kept (`KEPT`); while another process does that, do nothing.

        Args:
            now: The present, in seconds since 1970 UTC.
        """


class AsyncCountStore(ABC):
    """As `CountStore`, word for word, for an event loop."""

    @abstractmethod
    async def add(self, counts: Sequence[Count]) -> None:
        """Do as `CountStore.add` does."""

    @abstractmethod
    async def read(self, query: CountQuery) -> Sequence[Count]:
        """Do as `CountStore.read` does."""

    @abstractmethod
    async def forget(self, now: float) -> None:
        """Do as `CountStore.forget` does."""


def in_each_unit(counts: Iterable[Count]) -> dict[tuple[str, int, str, str], int]:
    """Add up requests by unit, start, key and outcome."""
    sums: dict[tuple[str, int, str, str], int] = {}
    for count in counts:
        for unit, seconds in _SECONDS.items():
            place = (unit.value, count.start // seconds * seconds, count.key_id, count.outcome)
            sums[place] = sums.get(place, 0) + count.requests
    return sums
