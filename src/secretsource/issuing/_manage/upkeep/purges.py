"""Deleting an owner for good: first its keys end, then they go, then everything else.

Each step is a transaction of the store, and a purge that was cut short is repeated: it goes on where it stopped. No key
is deleted before it has ended, so a kill in the middle leaves no key that is accepted anywhere.
"""

from __future__ import annotations

from secretsource._ground.key_text import quote
from secretsource._ground.namedtuple import NamedTuple
from secretsource.exceptions import StoreError
from secretsource.issuing._manage import field
from secretsource.issuing._manage.registers.registry import tell_terms
from secretsource.issuing._manage.upkeep.rounds import upkeep_of
from secretsource.stores.base import KeyQuery, OwnerEvent, OwnerEventKind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource._ground.flow import Flow
    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._key.lifecycle import By
    from secretsource.issuing._manage.ending.revocations import Revocations
    from secretsource.stores.base import Page

__all__ = ["PurgeReport", "Purges"]

_BATCH = 1000
_MOST_PASSES = 64


class PurgeReport(NamedTuple):
    """The result of a purge.

    Attributes:
        owner: The owner.
        revoked: Number of keys that had not ended, and were revoked first.
        deleted: Number of keys that were deleted, those among them.
    """

    owner: str
    revoked: int
    deleted: int


class Purges:
    """The flow of purges.

    Args:
        parts: The parts to work with.
        revocations: Ends the keys.
    """

    def __init__(self, parts: Parts, revocations: Revocations) -> None:
        self._parts = parts
        self._revocations = revocations

    def purge(self, owner: object, by: By) -> Flow[PurgeReport]:
        """Delete an owner, its keys, its counted requests and its events, and leave one event that says so."""
        upkeep = upkeep_of(self._parts, "deletes nothing")
        name = field.owner(owner)
        revoked = deleted = 0
        for _ in range(_MOST_PASSES):
            ended = yield from self._revocations.of_owner(name, by)
            if ended.left:
                raise StoreError(
                    f"{len(ended.left)} keys of owner {quote(name, 80)} were not revoked, so not all is deleted: "
                    "call again"
                )
            revoked += len(ended)
            deleted += yield from self._delete_ended(name)
            now = self._parts.clock.now().wall
            event = OwnerEvent(name, OwnerEventKind.PURGED, now, (), by.actor, by.origin, by.reason)
            done: bool = yield upkeep.purge(name, event, always=deleted > 0)
            if done:
                yield from tell_terms(self._parts, "owner", name)
                return PurgeReport(name, revoked, deleted)
        raise StoreError(f"keys of owner {quote(name, 80)} are issued as fast as they are deleted: stop, then repeat")

    def _delete_ended(self, owner: str) -> Flow[int]:
        """Delete the keys of an owner that have ended, and return their number."""
        upkeep, number = upkeep_of(self._parts, "deletes nothing"), 0
        query = KeyQuery(owner=owner, limit=_BATCH)
        while True:
            page: Page = yield self._parts.store.list(query)
            now = self._parts.clock.now().wall
            ended = [record for record in page.records if record.has_ended(now)]
            if ended:
                gone: frozenset[str] = yield upkeep.delete(ended, [])
                number += len(gone)
            if page.next is None:
                return number
            query = query._replace(after=page.next)
