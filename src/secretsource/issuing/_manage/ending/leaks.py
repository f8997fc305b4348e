"""Reports of leaked keys: end the key as the policy says, and write the place where it was found into its history.

The key ends before the event is written. So a process that dies in between leaves no leaked key alive, and a repeated
report writes the event that is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from secretsource._ground.key_text import masked, written
from secretsource._ground.namedtuple import NamedTuple
from secretsource.exceptions import InvalidRequest, InvalidTransition
from secretsource.issuing._key.lifecycle import By, Move
from secretsource.issuing._manage import field, notices
from secretsource.issuing._manage.issued import Rotated
from secretsource.issuing._manage.operations import MOST_ATTEMPTS
from secretsource.stores.base import EventKind, KeyRecord

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from secretsource._ground.flow import Flow
    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._check.verifier import Verifier
    from secretsource.issuing._manage.ending.revocations import Revocations
    from secretsource.issuing._manage.operations import Operations
    from secretsource.stores.base import KeyEvent

__all__ = ["LEAKED", "POLICIES", "LeakPolicy", "LeakReport", "Leaks", "Terms", "read_terms"]

LeakPolicy: TypeAlias = Literal["revoke", "rotate", "tell"]
POLICIES: tuple[LeakPolicy, ...] = ("revoke", "rotate", "tell")
LEAKED = "leaked"
"""The reason in the events of what a report does to a key."""
_PAGE = 1000


class LeakReport(NamedTuple):
    """The outcome of a report of a leaked key.

    Attributes:
        record: The key as it is now.
        policy: The policy for the environment of the key: ``revoke``, ``rotate`` or ``tell``.
        rotated: The rotation, for the policy ``rotate``; None if the key was ended instead, or had ended before.
        is_new: Whether this source had not reported this place before.
    """

    record: KeyRecord
    policy: LeakPolicy
    rotated: Rotated | None
    is_new: bool


class Terms(NamedTuple):
    """The answer to a leak.

    Attributes:
        policies: The policy of each environment that has one of its own.
        otherwise: The policy of all others.
        overlap: Seconds for which a rotated key still works, from 0.
    """

    policies: Mapping[str, LeakPolicy]
    otherwise: LeakPolicy
    overlap: float

    def policy(self, environment: str) -> LeakPolicy:
        """Return the policy of an environment."""
        return self.policies.get(environment, self.otherwise)


def read_terms(policy: object, overlap: timedelta | float) -> Terms:
    """Check a policy, or the policies by environment; an environment without one has its keys revoked.

    Raises:
        InvalidRequest: It is another word, or the overlap is not a length of time.
    """
    given: Mapping[Any, Any] = policy if isinstance(policy, Mapping) else {}
    otherwise: Any = "revoke" if isinstance(policy, Mapping) else policy
    for each in (*given.values(), otherwise):
        if each not in POLICIES:
            raise InvalidRequest(
                f"policy must be one of {', '.join(POLICIES)}, or a mapping of environments to them", field="policy"
            )
    length = field.seconds(overlap, "overlap")
    if length < 0:
        raise InvalidRequest(f"overlap must be 0 seconds or more, not {length:g}", field="overlap")
    return Terms(given, otherwise, length)


class Leaks:
    """The flows of reports."""

    def __init__(self, parts: Parts, operations: Operations, revocations: Revocations) -> None:
        self._parts = parts
        self._operations = operations
        self._revocations = revocations

    def identify(self, verifier: Verifier, text: str) -> Flow[KeyRecord]:
        """Return the record of the key in a text, whatever its status."""
        return self._revocations.shown(verifier, text)

    def known(self, key_id: str) -> Flow[KeyRecord]:
        """Return the record of a key that was identified before."""
        return self._operations.get(key_id)

    def report(
        self,
        found: Flow[KeyRecord],
        source: str,
        place: str | None,
        terms: Terms,
        *,
        actor: str | None = None,
        origin: str | None = None,
    ) -> Flow[LeakReport]:
        """Do with a leaked key as the terms say, and note where it was found."""
        where = None if place is None else masked(written(place), field.LONGEST_TEXT)
        told = field.by(masked(written(source), field.LONGEST_TEXT), where, LEAKED)
        by = told if actor is None else field.by(actor, origin, LEAKED)
        record: KeyRecord = yield from found
        policy, rotated = terms.policy(record.environment), None
        if policy == "rotate":
            rotated = yield from self._rotate(record, terms.overlap, by)
        elif policy == "revoke":
            yield from self._operations.move(record.key_id, Move.REVOKE, by)
        done = policy if actor is None else f"{policy}, reported by {by.actor} from {by.origin or 'no address'}"
        noted, is_new = yield from self._note(record.key_id, told._replace(reason=done[: field.LONGEST_TEXT]))
        return LeakReport(noted, policy, rotated, is_new)

    def _rotate(self, record: KeyRecord, overlap: float, by: By) -> Flow[Rotated | None]:
        """Rotate a key; revoke one that cannot be rotated and may be good for longer, such as a disabled key."""
        try:
            rotated: Rotated = yield from self._operations.rotate(record.key_id, overlap, by)
        except (InvalidRequest, InvalidTransition):
            now = self._parts.clock.now().wall
            ends_sooner = record.successor is not None and record.end is not None and record.end <= now + overlap
            if not ends_sooner and not record.has_ended(now):
                yield from self._operations.move(record.key_id, Move.REVOKE, by)
            return None
        return rotated

    def _note(self, key_id: str, by: By) -> Flow[tuple[KeyRecord, bool]]:
        """Write the event, unless this source has reported this place before; return the record, and whether."""
        for _ in range(MOST_ATTEMPTS):
            record = yield from self._operations.get(key_id)
            is_noted = yield from self._is_noted(record, by)
            if is_noted:
                return record, False
            now = self._parts.clock.now().wall
            change = notices.notice(record, EventKind.EXPOSED, now, now, by)
            stored: bool = yield self._parts.store.update(change)
            if stored:
                yield from self._operations.tell(change.record)
                return change.record, True
        raise self._operations.contended(key_id)

    def _is_noted(self, record: KeyRecord, by: By) -> Flow[bool]:
        """Return whether the history of a key has the event; it is read after the record, so nothing is missed."""
        if EventKind.EXPOSED.value not in record.notices:
            return False
        after = 0
        while True:
            events: Sequence[KeyEvent] = yield self._parts.store.events(record.key_id, after=after, limit=_PAGE)
            for event in events:
                if event.kind is EventKind.EXPOSED and (event.actor, event.origin) == (by.actor, by.origin):
                    return True
            if len(events) < _PAGE:
                return False
            after = events[-1].revision
