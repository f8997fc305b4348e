"""The rows of a list of keys: a rotating pair is one row, and ended keys stand apart. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secretsource.issuing import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from secretsource.issuing import Count, KeyRecord

__all__ = ["DAYS", "Pair", "Row", "days_of", "pairs", "partners", "rows"]

DAYS = 14
"""The days of the line in a row."""
_DAY = 86400
_ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Pair:
    """A key, and the key that it replaces while both work.

    Attributes:
        record: The key; the new one of a rotating pair.
        old: The old key of a rotating pair, or None.
    """

    record: KeyRecord
    old: KeyRecord | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        pair: The key or the rotating pair.
        line: Accepted requests by day, the oldest first; of both keys.
        refused: Refused requests of these days.
        old_requests: Accepted requests of the old key in the last 24 hours.
        new_requests: Accepted requests of the new key in the last 24 hours.
    """

    pair: Pair
    line: tuple[int, ...]
    refused: int
    old_requests: int
    new_requests: int


def partners(records: Sequence[KeyRecord], now: float) -> list[str]:
    """Return the keys that may be the other halves of rotating pairs, on this page of records or on another one.

    Args:
        records: The records of the page.
        now: The present, in seconds since 1970 UTC.
    """
    wanted = [record.predecessor for record in records if not record.has_ended(now)]
    wanted += [record.successor for record in records if record.status_at(now) is Status.ROTATING]
    return [each for each in dict.fromkeys(wanted) if each is not None]


def pairs(records: Sequence[KeyRecord], others: Mapping[str, KeyRecord], now: float) -> tuple[list[Pair], list[Pair]]:
    """Return the keys of a page that work, and those that have ended.

    Args:
        records: The records of the page.
        others: Further records by ``key_id``; see `partners`.
        now: The present, in seconds since 1970 UTC.
    """
    known = {**{record.key_id: record for record in records}, **others}
    living: list[Pair] = []
    ended: list[Pair] = []
    for record in records:
        if record.has_ended(now):
            ended.append(Pair(record))
        elif not _is_shown_by_successor(record, known, now):
            old = known.get(record.predecessor or "")
            rotates = old is not None and old.status_at(now) is Status.ROTATING
            living.append(Pair(record, old if rotates else None))
    return living, ended


def rows(found: Iterable[Pair], days: Sequence[Count], hours: Sequence[Count], now: float) -> list[Row]:
    """Return the rows of some keys.

    Args:
        found: The keys.
        days: Their counted requests by day.
        hours: Those of the last 24 hours.
        now: The present, in seconds since 1970 UTC.
    """
    accepted = Counter[tuple[str, int]]()
    refused, latest = Counter[str](), Counter[str]()
    for count in days:
        if count.outcome == _ACCEPTED:
            accepted[count.key_id, count.start] += count.requests
        else:
            refused[count.key_id] += count.requests
    for count in hours:
        if count.outcome == _ACCEPTED:
            latest[count.key_id] += count.requests
    return [_row(pair, accepted, refused, latest, days_of(now)) for pair in found]


def days_of(now: float) -> range:
    """Return the beginnings of the days of the line, in seconds since 1970 UTC; the last one is today.

    Args:
        now: The present, in seconds since 1970 UTC.
    """
    today = int(now // _DAY) * _DAY
    return range(today - (DAYS - 1) * _DAY, today + _DAY, _DAY)


def _row(
    pair: Pair, accepted: Counter[tuple[str, int]], refused: Counter[str], latest: Counter[str], days: range
) -> Row:
    ids = [each.key_id for each in (pair.record, pair.old) if each is not None]
    line = tuple(sum(accepted[key_id, day] for key_id in ids) for day in days)
    old = 0 if pair.old is None else latest[pair.old.key_id]
    return Row(pair, line, sum(refused[key_id] for key_id in ids), old, latest[pair.record.key_id])


def _is_shown_by_successor(record: KeyRecord, known: Mapping[str, KeyRecord], now: float) -> bool:
    """Return whether a rotating key stands in the row of its successor, on this page or on another one."""
    successor = known.get(record.successor or "")
    return record.status_at(now) is Status.ROTATING and successor is not None and not successor.has_ended(now)
