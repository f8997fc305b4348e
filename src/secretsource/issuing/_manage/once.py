"""Requests that a client may repeat, each with a token of its own: they are carried out once.

The ``key_id`` of a new key is chosen first, and claimed together with the token. So a process that is killed in between
leaves no doubt: the key is there, or it is not and the repeat makes it, under that very ``key_id``.
"""

from __future__ import annotations

from secretsource.exceptions import InvalidRequest, KeyNotFound, RepeatTooSoon, SecretSourceError
from secretsource.issuing._manage.issued import Rotated
from secretsource.issuing._manage.registers.claims import Claims
from secretsource.stores.base import OwnerEventKind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from secretsource._ground.flow import Flow
    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._key.lifecycle import By, End
    from secretsource.issuing._manage.issued import Issued
    from secretsource.issuing._manage.operations import Operations
    from secretsource.issuing._manage.request import KeyRequest
    from secretsource.stores.base import Claim, KeyRecord, OwnerEvent

__all__ = ["Once"]

IN_HAND = 10.0
"""Seconds in which the first request is believed to be on its way still."""
_MOST_EVENTS = 1000


class Once:
    """The flows of repeatable requests."""

    def __init__(self, parts: Parts, operations: Operations) -> None:
        self._parts = parts
        self._operations = operations
        self._claims = Claims(parts)

    def issue(self, token: str, caller: str, fingerprint: str, request: KeyRequest, by: By) -> Flow[Issued | KeyRecord]:
        """Make a key, or return the record of the key that an earlier request made, whatever its plan says since."""
        earlier = yield from self._claims.find(self._claims.of(token, caller, fingerprint))
        made = yield from self._made(earlier)
        if made is not None:
            return made
        (draft,) = yield from self._operations.prepare([request])
        key_id = yield from self._operations.unused_locator(draft.owner)
        claim = yield from self._claims.take(self._claims.of(token, caller, fingerprint, key_id))
        if claim.key_id != key_id:
            made = yield from self._made(claim)
            if made is not None:
                return made
            if self._parts.clock.now().wall - claim.made < IN_HAND:
                raise RepeatTooSoon("the first request with this token is on its way still: repeat it in some seconds")
            yield from self._need_unpurged(draft.owner, claim)
        try:
            issued = yield from self._operations.issue_as(draft._replace(key_id=claim.key_id), by)
        except SecretSourceError as error:
            if isinstance(error, InvalidRequest):  # nothing was stored, and the same request may be right later
                yield from self._claims.release(claim)
            raise
        if issued is not None:
            return issued
        return (yield from self._operations.get(claim.key_id))

    def _made(self, claim: Claim | None) -> Flow[KeyRecord | None]:
        """Return the key of a claim, if it was made."""
        record: KeyRecord | None = None if claim is None else (yield self._parts.store.get(claim.key_id))
        return record

    def _need_unpurged(self, owner: str, claim: Claim) -> Flow[None]:
        """Refuse to make the key of a claim whose owner was purged since: it was there, and went with its owner.

        Raises:
            KeyNotFound: The owner was purged.
        """
        if self._parts.store.owners is not None:
            events: Sequence[OwnerEvent] = yield self._parts.store.owners.events(owner, limit=_MOST_EVENTS)
            if any(event.kind is OwnerEventKind.PURGED and event.time >= claim.made for event in events):
                raise KeyNotFound(claim.key_id)

    def rotate(
        self, token: str, caller: str, fingerprint: str, key_id: str, overlap: timedelta | float, by: By, ends: End
    ) -> Flow[Rotated]:
        """Rotate a key, or return the rotation that an earlier request made, whatever became of it since."""
        before = self._parts.clock.now().wall
        claim = yield from self._claims.take(self._claims.of(token, caller, fingerprint, key_id))
        old = yield from self._operations.get(key_id)
        if claim.made < before and old.successor is not None:
            return Rotated(old, (yield from self._operations.get(old.successor)), None)
        return (yield from self._operations.rotate(key_id, overlap, by, ends))
