"""Keys from elsewhere into a store, a thousand at a time, and out again: flows that either shell runs.

Each batch is one transaction. A row that cannot be a key, or is stored already, is rejected with a reason and does not
stop the others. After an interruption you start again: nothing is lost or stored twice.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import islice
from traceback import clear_frames
from typing import Any, TypedDict

from secretsource.exceptions import InvalidRequest
from secretsource.issuing._key import lifecycle
from secretsource.issuing._manage.registers.plans import terms_of
from secretsource.issuing._manage.registers.registry import need_credits
from secretsource.issuing._transfer import bounds, export
from secretsource.issuing._transfer import row as _row
from secretsource.issuing._transfer.intake import Candidate, Intake
from secretsource.issuing._transfer.reports import ImportBatch, ImportReport, RejectedRow
from secretsource.issuing._transfer.row_file import Unreadable
from secretsource.issuing._transfer.sources import Source
from secretsource.stores.base import MOST_PURSES, Crowded, EventKind, KeyQuery, KeyRecord, Purse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import tzinfo

    from secretsource._ground.flow import Flow
    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._key.lifecycle import By
    from secretsource.issuing._manage.operations import Operations
    from secretsource.stores.base import Change, Page, Spending

BATCH = 1000
KNOWN = "already imported, or its head is that of another key"
_AT_ONCE = 64
_MOST_SHOWN = 100


class ImportOptions(TypedDict, total=False):
    """Options for reading rows; everything has a default.

    Attributes:
        format: ``generic``, ``unkey`` or ``drf-api-key``.
        columns: For a column of ours, its name in the rows, such as ``{"owner": "organization_id"}``.
        defaults: The value of a column for rows without one, such as ``{"algorithm": "sha256"}``.
        zone: The zone of instants without a time zone: ``UTC``, ``+02:00`` or a name such as ``Europe/Berlin``.
        start: Number of rows before these, to number them; 0.
        dry_run: Whether only to report the result, and store nothing; False.
        on_batch: Called after each thousand rows, once they are stored; it may write down the rejected rows.
    """

    format: str
    columns: Mapping[str, str]
    defaults: Mapping[str, Any]
    zone: str | None
    start: int
    dry_run: bool
    on_batch: Callable[[ImportBatch], object] | None


class Imports:
    """The flows of imports.

    Args:
        parts: The parts to work with.
        operations: Stores the seals, and announces the stored records.
    """

    def __init__(self, parts: Parts, operations: Operations) -> None:
        self._parts = parts
        self._operations = operations

    def import_rows(
        self,
        rows: Iterable[Mapping[str, Any] | Unreadable],
        by: By,
        *,
        format: str = "generic",
        columns: Mapping[str, str] | None = None,
        defaults: Mapping[str, Any] | None = None,
        zone: str | None = None,
        start: int = 0,
        dry_run: bool = False,
        on_batch: Callable[[ImportBatch], object] | None = None,
    ) -> Flow[ImportReport]:
        """Store the keys that rows describe, batch by batch; an error keeps none of them in its frames."""
        intake = self._intake(format, columns or {}, defaults or {}, None if zone is None else _row.time_zone(zone))
        given: object = rows
        if not isinstance(given, Iterable) or isinstance(given, (str, bytes, Mapping)):
            kind = type(given).__name__
            del rows, given  # a traceback shows no key
            raise InvalidRequest(f"rows must be mappings of column to cell, or the result of read_rows, not a {kind}")
        try:
            report = yield from self._import(rows, by, intake, start, dry_run, on_batch)
        except BaseException as error:
            clear_frames(error.__traceback__)
            del rows
            raise
        return report

    def _import(
        self,
        rows: Iterable[Mapping[str, Any] | Unreadable],
        by: By,
        intake: Intake,
        start: int,
        dry_run: bool,
        on_batch: Callable[[ImportBatch], object] | None,
    ) -> Flow[ImportReport]:
        tally, planned = _Tally(start), Counter[str]()
        for numbered in _batches(rows, start):
            kept: Mapping[str, bytes] = yield self._parts.store.seals()
            self._parts.seals.add(kept)
            rejected: list[RejectedRow] = []
            fit: dict[int, Candidate] = {}
            for number, row in numbered:
                read = row.reason if isinstance(row, Unreadable) else intake.read(row)
                if isinstance(read, Candidate):
                    fit[number] = read
                else:
                    rejected.append(RejectedRow(number, read, row))
            refused, most = yield from self._bind(fit)
            refused |= yield from self._plan(fit, most, planned) if dry_run else self._store(fit, most, by)
            rejected += [RejectedRow(number, refused[number], row) for number, row in numbered if number in refused]
            batch = ImportBatch(numbered[-1][0], len(numbered) - len(rejected), sorted(rejected, key=_number))
            tally.add(batch)
            if on_batch is not None:
                on_batch(batch)
        return tally.report(dict(sorted(intake.source.ignored.items())))

    def page(self, owner: str | None, after: str | None) -> Flow[tuple[list[dict[str, Any]], str | None]]:
        """Return a thousand records as rows to import again, and the cursor to go on."""
        kept: Mapping[str, bytes] = yield self._parts.store.seals()
        seals = export.SealBook({**kept, **self._parts.seals.known})
        page: Page = yield self._parts.store.list(KeyQuery(owner=owner, after=after, limit=BATCH))
        spent = yield from self._spent(page.records)
        return [export.row(record, seals, spent.get(record.limit_key, 0)) for record in page.records], page.next

    def _spent(self, records: Sequence[KeyRecord]) -> Flow[Mapping[str, int]]:
        """Return the credits that keys have spent, by their account."""
        granted = {record.limit_key: record.credits for record in records if record.credits is not None}
        purses, spent, store = [Purse(*each) for each in granted.items()], dict[str, int](), self._parts.store.credits
        for start in range(0, len(purses) if store is not None else 0, MOST_PURSES):
            some = purses[start : start + MOST_PURSES]
            assert store is not None
            spending: Spending = yield store.spend(some, 0)
            spent.update(zip([purse.account for purse in some], spending.spent, strict=True))
        return spent

    def _intake(
        self, format: str, columns: Mapping[str, str], defaults: Mapping[str, Any], zone: tzinfo | None
    ) -> Intake:
        self._parts.need_pepper("keys are not imported")
        source = Source(format, columns, defaults)
        w = self._parts
        return Intake(source, w.peppers, w.seals, w.lookups, w.format, w.clock.now().wall, zone)

    def _bind(self, fit: dict[int, Candidate]) -> Flow[tuple[dict[int, str], dict[str, int]]]:
        """Take out the keys that the plans of their owners do not allow.

        Returns:
            The reasons, by the number of the row, and the most keys of each owner that has such a bound.
        """
        now = self._parts.clock.now().wall
        terms = yield from terms_of(self._parts, {read.record.owner for read in fit.values()})
        refused: dict[int, str] = {}
        for number, read in tuple(fit.items()):
            bound = bounds.bound(read, terms.get(read.record.owner), now)
            if isinstance(bound, Candidate):
                fit[number] = bound
            else:
                refused[number] = bound
                del fit[number]
        return refused, bounds.most_keys(fit.values(), terms, now)

    def _plan(
        self, fit: Mapping[int, Candidate], most: Mapping[str, int], planned: Counter[str]
    ) -> Flow[dict[int, str]]:
        """Return the rows that `_store` would refuse, and why; nothing is stored."""
        known = yield from self._known(fit)
        now, refused = self._parts.clock.now().wall, dict.fromkeys(known, KNOWN)
        for owner in sorted(most):
            held = yield from self._held(owner, now)
            new = {number: read for number, read in fit.items() if number not in known}
            crowded = bounds.room(new, owner, most[owner] - held - planned[owner], now)
            planned[owner] += sum(read.record.owner == owner for read in new.values()) - len(crowded)
            refused |= dict.fromkeys(crowded, bounds.CROWDED)
        return refused

    def _held(self, owner: str, now: float) -> Flow[int]:
        """Count the keys of an owner that have not ended; a rotating pair is one."""
        query, held = KeyQuery(owner, limit=BATCH, now=now, living=True), set[str]()
        while True:
            page: Page = yield self._parts.store.list(query)
            held |= {record.limit_key for record in page.records}
            if page.next is None:
                return len(held)
            query = query._replace(after=page.next)

    def _store(self, fit: Mapping[int, Candidate], most: Mapping[str, int], by: By) -> Flow[dict[int, str]]:
        """Store the records that are not stored yet; return the reasons of the others, by the number of the row."""
        yield from self._operations.leave_seals(dict(self._parts.seals.known))
        known = _repeated(fit)
        known |= yield from self._kin(fit, known)
        refused = dict.fromkeys(known, KNOWN)
        drawn = {read.record.key_id for read in fit.values()}
        records = {number: self._sealed(read.record, drawn) for number, read in fit.items() if number not in known}
        if any(record.credits is not None for record in records.values()):
            need_credits(self._parts)
        struck = {number for number in records if fit[number].record.key_id}
        now = self._parts.clock.now().wall
        while records:
            changes = [lifecycle.issue(record, now, by, EventKind.IMPORTED) for record in records.values()]
            left = {number: fit[number] for number in records}
            within = {owner: number for owner, number in most.items() if bounds.room(left, owner, 0, now)}
            answer: frozenset[str] | Crowded = yield self._insert(changes, within, now)
            if isinstance(answer, Crowded):
                crowded = yield from self._crowded(left, answer, most, now)
                refused |= crowded
                records = {number: record for number, record in records.items() if number not in crowded}
                continue
            if not answer:
                yield from self._operations.tell(*records.values())
                break
            for number, record in tuple(records.items()):
                if record.key_id not in answer:
                    continue
                if number in struck:
                    refused[number] = KNOWN
                    del records[number]
                else:  # the locator alone may be taken: that of a large owner's key is, now and then
                    struck.add(number)
                    records[number] = self._sealed(record._replace(key_id=""), drawn)
        return refused

    def _insert(self, changes: Sequence[Change], most: Mapping[str, int], now: float) -> Any:
        store = self._parts.store
        return store.insert_within(changes, most, now) if most else store.insert(changes)

    def _crowded(
        self, left: Mapping[int, Candidate], answer: Crowded, most: Mapping[str, int], now: float
    ) -> Flow[dict[int, str]]:
        """Return the rows to leave out, for an owner with too many keys: those that are stored, else the last."""
        known = yield from self._known(left)
        if known:
            return dict.fromkeys(known, KNOWN)
        return dict.fromkeys(bounds.room(left, answer.owner, most[answer.owner] - answer.held, now), bounds.CROWDED)

    def _known(self, fit: Mapping[int, Candidate]) -> Flow[set[int]]:
        """Return the numbers of the records that are stored already, without storing anything."""
        known = _repeated(fit)
        known |= yield from self._kin(fit, known)
        own = {number: _own(read) for number, read in fit.items() if number not in known}
        known |= yield from self._found(own)
        for number, read in fit.items():
            if number not in known and read.record.key_id:
                there: KeyRecord | None = yield self._parts.store.get(read.record.key_id)
                if there is not None:
                    known.add(number)
        return known

    def _kin(self, fit: Mapping[int, Candidate], without: set[int]) -> Flow[set[int]]:
        """Return the numbers of the records that are stored under another look-up value."""
        found = yield from self._found({number: read.kin for number, read in fit.items() if number not in without})
        return found

    def _found(self, lookups: Mapping[int, tuple[bytes, ...]]) -> Flow[set[int]]:
        """Return the numbers of the look-up values that are stored; many are asked for at once, since most are new."""
        found: set[int] = set()
        asked = [(number, lookup) for number, several in lookups.items() for lookup in several]
        for first in range(0, len(asked), _AT_ONCE):
            some = asked[first : first + _AT_ONCE]
            while some:
                there: KeyRecord | None = yield self._parts.store.find([lookup for _, lookup in some])
                if there is None:
                    break
                found |= {number for number, lookup in some if lookup == there.lookup}
                some = [(number, lookup) for number, lookup in some if lookup != there.lookup]
        return found

    def _sealed(self, record: KeyRecord, drawn: set[str]) -> KeyRecord:
        """Return a record with a ``key_id`` that no other row has: of a thousand keys of an owner, two may draw one."""
        while not record.key_id:
            key_id = self._parts.seals.seal(record.owner, int.from_bytes(os.urandom(4), "big"))
            if key_id not in drawn:
                drawn.add(key_id)
                record = record._replace(key_id=key_id)
        return record


class _Tally:
    """The sum of batches."""

    def __init__(self, start: int) -> None:
        self._start = start
        self._last = start
        self._imported = 0
        self._reasons: Counter[str] = Counter()
        self._first: list[RejectedRow] = []

    def add(self, batch: ImportBatch) -> None:
        self._last = batch.last
        self._imported += batch.imported
        self._reasons.update(row.reason for row in batch.rejected)
        self._first += batch.rejected[: _MOST_SHOWN - len(self._first)]

    def report(self, ignored: Mapping[str, int]) -> ImportReport:
        rejected = self._reasons.total()
        return ImportReport(
            self._last - self._start, self._imported, rejected, dict(self._reasons.most_common()), self._first, ignored
        )


def _batches(
    rows: Iterable[Mapping[str, Any] | Unreadable], start: int
) -> Iterator[list[tuple[int, Mapping[str, Any] | Unreadable]]]:
    numbered = enumerate(rows, start + 1)
    while batch := list(islice(numbered, BATCH)):
        yield batch


def _repeated(fit: Mapping[int, Candidate]) -> set[int]:
    """Return the numbers of the rows that repeat an earlier row of the batch."""
    seen: set[object] = set()
    again: set[int] = set()
    for number, read in fit.items():
        marks = {mark for mark in (read.record.key_id, *_own(read), *read.kin) if mark}
        if seen & marks:
            again.add(number)
        seen |= marks
    return again


def _own(read: Candidate) -> tuple[bytes, ...]:
    return () if read.record.lookup is None else (read.record.lookup,)


def _number(rejected: RejectedRow) -> int:
    return rejected.number
