"""Step 5 of a check, its second half: compare a credential with a record.

No field of a record is used in an answer before that. Slow hashes of other systems are computed in turn.
"""

from __future__ import annotations

from hmac import compare_digest

from secretsource.issuing._check.steps.weighing import STATUS_REASONS
from secretsource.issuing._check.turns import PATIENCE, STEP, Turn
from secretsource.issuing._key import foreign
from secretsource.issuing._verdict import Reason, Rejected
from secretsource.stores.base import OwnerStatus

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource._ground.flow import Flow
    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._check.steps.gate import Presented
    from secretsource.stores.base import KeyRecord

_NO_HASH = bytes(32)


def unknown(presented: Presented) -> Rejected:
    """Return why a credential without a record is refused; the answer takes as long as that to a wrong secret."""
    compare_digest(presented.hash, _NO_HASH)
    return Rejected(Reason.UNKNOWN) if presented.otherwise is None else presented.otherwise


class Comparison:
    """A comparison of credentials with records.

    Args:
        parts: The parts to work with.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def compare(self, presented: Presented, record: KeyRecord) -> Rejected | None:
        """Compare a credential with a record: return None if it is the record's key, or why it is refused.

        Args:
            presented: The credential, as the gate read it.
            record: The record it names.
        """
        if record.foreign is not None:
            described = presented.is_described_by is not None and presented.is_described_by(record.foreign)
            return None if described else Rejected(Reason.WRONG_SECRET)
        hashed = presented.hashes.get(record.pepper_version)
        if hashed is None:
            return Rejected(Reason.PEPPER_RETIRED)
        return None if compare_digest(hashed, record.hash) else Rejected(Reason.WRONG_SECRET)

    def compare_foreign(
        self, presented: Presented, record: KeyRecord, wall: float, is_shown: bool = False
    ) -> Flow[Rejected | None]:
        """Compare as `compare` does, with a hash of another system; a slow one is computed only where it decides.

        Anyone who knows how such a key begins can have its hash computed. That ends when its checks are all refused.

        Args:
            presented: The credential, as the gate read it.
            record: The record that was found for it.
            wall: The present, in seconds since 1970 UTC.
            is_shown: Whether the key is shown to be ended or named, which a key that has not ended can be.
        """
        described = record.foreign or ""
        if not foreign.is_slow(described):
            return self.compare(presented, record)
        refused = _refusal(record, wall)
        if refused is not None and not (is_shown and not record.has_ended(wall)):
            return Rejected(refused)
        if not foreign.is_worth_it(described):
            return Rejected(Reason.TOO_COSTLY)
        turn = Turn()
        for _ in range(int(PATIENCE / STEP)):
            if self._parts.turns.take(turn):
                rejected: Rejected | None = yield self._parts.aside(self._compare_in_turn, turn, presented, record)
                return rejected
            yield self._parts.pause(STEP)
        return Rejected(Reason.VERIFIER_BUSY)

    def _compare_in_turn(self, turn: Turn, presented: Presented, record: KeyRecord) -> Rejected | None:
        """Compare, and end the turn with the work: the check that waits for it may be cancelled before."""
        try:
            return self.compare(presented, record)
        finally:
            self._parts.turns.give(turn)


def _refusal(record: KeyRecord, wall: float) -> Reason | None:
    """Return why every check of a key is refused for now, or None."""
    ended = STATUS_REASONS.get(record.status_at(wall), Reason.DISABLED)
    if ended is not None:
        return ended
    if record.terms is not None and record.terms.owner.status is not OwnerStatus.ACTIVE:
        return Reason.OWNER_SUSPENDED
    return Reason.NOT_YET if record.begins is not None and wall < record.begins else None
