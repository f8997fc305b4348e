"""What must hold after a stage, whatever has happened in it. Pure: what was seen goes in, complaints come out.

Each function returns a sentence for everything that is not as promised, and nothing when all is.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from tests.soak.plan import DOOMED, FATES, LIMIT, LIMITED, NARROWED, OWNERS_LIMIT, ROTATING, SHARED

from secretsource.stores.base import EventKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.soak.plan import Stage
    from tests.soak.report import Note, Report

    from secretsource.stores.base import KeyEvent, KeyRecord, KeyStore, Usage

EXACTLY = 1e-5
"""Seconds that a time may lose on its way from one clock to another and back."""

OUTAGE = frozenset({"store_unavailable", "limiter_unavailable"})
MAY_HEAR = {kind: frozenset({reason}) for kind, (_, reason) in FATES.items()} | dict.fromkeys(
    (LIMITED, SHARED), frozenset({"rate_limited"})
)
"""What a key of this kind may be refused for, when everything works."""
LEAVES = {DOOMED: [EventKind.REVOKED], NARROWED: [EventKind.UPDATED], ROTATING: [EventKind.ROTATED]}
"""The events that what is done to a key of this kind leaves."""


class Stored(NamedTuple):
    """What the store has in the end.

    Attributes:
        records: By ``key_id``.
        events: By ``key_id``.
        usages: By ``key_id``.
    """

    records: Mapping[str, KeyRecord]
    events: Mapping[str, Sequence[KeyEvent]]
    usages: Mapping[str, Usage]

    @classmethod
    def read(cls, store: KeyStore, key_ids: Sequence[str]) -> Stored:
        """All about some keys, and about the keys that they were rotated to."""
        found = {key_id: record for key_id in key_ids if (record := store.get(key_id)) is not None}
        for record in tuple(found.values()):
            successor = None if record.successor is None else store.get(record.successor)
            if successor is not None:
                found[successor.key_id] = successor
        return cls(
            found,
            {key_id: store.events(key_id) for key_id in found},
            {key_id: store.usage(key_id) for key_id in found},
        )


class Evidence(NamedTuple):
    """A stage, and what there is to judge it by.

    Attributes:
        stage: What was to be done.
        reports: What each process has seen.
        stored: What the store has in the end.
        drift: Wall seconds minus monotonic seconds.
    """

    stage: Stage
    reports: Sequence[Report]
    stored: Stored
    drift: float

    def notes(self, key_id: str) -> list[Note]:
        """What has been seen of a key."""
        return [report.notes[key_id] for report in self.reports if key_id in report.notes]

    def lags(self) -> dict[str, float]:
        """How long after its fate was sealed a check began that accepted the key; 0 for none."""
        returned = {key_id: when for report in self.reports for key_id, when in report.changed.items()}
        return {
            key_id: max(0.0, *(note.began - when for note in self.notes(key_id))) for key_id, when in returned.items()
        }


def late(evidence: Evidence, bound: float) -> list[str]:
    """No key is accepted by a check that began later than the bound after the call that changed it returned."""
    return [
        f"{key_id} ({evidence.stage.kinds[key_id]}) was accepted {lag:.3f} s after its change had returned, "
        f"and {bound} s are promised"
        for key_id, lag in evidence.lags().items()
        if lag > bound
    ]


def unheard(evidence: Evidence) -> list[str]:
    """Every change has been made, and every process has heard of it before it gave up."""
    return [
        f"{key_id} was {note.last or 'accepted'} in process {place} in the end, and not {reason}"
        for key_id, reason in evidence.stage.fated().items()
        for place, note in enumerate(evidence.notes(key_id))
        if note.last != reason
    ]


def granted(evidence: Evidence) -> dict[str, int]:
    """How many requests were drawn on each limit, by all processes and keys together."""
    return {
        account: sum(note.accepted - note.undrawn for key_id in key_ids for note in evidence.notes(key_id))
        for account, key_ids in evidence.stage.accounts().items()
    }


def limits(evidence: Evidence) -> dict[str, int]:
    """What each of them is."""
    return {
        account: LIMIT if evidence.stage.kinds[key_ids[0]] == LIMITED else OWNERS_LIMIT
        for account, key_ids in evidence.stage.accounts().items()
    }


def overdrawn(evidence: Evidence, times: int) -> list[str]:
    """All processes together grant no more of a limit than the design allows: so many times the whole."""
    most = limits(evidence)
    return [
        f"{number} requests were granted of {account}, and {times * most[account]} are allowed"
        for account, number in granted(evidence).items()
        if number > times * most[account]
    ]


def undrawn(evidence: Evidence) -> list[str]:
    """No limited key is let in without a draw on its limit."""
    return [
        f"{key_id} was let in without a draw on its limit"
        for key_ids in evidence.stage.accounts().values()
        for key_id in key_ids
        if any(note.undrawn for note in evidence.notes(key_id))
    ]


def forgotten_uses(evidence: Evidence) -> list[str]:
    """The last use in the store is the last use that any process has seen.

    It is not before the latest accepted check began, and not after the last time that an accepted check read.
    """
    complaints = []
    for key_id, record in evidence.stored.records.items():
        notes = evidence.notes(key_id)
        used = [note for note in notes if note.used]
        if not used or record.last_used is None:
            if used or record.last_used is not None:
                complaints.append(f"{key_id} was used {len(used)} times, and the store says {record.last_used}")
            continue
        stored = record.last_used - evidence.drift
        earliest, latest = max(note.began for note in used), max(note.used for note in used)
        if not earliest - EXACTLY <= stored <= latest + EXACTLY:
            complaints.append(f"{key_id} was used from {earliest} to {latest}, and the store says {stored}")
    return complaints


def miscounted(evidence: Evidence) -> list[str]:
    """Requests with a rotating key are all counted; twice only those whose flush was cut off while it was stored."""
    complaints = []
    for key_id in evidence.stage.of(ROTATING):
        least = sum(note.counted for note in evidence.notes(key_id))
        doubtful = sum(report.doubtful.get(key_id, 0) for report in evidence.reports)
        stored = evidence.stored.usages[key_id].requests
        if not least <= stored <= least + doubtful:
            complaints.append(f"{key_id} was used {least} times ({doubtful} in doubt), and the store counts {stored}")
    return complaints


def lost_events(evidence: Evidence) -> list[str]:
    """Each change has one event, in order; nothing else has any."""
    complaints = []
    for key_id, record in evidence.stored.records.items():
        kind = evidence.stage.kinds.get(key_id)
        second = LEAVES.get(kind or "", [])
        kinds = [event.kind for event in evidence.stored.events[key_id]]
        revisions = [event.revision for event in evidence.stored.events[key_id]]
        if kinds[1:] != second or revisions != [*range(1, record.revision + 1)]:
            complaints.append(f"{key_id} ({kind}) has the events {kinds} with the revisions {revisions}")
    return complaints


def strange_successors(evidence: Evidence, *, all_told: bool) -> list[str]:
    """Each rotated key has one successor, and one process was given its text.

    Args:
        evidence: What there is.
        all_told: Whether each text must have reached somebody; when a connection breaks, it may not have.
    """
    turns = [turn for report in evidence.reports for turn in report.turns]
    successors = {(turn.old, turn.new) for turn in turns}
    texts = Counter(turn.old for turn in turns if turn.has_text)
    complaints: list[str] = []
    for key_id in evidence.stage.of(ROTATING):
        record = evidence.stored.records[key_id]
        if {(key_id, record.successor)} != {pair for pair in successors if pair[0] == key_id}:
            complaints.append(f"{key_id} has another successor than was told")
        if record.successor is None or evidence.stored.records[record.successor].predecessor != key_id:
            complaints.append(f"{key_id} has a successor that is not there, or is somebody else's")
        if texts[key_id] > 1 or (all_told and texts[key_id] < 1):
            complaints.append(f"{texts[key_id]} processes were given the successor of {key_id}")
    return complaints


def unfounded(evidence: Evidence, *, outage: bool) -> list[str]:
    """A good key, also one made a moment ago, is refused for an outage only, if there was one; and no check raises."""
    complaints = [error for report in evidence.reports for error in report.raised]
    for key_id, reasons in _refusals(evidence):
        fine = MAY_HEAR.get(evidence.stage.kinds.get(key_id, ""), frozenset()) | (OUTAGE if outage else frozenset())
        complaints += [f"{key_id} was refused: {reason}" for reason in reasons - fine]
    return complaints


def _refusals(evidence: Evidence) -> Iterator[tuple[str, frozenset[str]]]:
    for report in evidence.reports:
        for key_id, note in report.notes.items():
            yield key_id, frozenset(note.refused)
