"""What one process knows of one key, and how that changes: the cache of the model. Pure; time is counted in ticks.

It is written from the rules and not from `RecordCache`, which is run beside it in `replay`. A reading is a question to
the store that is under way: it begins, the store reads the record, and the answer lands.
"""

from __future__ import annotations

from typing import NamedTuple

from tests.model.rules import Rule

__all__ = ["EMPTY", "FOREVER", "Known", "Reading", "fill", "gap", "news", "tick"]

FOREVER = 9


class Known(NamedTuple):
    """What a process knows of a key.

    Attributes:
        entry: The revision that it keeps; 0 for none.
        left: Ticks for which that is fresh.
        floor: The revision below which nothing is kept; 0 for none.
        holds: Ticks for which the floor holds for readings that began after the news.
        seen: The latest revision that it decided, heard of, or answered a check by.
    """

    entry: int = 0
    left: int = 0
    floor: int = 0
    holds: int = FOREVER
    seen: int = 0


class Reading(NamedTuple):
    """A question to the store.

    Attributes:
        process: Which process asks.
        key: Which key it asks about.
        revision: What the store read; 0 before it did.
        left: Ticks until the ttl is over, counted from the begin.
        is_late: Whether there was news of the key since it began.
        is_fenced: Whether floors were forgotten since it began.
    """

    process: int
    key: int
    revision: int
    left: int
    is_late: bool = False
    is_fenced: bool = False


EMPTY = Known()


def fill(known: Known, reading: Reading, rules: frozenset[Rule], ttl: int) -> Known:
    """An answer of the store lands: it is kept, or not, and the check that waited goes on with it."""
    revision = reading.revision
    if known.entry > revision and Rule.REVISION_NEVER_BACK in rules:
        return known
    left = reading.left if Rule.TTL_FROM_BEFORE_THE_READ in rules else ttl
    seen = max(known.seen, revision)
    is_outdated, holds = _outdated(known, reading, rules, ttl)
    if is_outdated:
        return known._replace(seen=seen, holds=holds)
    return known._replace(entry=revision, left=left, seen=seen, holds=holds)


def _outdated(known: Known, reading: Reading, rules: frozenset[Rule], ttl: int) -> tuple[bool, int]:
    """Whether an answer must not be kept; and for how long the floor holds from here on."""
    if reading.is_fenced and Rule.FENCE in rules:
        return True, known.holds
    if Rule.FLOORS not in rules or reading.revision >= known.floor:
        return False, known.holds
    if reading.is_late:
        return True, known.holds
    if reading.left - ttl >= known.holds:  # it began when the floor held no longer
        return False, known.holds
    return True, min(known.holds, reading.left)


def news(known: Known, revision: int) -> Known:
    """A change of the key is heard of."""
    floor = max(known.floor, revision)
    if known.entry < revision:
        known = known._replace(entry=0, left=0)
    return known._replace(floor=floor, holds=FOREVER)


def gap(known: Known, current: int) -> Known:
    """Something was missed: nothing that was kept before is believed."""
    return Known(seen=max(known.seen, current))


def tick(known: Known, ttl: int) -> Known:
    """A tick passes."""
    holds = known.holds if known.holds == FOREVER else max(known.holds - 1, -ttl)
    return known._replace(left=max(known.left - 1, 0), holds=holds)
