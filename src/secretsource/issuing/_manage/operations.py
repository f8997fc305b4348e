"""The operations on keys beside checks: each is a flow over the same parts, which either shell runs.

An operation that changes a record reads it, decides by `lifecycle`, and stores it by compare-and-set; when another
call was quicker, it starts again on the newer record. No operation starts from a cached record.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence

from secretsource._ground.key_text import is_key_id
from secretsource.exceptions import InvalidRequest, InvalidTransition, KeyNotFound, StoreError
from secretsource.issuing._key import lifecycle
from secretsource.issuing._key.lifecycle import Move
from secretsource.issuing._key.text import canonical
from secretsource.issuing._manage import field, request
from secretsource.issuing._manage.issued import Issued, Rotated, RotationStatus
from secretsource.issuing._manage.registers import plans
from secretsource.issuing._manage.registers.registry import need_credits
from secretsource.stores.base import ChangeBus, KeyChange, KeyQuery, Status, Usage
from secretsource.stores.records import LAST_REVISION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import timedelta

    from secretsource._ground.flow import Flow
    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._key.lifecycle import By, End
    from secretsource.issuing._key.locator import Owner
    from secretsource.issuing._manage.request import KeyRequest
    from secretsource.stores.base import Change, KeyEvent, KeyRecord, Page

MOST_ATTEMPTS = 64
_BATCH = 1000
_MOST_ISSUED = 10_000


class Operations:
    """The flows over the same parts."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._bus = parts.feed if isinstance(parts.feed, ChangeBus) else None
        self._left: set[str] = set()

    def issue(self, requests: Sequence[KeyRequest], by: By) -> Flow[Sequence[Issued]]:
        """Make keys and store them, all or nothing."""
        drafts = yield from self.prepare(requests)
        issued = yield from self._insert(drafts, by)
        return issued

    def prepare(self, requests: Sequence[KeyRequest]) -> Flow[list[KeyRecord]]:
        """Check requests, and return records without ``key_id``; nothing is stored but the seals of locators."""
        given: object = requests
        if not isinstance(given, Sequence) or not 1 <= len(given) <= _MOST_ISSUED:
            raise InvalidRequest(f"keys are issued by a list of requests: ask for 1 to {_MOST_ISSUED}")
        now = self._parts.clock.now().wall
        asked = [request.draft(each, now) for each in requests]
        if any(record.credits is not None for record in asked):
            need_credits(self._parts)
        drafts = yield from plans.with_terms(self._parts, asked)
        for record in drafts:
            self._check_front(record)
        yield from self.leave_seals()
        return drafts

    def issue_as(self, draft: KeyRecord, by: By) -> Flow[Issued | None]:
        """Make one key with a ``key_id`` that was chosen before; None, with nothing stored, if it is taken."""
        issued = self._mint(draft)
        try:
            taken = yield from plans.insert(self._parts, [lifecycle.issue(issued.record, issued.record.created, by)])
            if not taken:
                yield from self.tell(issued.record)
        except BaseException:
            del issued  # a traceback shows no key, not even one that may never have been stored
            raise
        return None if taken else issued

    def unused_locator(self, owner: str) -> Flow[str]:
        """Return a ``key_id`` for a new key, which no key has yet."""
        for _ in range(MOST_ATTEMPTS):
            key_id = self._locator(owner)
            found: KeyRecord | None = yield self._parts.store.get(key_id)
            if found is None:
                return key_id
        raise StoreError("no unused locator was found for a new key: the store says that every one is taken")

    def rotate(self, key_id: str, overlap: timedelta | float, by: By, ends: End = lifecycle.AS_LONG) -> Flow[Rotated]:
        """Create the successor of a key: one in all, from any number of calls and processes."""
        length = field.seconds(overlap, "overlap")
        for _ in range(MOST_ATTEMPTS):
            old = yield from self.get(key_id)
            if old.successor is not None:
                again = yield from self._rotate_again(old, old.successor, length, by)
                if again is None:
                    continue
                return again
            now = self._parts.clock.now().wall
            self._check_front(old)
            yield from self.leave_seals()
            rotation = lifecycle.rotate(old, self._locator(old.owner), length, now, by, ends)
            issued = self._mint(plans.shortened(rotation.successor))
            try:
                stored: bool = yield self._parts.store.rotate(
                    rotation.predecessor, lifecycle.issue(issued.record, now, by)
                )
                if stored:
                    yield from self.tell(rotation.predecessor.record, issued.record)
            except BaseException:
                del issued  # a traceback shows no key, not even one that may never have been stored
                raise
            if stored:
                return Rotated(rotation.predecessor.record, issued.record, issued.plaintext)
        raise self.contended(key_id)

    def _rotate_again(self, old: KeyRecord, new: str, overlap: float, by: By) -> Flow[Rotated | None]:
        """Return an earlier rotation, ended sooner if asked; None when another call was quicker."""
        successor = yield from self._successor(old, new)
        change = lifecycle.shorten(old, successor.created, overlap, self._parts.clock.now().wall, by)
        if change is not None:
            stored: bool = yield self._parts.store.update(change)
            if not stored:
                return None
            old = change.record
        yield from self.tell(old, successor)
        return Rotated(old, successor, None)

    def _successor(self, old: KeyRecord, new: str) -> Flow[KeyRecord]:
        """Read the successor of a key, which may have ended long before it, and been deleted."""
        record: KeyRecord | None = yield self._parts.store.get(new)
        if record is None:
            raise InvalidTransition(f"the successor of key {old.display!r} was deleted: finish the rotation, or revoke")
        return record

    def rotation_status(self, key_id: str) -> Flow[RotationStatus]:
        """Show the last uses of the old key."""
        old = yield from self.get(key_id)
        if old.successor is None:
            raise InvalidTransition(f"key {old.display!r} has not been rotated: rotate it first")
        new = yield from self._successor(old, old.successor)
        usage: Usage = yield self._parts.store.usage(key_id)
        usage = usage.since(new.created)
        status = old.status_at(self._parts.clock.now().wall)
        return RotationStatus(old, new, status, new.created, old.overlap_ends, usage, new.last_used is not None)

    def finish_rotation(self, key_id: str, quiet_for: timedelta | float | None, by: By) -> Flow[KeyRecord]:
        """End an overlap early; refuse when the last use of the old key is less than ``quiet_for`` ago."""
        if quiet_for is not None:
            quiet = field.seconds(quiet_for, "quiet_for")
            status = yield from self.rotation_status(key_id)
            last = status.usage.last_used
            if status.status is Status.ROTATING and last is not None and self._parts.clock.now().wall - last < quiet:
                raise InvalidTransition(
                    f"key {status.predecessor.display!r} is still in use: see its uses with rotation_status, "
                    "or finish without quiet_for"
                )
        changed = yield from self.move(key_id, Move.FINISH, by)
        return changed

    def move(self, key_id: str, move: Move, by: By) -> Flow[KeyRecord]:
        """Revoke, disable, enable or finish a key."""
        changed = yield from self.change(key_id, lambda record, now: lifecycle.move(record, move, now, by))
        return changed

    def change(self, key_id: str, decide: Callable[[KeyRecord, float], Change | None]) -> Flow[KeyRecord]:
        """Change a key as is decided on its newest record, now; one that is like that already is announced again."""
        for _ in range(MOST_ATTEMPTS):
            record = yield from self.get(key_id)
            change = decide(record, self._parts.clock.now().wall)
            stored: bool = True if change is None else (yield self._parts.store.update(change))
            if stored:
                record = record if change is None else change.record
                yield from self.tell(record)
                return record
        raise self.contended(key_id)

    def get(self, key_id: str) -> Flow[KeyRecord]:
        """Read the record of a key; a malformed ``key_id`` is never sent to the store: it may be a whole key."""
        record: KeyRecord | None = (yield self._parts.store.get(key_id)) if is_key_id(key_id) else None
        if record is None:
            raise KeyNotFound(key_id)
        return record

    def list(self, query: KeyQuery) -> Flow[Page]:
        """List one page of records; the status to match is that of now."""
        field.number(query.limit, "limit", 1, _BATCH)
        now = self._parts.clock.now().wall
        page: Page = yield self._parts.store.list(request.narrowed(query)._replace(now=now))
        return page

    def events(self, key_id: str, after: int, limit: int) -> Flow[Sequence[KeyEvent]]:
        """Return the history of a key."""
        field.number(limit, "limit", 1, _BATCH)
        field.number(after, "after", 0, LAST_REVISION)
        found: Sequence[KeyEvent] = ()
        if is_key_id(key_id):
            found = yield self._parts.store.events(key_id, after=after, limit=limit)
        if not found:  # an unknown key has no events, which would look like an unused key
            yield from self.get(key_id)
        return found

    def whose(self, text: str, candidates: Iterable[str | int]) -> Owner | None:
        """Read the owner out of a key, or out of its locator, without the store."""
        locator = self._parts.format.locator(text)
        if locator is None:
            return None
        return self._parts.seals.open(locator, (canonical(str(name)) for name in candidates))

    def tell(self, *records: KeyRecord) -> Flow[None]:
        """Announce records, also unchanged ones: their changer may have died before it did so."""
        for record in records:
            self._parts.cache.news(record.key_id, record.revision)
        if self._bus is not None and records:
            yield self._bus.publish([KeyChange(record.key_id, record.revision) for record in records])

    def leave_seals(self, keys: Mapping[str, bytes] | None = None) -> Flow[None]:
        """Store the seals of the locators once; see `KeyStore.seals`.

        Args:
            keys: Locator keys by pepper version; those of our own peppers when left out.
        """
        for version, key in (self._parts.seals.own if keys is None else keys).items():
            if version not in self._left:
                yield self._parts.store.keep_seal(version, key)
                self._left.add(version)

    def _check_front(self, record: KeyRecord) -> None:
        self._parts.format.check_front(record.prefix, record.environment)
        if record.environment != "test":
            self._parts.need_pepper(f"a {record.environment!r} key is not issued")

    def _insert(self, drafts: Sequence[KeyRecord], by: By) -> Flow[Sequence[Issued]]:
        minted = [self._mint(record._replace(key_id=self._locator(record.owner))) for record in drafts]
        for _ in range(MOST_ATTEMPTS):
            repeated = _repeated(minted)
            if not repeated:
                changes = [lifecycle.issue(issued.record, issued.record.created, by) for issued in minted]
                try:
                    repeated = yield from plans.insert(self._parts, changes)
                    if not repeated:
                        yield from self.tell(*(issued.record for issued in minted))
                except BaseException:
                    del minted  # a traceback shows no key, not even one that may never have been stored
                    raise
            if not repeated:
                return minted
            minted = [self._again(issued) if issued.record.key_id in repeated else issued for issued in minted]
        del minted
        raise StoreError("no unused locator was found for a new key: the store says that every one is taken")

    def _again(self, issued: Issued) -> Issued:
        return self._mint(issued.record._replace(key_id=self._locator(issued.record.owner)))

    def _mint(self, draft: KeyRecord) -> Issued:
        text = self._parts.format.mint(draft.prefix, draft.environment, draft.key_id)
        newest = self._parts.peppers.newest
        display = self._parts.format.display(draft.prefix, draft.environment, draft.key_id)
        return Issued(text, draft._replace(hash=newest.hash(text), pepper_version=newest.version, display=display))

    def _locator(self, owner: str) -> str:
        return self._parts.seals.seal(owner, int.from_bytes(os.urandom(4), "big"))

    @staticmethod
    def contended(key_id: str) -> StoreError:
        return StoreError(f"key {key_id!r} changed {MOST_ATTEMPTS} times while it was to be changed here: try again")


def _repeated(minted: Iterable[Issued]) -> frozenset[str]:
    counts = Counter(issued.record.key_id for issued in minted)
    return frozenset(key_id for key_id, count in counts.items() if count > 1)
