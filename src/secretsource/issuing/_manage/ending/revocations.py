"""Revocations of more than one key, and of a key that is shown: each is a flow over `Operations`.

A revocation does as much as it can. A key that has ended meanwhile counts as done, no single key keeps others alive,
and keys that appear on the way are revoked too.
"""

from __future__ import annotations

from secretsource.exceptions import KeyNotFound, StoreError
from secretsource.issuing._key.lifecycle import Move
from secretsource.issuing._manage import field
from secretsource.issuing._verdict import Rejected
from secretsource.stores.base import KeyQuery, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Self

    from secretsource._ground.flow import Flow
    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._check.verifier import Verifier
    from secretsource.issuing._key.lifecycle import By
    from secretsource.issuing._manage.operations import Operations
    from secretsource.stores.base import KeyRecord, Page

__all__ = ["Revocations", "RevokedKeys", "chained"]

_BATCH = 1000
_MOST_PASSES = 64
_MOST_FAILURES = 8
"""Failures of the store, one per key, after which it counts as down; those of all keys of an owner are in a row."""


def chained(parts: Parts, record: KeyRecord, status: Status | None) -> Flow[list[KeyRecord]]:
    """Read the other keys of a chain of rotations that have not ended, also where one between them was deleted.

    Args:
        parts: The parts to work with.
        record: A key of the chain.
        status: Only those of this status; `Status.ROTATING` finds those that have a successor, and reads few keys.
    """
    found: list[KeyRecord] = []
    query = KeyQuery(record.owner, status=status, limit=_BATCH, now=parts.clock.now().wall, living=True)
    while True:
        page: Page = yield parts.store.list(query)
        found += [each for each in page if each.limit_key == record.limit_key and each.key_id != record.key_id]
        if page.next is None:
            return found
        query = query._replace(after=page.next)


class RevokedKeys(tuple["KeyRecord", ...]):
    """The records that `revoke_all` revoked, and the keys that it could not revoke.

    Args:
        records: The records that were revoked now.
        left: Keys that may still be valid, by ``key_id``, each with the reason; call again for them.

    Attributes:
        left: As given; empty when every key of the owner has ended.
    """

    left: Mapping[str, str]

    def __new__(cls, records: Iterable[KeyRecord] = (), left: Mapping[str, str] | None = None) -> Self:
        made = super().__new__(cls, records)
        made.left = {} if left is None else left
        return made


class Revocations:
    """The flows of revocations."""

    def __init__(self, parts: Parts, operations: Operations) -> None:
        self._parts = parts
        self._operations = operations

    def one(self, key_id: str, by: By, *, family: bool) -> Flow[KeyRecord]:
        """Revoke a key; with ``family``, also each key that it was rotated from or to, at any distance."""
        record: KeyRecord = yield from self._operations.move(key_id, Move.REVOKE, by)
        failed: dict[str, StoreError] = {}
        # A revoked key is not rotated any more, so a successor that is read after it is the only one.
        for link in ("successor", "predecessor") if family else ():
            yield from self._along(record, link, by, failed)
        if failed:
            raise next(iter(failed.values()))
        return record

    def of_owner(self, owner: str | int, by: By) -> Flow[RevokedKeys]:
        """Revoke each key of an owner, pass after pass, until a pass meets no other living key."""
        query = KeyQuery(owner=field.owner(owner), limit=_BATCH)
        ended: dict[str, KeyRecord] = {}
        for _ in range(_MOST_PASSES):
            before = len(ended)
            left = yield from self._pass(query, ended, by)
            if len(ended) == before:
                return RevokedKeys((record for record in ended.values() if record.status is Status.REVOKED), left)
        raise StoreError(
            f"keys of this owner are issued as fast as they are revoked, {len(ended)} so far: "
            "stop issuing for it, then revoke again"
        )

    def count_living(self, owner: str | int) -> Flow[int]:
        """Count the keys of an owner that have not ended."""
        query, number = KeyQuery(owner=field.owner(owner), limit=_BATCH), 0
        while True:
            page: Page = yield self._parts.store.list(query)
            now = self._parts.clock.now().wall
            number += sum(not record.has_ended(now) for record in page.records)
            if page.next is None:
                return number
            query = query._replace(after=page.next)

    def by_text(self, verifier: Verifier, text: str, by: By) -> Flow[KeyRecord]:
        """Revoke the key that is shown, whatever its scopes."""
        flow = self.shown(verifier, text)
        del text  # a traceback shows no key
        found: KeyRecord = yield from flow
        record: KeyRecord = yield from self._operations.move(found.key_id, Move.REVOKE, by)
        return record

    def shown(self, verifier: Verifier, text: str) -> Flow[KeyRecord]:
        """Read the record of the key that is shown, whatever its scopes and its status."""
        presented = yield from verifier.gate.admit(text)
        del text  # a traceback shows no key
        if isinstance(presented, Rejected):
            raise presented.error()
        mono, wall = self._parts.present.both()
        records = verifier.records
        found = yield from records.read(presented, mono, wall, records.begin(), self._parts.store.get, is_shown=True)
        if isinstance(found, Rejected):
            raise found.error()
        record: KeyRecord = found.record
        return record

    def _along(self, record: KeyRecord, link: str, by: By, failed: dict[str, StoreError]) -> Flow[None]:
        """Revoke the keys on one side of a key; note a failure of the store, and go on with those behind it."""
        key_id: str | None = getattr(record, link)
        met = {record.key_id, *failed}
        while key_id is not None and key_id not in met:
            met.add(key_id)
            moved = yield from self._tried(key_id, by, failed)
            if moved is None:  # it was deleted, and cannot be used, or the store fails on it; those behind it may
                yield from self._past(record, link, by, failed)
                return
            key_id = getattr(moved, link)

    def _past(self, record: KeyRecord, link: str, by: By, failed: dict[str, StoreError]) -> Flow[None]:
        """Revoke the keys behind one that was not: a key before another rotates still, if it has not ended."""
        status = Status.ROTATING if link == "predecessor" else None
        kin = yield from chained(self._parts, record, status)
        for each in kin:
            moved = None if each.key_id in failed else (yield from self._tried(each.key_id, by, failed))
            if moved is not None:
                yield from self._along(moved, "successor", by, failed)

    def _tried(self, key_id: str, by: By, failed: dict[str, StoreError]) -> Flow[KeyRecord | None]:
        """Revoke a key; return None for a deleted one, and for one that the store fails on, which is noted."""
        try:
            moved: KeyRecord = yield from self._operations.move(key_id, Move.REVOKE, by)
        except KeyNotFound:
            return None
        except StoreError as error:
            failed[key_id] = error
            if len(failed) >= _MOST_FAILURES:
                raise
            return None
        return moved

    def _pass(self, query: KeyQuery, ended: dict[str, KeyRecord], by: By) -> Flow[dict[str, str]]:
        """Go once through the keys of an owner; note those that ended now, and return those that could not.

        A key that was living when it was listed may have been rotated, and expired, before its turn came: it counts
        too, so that the next pass meets its successor.
        """
        left: dict[str, str] = {}
        failed = 0
        while True:
            page: Page = yield self._parts.store.list(query)
            for record in page.records:
                if record.has_ended(self._parts.clock.now().wall):
                    continue
                try:
                    changed = yield from self._operations.move(record.key_id, Move.REVOKE, by)
                except KeyNotFound:  # it was deleted meanwhile
                    continue
                except StoreError as error:
                    left[record.key_id] = str(error)
                    failed += 1
                    if failed >= _MOST_FAILURES:
                        raise
                    continue
                failed = 0
                ended.setdefault(changed.key_id, changed)
            if page.next is None:
                return left
            query = query._replace(after=page.next)
