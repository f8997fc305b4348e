"""The chores: one round over all keys, some at a time, by one process at a time.

A round goes through the keys in the order of their age, and the store keeps the place where it stops. So each run has a
bound, and any process goes on where another one stopped. A killed process loses nothing: each key is decided anew from
its record, which remembers the notices that were told.
"""

from __future__ import annotations

import os
from collections import Counter

from secretsource._ground.namedtuple import NamedTuple
from secretsource.exceptions import ConfigurationError, StoreError
from secretsource.issuing._manage import field
from secretsource.issuing._manage.upkeep.attention import attend, ended_since, is_old
from secretsource.stores.base import EventKind, KeyQuery, OwnerEvent, OwnerEventKind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from secretsource._ground.flow import Flow
    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._key.lifecycle import By
    from secretsource.issuing._key.rules import Rules
    from secretsource.issuing._manage.operations import Operations
    from secretsource.stores.base import KeyEvent, KeyRecord, Page

__all__ = ["ChoreReport", "Rounds", "upkeep_of"]

TURN = 60.0
"""Seconds after which another process may do the chores, if the one that does them was killed."""
_PAGE = 500
_MOST_FAILURES = 8
"""Keys that the store fails on, after which it counts as down."""
MOST = 100_000
"""Keys that one run looks at."""
_NOTICES = (EventKind.ROTATION_DUE, EventKind.EXPIRING, EventKind.UNUSED)


class ChoreReport(NamedTuple):
    """The result of one run of the chores.

    Attributes:
        seen: Number of keys that were looked at.
        told: Number of notices, by kind: ``rotation_due``, ``expiring``, ``unused``.
        revoked: Number of keys that were revoked because they were not used.
        deleted: Number of ended keys that were deleted.
        done: Whether the round over all keys is finished; the next run begins a new one.
        busy: Whether another process does the chores now, so that this run did nothing.
    """

    seen: int = 0
    told: Mapping[str, int] = {}
    revoked: int = 0
    deleted: int = 0
    done: bool = False
    busy: bool = False

    def followed_by(self, later: ChoreReport) -> ChoreReport:
        """Return the result of this run and of a later one together.

        Args:
            later: The result of the later run, which says whether the round is done.
        """
        kinds = {**self.told, **later.told}
        return later._replace(
            seen=self.seen + later.seen,
            told={kind: self.told.get(kind, 0) + later.told.get(kind, 0) for kind in kinds},
            revoked=self.revoked + later.revoked,
            deleted=self.deleted + later.deleted,
        )


class Rounds:
    """The flow of the chores.

    Args:
        parts: The parts to work with.
        operations: Lists the keys, and announces the changes.
    """

    def __init__(self, parts: Parts, operations: Operations) -> None:
        self._parts = parts
        self._operations = operations

    def run(self, rules: Rules, limit: int, by: By) -> Flow[ChoreReport]:
        """Look at the next keys of the round, and do what they need."""
        field.number(limit, "limit", 1, MOST)
        upkeep = upkeep_of(self._parts, "has no chores done")
        holder, now = os.urandom(16).hex(), self._parts.clock.now().wall
        place: str | None = yield upkeep.take(holder, now, now + TURN)
        if place is None:
            return ChoreReport(busy=True)
        counts, failed = Counter[str](), list[StoreError]()
        seen, after = 0, place or None
        while seen < limit and self._parts.clock.now().wall < now + TURN:
            page: Page = yield from self._operations.list(KeyQuery(after=after, limit=min(_PAGE, limit - seen)))
            yield from self._attend(page.records, rules, by, counts, failed)
            seen, after = seen + len(page), page.next
            if after is None:
                break
        yield upkeep.leave(holder, after or "")
        if failed:
            raise failed[0]
        told = {kind.value: counts[kind.value] for kind in _NOTICES if counts[kind.value]}
        return ChoreReport(seen, told, counts["revoked"], counts["deleted"], after is None)

    def _attend(
        self, records: Sequence[KeyRecord], rules: Rules, by: By, counts: Counter[str], failed: list[StoreError]
    ) -> Flow[None]:
        """Do what some keys need; one that changes meanwhile, or that the store fails on, waits for the next round."""
        old: list[KeyRecord] = []
        for record in records:
            try:
                yield from self._improve(record, rules, by, counts)
                since = yield from self._ended_since(record, rules)
            except StoreError as error:
                failed.append(error)
                if len(failed) >= _MOST_FAILURES:
                    raise
                continue
            if is_old(since, rules, self._parts.clock.now().wall):
                old.append(record)
        if old:
            now = self._parts.clock.now().wall
            about = (OwnerEventKind.DELETED, now, (), by.actor, by.origin, by.reason)
            upkeep = upkeep_of(self._parts, "deletes nothing")
            gone: frozenset[str] = yield upkeep.delete(old, [OwnerEvent(record.key_id, *about) for record in old])
            counts["deleted"] += len(gone)

    def _improve(self, record: KeyRecord, rules: Rules, by: By, counts: Counter[str]) -> Flow[None]:
        """Store one change after another, until the key needs none."""
        while (change := attend(record, rules, self._parts.clock.now().wall, by)) is not None:
            stored: bool = yield self._parts.store.update(change)
            if not stored:
                return
            counts[change.event.kind.value] += 1
            record = change.record
            yield from self._operations.tell(record)

    def _ended_since(self, record: KeyRecord, rules: Rules) -> Flow[float | None]:
        """Return when a key ended; by its last event where the record does not say it."""
        since = ended_since(record, self._parts.clock.now().wall)
        if since != 0 or not is_old(since, rules, self._parts.clock.now().wall):
            return since
        last: Sequence[KeyEvent] = yield self._parts.store.events(record.key_id, after=record.revision - 1, limit=1)
        return last[0].time if last else None


def upkeep_of(parts: Parts, lacks: str) -> Any:
    """Return the chores of the store.

    Raises:
        ConfigurationError: The store has none.
    """
    if parts.store.upkeep is None:
        raise ConfigurationError(
            f"a {type(parts.store).__name__} {lacks}: use a store in SQLite or PostgreSQL, or give yours an upkeep"
        )
    return parts.store.upkeep
