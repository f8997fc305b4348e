"""Changes of existing keys: read, decide by `amend`, store by compare-and-set, announce."""

from __future__ import annotations

from secretsource.exceptions import Conflict
from secretsource.issuing._key import lifecycle
from secretsource.issuing._manage import amend, field
from secretsource.issuing._manage.ending.revocations import chained
from secretsource.issuing._manage.operations import MOST_ATTEMPTS
from secretsource.issuing._manage.registers.claims import Claims
from secretsource.issuing._manage.registers.registry import need_credits
from secretsource.stores.base import Status
from secretsource.stores.records import LAST_REVISION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from secretsource._ground.flow import Flow
    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._key.lifecycle import By
    from secretsource.issuing._manage.amend import KeyUpdate
    from secretsource.issuing._manage.operations import Operations
    from secretsource.stores.base import Claim, KeyRecord


class Updates:
    """The flows that change what a key may do."""

    def __init__(self, parts: Parts, operations: Operations) -> None:
        self._parts = parts
        self._operations = operations
        self.claims = Claims(parts)

    def update(self, key_id: str, update: KeyUpdate, revision: int | None, by: By) -> Flow[KeyRecord]:
        """Change a key that has not ended, and with it the successors that it has while it rotates."""
        asked = amend.wanted(update)
        if revision is not None:
            field.number(revision, "revision", 1, LAST_REVISION)
        if asked.get("credits") is not None:
            need_credits(self._parts)
        for _ in range(MOST_ATTEMPTS):
            record = yield from self._operations.get(key_id)
            if revision is not None and record.revision != revision:
                raise Conflict(
                    f"key {record.display!r} is at revision {record.revision}, not {revision}: "
                    "read it again and decide anew",
                    revision=record.revision,
                )
            line = yield from self._line(record)
            records = yield from self._change([(each, asked) for each in line], by)
            if records:
                return records[0]
        raise self._operations.contended(key_id)

    def add_credits(self, key_id: str, credits: object, by: By, claim: Claim | None = None) -> Flow[KeyRecord]:
        """Add credits to those of a key, and of the keys that it rotates with; simultaneous top-ups all count.

        With a claim they are added once: the claim and the sum are stored together.
        """
        more = field.more_credits(credits)
        for _ in range(MOST_ATTEMPTS):
            was_made = yield from self.claims.is_made(claim)  # asked first, so that the record has what it added
            record = yield from self._operations.get(key_id)
            if was_made:
                yield from self._operations.tell(record)  # the first request may have died before it did so
                return record
            field.topped_up(record.credits, more, f"key {record.display!r}")
            line = yield from self._line(record)
            line += yield from self._rotating(record, line)
            granted = [(each, {"credits": each.credits + more}) for each in line if each.credits is not None]
            records = yield from self._change(granted, by, claim)
            if records:
                return records[0]
        raise self._operations.contended(key_id)

    def extend(self, key_id: str, overlap: timedelta | float, by: By) -> Flow[KeyRecord]:
        """Put the end of a rotating key off."""
        length = field.seconds(overlap, "overlap")
        extended = yield from self._operations.change(
            key_id, lambda record, now: lifecycle.extend(record, length, now, by)
        )
        return extended

    def _change(
        self, asked: Sequence[tuple[KeyRecord, Mapping[str, object]]], by: By, claim: Claim | None = None
    ) -> Flow[Sequence[KeyRecord]]:
        """Store the changes of several records, all or none; return none of them when another call was quicker."""
        now = self._parts.clock.now().wall
        amended = [(each, amend.amend(each, fields, now, by)) for each, fields in asked]
        changes = [change for _, change in amended if change is not None]
        stored = True if not changes else (yield from self.claims.change_keys(claim, changes))
        if not stored:
            return []
        records = [before if change is None else change.record for before, change in amended]
        yield from self._operations.tell(*records)  # also the unchanged ones: they were read anew
        return records

    def _line(self, record: KeyRecord) -> Flow[list[KeyRecord]]:
        """Return a record and, while it rotates, the successors that have not ended."""
        line, now, last = [record], self._parts.clock.now().wall, record
        while last.successor is not None and record.status_at(now) is Status.ROTATING:
            found: KeyRecord | None = yield self._parts.store.get(last.successor)
            if found is None:  # it was deleted, and those behind it were not
                return line + [each for each in (yield from self._kin(line)) if each.created >= last.created]
            last = found
            if not last.has_ended(now):
                line.append(last)
        return line

    def _rotating(self, record: KeyRecord, line: Sequence[KeyRecord]) -> Flow[list[KeyRecord]]:
        """Return the keys before this one that still rotate, also where one between them has ended."""
        return [] if record.predecessor is None else (yield from self._kin(line, Status.ROTATING))

    def _kin(self, line: Sequence[KeyRecord], status: Status | None = None) -> Flow[list[KeyRecord]]:
        """Return the other keys of a chain of rotations that have not ended."""
        known = {record.key_id for record in line}
        kin = yield from chained(self._parts, line[0], status)
        return [record for record in kin if record.key_id not in known]
