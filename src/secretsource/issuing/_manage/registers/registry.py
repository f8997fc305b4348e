"""The flows that owners and plans share: read a record, decide, store it unless another call was quicker, announce.

Either shell runs them. A caller that was too slow decides anew on the newer record, so two callers that change
different fields both succeed.
"""

from __future__ import annotations

from typing import Any, Generic

from secretsource._ground.key_text import quote
from secretsource.exceptions import ConfigurationError, Conflict, InvalidRequest, PlanNotFound, StoreError
from secretsource.issuing._manage import field
from secretsource.issuing._manage.registers.claims import Claims
from secretsource.stores.base import ChangeBus, KeyChange, OwnerEvent, OwnerEventKind, Refused
from secretsource.stores.owners import Kept

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from secretsource._ground.flow import Flow
    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._key.lifecycle import By
    from secretsource.stores.base import Claim

__all__ = ["Registry", "need_credits", "tell_terms"]

_MOST_ATTEMPTS = 64
_MOST_LISTED = 1000
_LAST_REVISION = 2**63 - 1
_UNCHANGED = frozenset({"id", "created", "revision"})


class Registry(Generic[Kept]):
    """The flows over one register.

    Args:
        parts: The parts to work with.
        subject: The kind of record: ``owner`` or ``plan``.
        missing: The error for an unknown id.
    """

    def __init__(self, parts: Parts, subject: str, missing: Callable[[str], Exception]) -> None:
        self._parts = parts
        self._subject = subject
        self._missing = missing
        self.claims = Claims(parts)

    def find(self, id: str) -> Flow[Kept | None]:
        """Read the record under an id, or None."""
        found: Kept | None = yield self._register().get(id)
        return found

    def get(self, id: object) -> Flow[Kept]:
        """Read the record under an id.

        Raises:
            OwnerNotFound: The owner is unknown, or PlanNotFound: the plan is unknown.
        """
        name = field.named(id, self._subject)
        found = yield from self.find(name)
        if found is None:
            raise self._missing(name)
        return found

    def list(self, after: object, limit: int, plan: str | None = None) -> Flow[Sequence[Kept]]:
        """List records in the order of their ids."""
        field.number(limit, "limit", 1, _MOST_LISTED)
        since = None if after is None else field.named(after, self._subject)
        found: Sequence[Kept] = yield self._register().list(after=since, limit=limit, plan=plan)
        return found

    def events(self, id: object, after: int, limit: int) -> Flow[Sequence[OwnerEvent]]:
        """Return the history of an id, oldest first; also of a deleted record."""
        field.number(limit, "limit", 1, _MOST_LISTED)
        field.number(after, "after", 0, _LAST_REVISION)
        name = field.named(id, self._subject)
        happened: Sequence[OwnerEvent] = yield self._register().events(name, after=after, limit=limit)
        return happened

    def change(
        self,
        id: object,
        decide: Callable[[str, Kept | None, float], Kept],
        kind: OwnerEventKind,
        by: By,
        revision: int | None = None,
        claim: Claim | None = None,
    ) -> Flow[Kept]:
        """Store the decided record; a record that is like it already stays as it is.

        Args:
            id: The owner or plan.
            decide: Makes the new record, from its id, the stored record, and the present.
            kind: The kind of event for an existing record.
            by: The actor, the origin and the reason.
            revision: The revision that the record must have; 0 for a record that must not exist, None for any.
            claim: The claim of a request that is carried out once; only for owners.

        Raises:
            Conflict: The record has another revision.
        """
        name = field.named(id, self._subject)
        if revision is not None:
            field.number(revision, "revision", 0, _LAST_REVISION)
        for _ in range(_MOST_ATTEMPTS):
            was_made = yield from self.claims.is_made(claim)  # asked first, so that the record has what it changed
            old = yield from self.find(name)
            if old is not None and was_made:
                yield from tell_terms(self._parts, self._subject, name)
                return old
            self._compare(name, old, revision)
            if old is None:
                field.keyless(name, self._subject)
            now = self._parts.clock.now().wall
            new = decide(name, old, now)
            fields = _changed(old, new)
            if old is not None and not fields:
                # The caller that made the change may have died before it announced it.
                yield from tell_terms(self._parts, self._subject, name)
                return old
            happens = OwnerEventKind.REGISTERED if old is None else kind
            event = OwnerEvent(name, happens, now, fields, by.actor, by.origin, by.reason)
            stored = yield from self._put(new, event, claim)
            if stored is Refused.NO_PLAN:
                raise PlanNotFound(str(getattr(new, "plan", None)))
            if not isinstance(stored, Refused):
                yield from tell_terms(self._parts, self._subject, name)
                return stored
        raise self._contended(name)

    def _put(self, new: Kept, event: OwnerEvent, claim: Claim | None) -> Flow[Kept | Refused]:
        stored: Kept | Refused
        if claim is None:
            stored = yield self._register().put(new, event)
        else:
            stored = yield from self.claims.change_owner(claim, new, event)
        return stored

    def delete(self, id: object, by: By) -> Flow[Kept]:
        """Delete a record.

        Raises:
            InvalidRequest: The record is a plan with owners, or a suspended owner.
        """
        name = field.named(id, self._subject)
        for _ in range(_MOST_ATTEMPTS):
            old = yield from self.get(name)
            self._need_deletable(old)
            now = self._parts.clock.now().wall
            event = OwnerEvent(name, OwnerEventKind.DELETED, now, (), by.actor, by.origin, by.reason)
            deleted: Kept | Refused = yield self._register().delete(old, event)
            if deleted is Refused.IN_USE:
                raise InvalidRequest(f"plan {quote(name, 80)} has owners: give them another plan before you delete it")
            if not isinstance(deleted, Refused):
                yield from tell_terms(self._parts, self._subject, name)
                return deleted
        raise self._contended(name)

    def _need_deletable(self, record: Kept) -> None:
        """Refuse to delete a record that must stay; a register of owners has such records."""

    def _compare(self, id: str, old: Kept | None, revision: int | None) -> None:
        """Refuse a change that was decided on another revision than the stored one."""
        held = 0 if old is None else old.revision
        if revision is None or revision == held:
            return
        state = f"is at revision {held}, not {revision}" if held else f"does not exist, so not at revision {revision}"
        raise Conflict(f"{self._subject} {quote(id, 80)} {state}: read it again and decide anew", revision=held)

    def _register(self) -> Any:
        store = self._parts.store
        register = store.owners if self._subject == "owner" else store.plans
        if register is None:
            raise ConfigurationError(
                f"a {type(store).__name__} keeps no {self._subject}s: use a store in SQLite or PostgreSQL"
            )
        return register

    def _contended(self, id: str) -> StoreError:
        return StoreError(
            f"{self._subject} {quote(id, 80)} changed {_MOST_ATTEMPTS} times while it was to be changed here: try again"
        )


def tell_terms(parts: Parts, subject: str, id: str) -> Flow[None]:
    """Announce an owner or a plan that changed, here and to other processes.

    Args:
        parts: The parts to work with.
        subject: The kind of record: ``owner`` or ``plan``.
        id: Its id.
    """
    news = KeyChange.of_terms(subject, id)
    parts.cache.hear(news)
    if isinstance(parts.feed, ChangeBus):
        yield parts.feed.publish([news])


def need_credits(parts: Parts) -> None:
    """Refuse credits with a store that keeps none.

    Raises:
        ConfigurationError: It is such a store.
    """
    if parts.store.credits is None:
        raise ConfigurationError(
            f"a {type(parts.store).__name__} keeps no credits: use a store in SQLite or PostgreSQL"
        )


def _changed(old: Kept | None, new: Kept) -> tuple[str, ...]:
    """Return the names of the fields that change, or that a new record has."""
    before = new._field_defaults if old is None else old._asdict()
    after = new._asdict()
    return tuple(sorted(name for name in after.keys() - _UNCHANGED if after[name] != before[name]))
