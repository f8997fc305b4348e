"""The judges of a stage find what is wrong: one fault each, put into a stage in which all is well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.soak import judgement
from tests.soak.judgement import Evidence, Stored
from tests.soak.plan import DOOMED, LIMIT, LIMITED, NARROWED, OWNERS_LIMIT, PLAIN, ROTATING, SHARED, Stage
from tests.soak.report import Note, Report, Turn

from secretsource.stores.base import EventKind, KeyEvent, KeyRecord, Usage

if TYPE_CHECKING:
    from collections.abc import Callable

DRIFT = 1000.0


def record(key_id: str, **fields: Any) -> KeyRecord:
    """What is stored of a key that was last used at 5."""
    plain = KeyRecord(key_id, b"", "", "", "", "sk", "live", 0.0, last_used=DRIFT + 5)
    return plain._replace(**fields)


def events(key_id: str, *kinds: EventKind) -> list[KeyEvent]:
    """What happened to it."""
    return [KeyEvent(key_id, place, kind, 0.0) for place, kind in enumerate(kinds, 1)]


def good() -> Evidence:
    """Two processes, and keys: revoked, narrowed, rotated, with a limit, with a limit that two share, with nothing."""
    kinds = {"d": DOOMED, "c": NARROWED, "r": ROTATING, "l": LIMITED, "s": SHARED, "t": SHARED, "p": PLAIN}
    used = Note({}, 3, 0, 0, 4.9, 5.0)
    reports = [
        Report(
            9,
            {
                "d": Note({"revoked": 1}, 3, 0, 0, 4.9, 5.0, "revoked"),
                "c": Note({"insufficient_scope": 1}, 3, 0, 0, 4.2, 5.0, "insufficient_scope"),
                "r": used._replace(counted=2),
                "l": used._replace(accepted=LIMIT // 2, refused={"rate_limited": 3}),
                "s": used._replace(accepted=OWNERS_LIMIT // 2 - 9),
                "t": used._replace(accepted=9),
                "p": used,
                **({"n": used} if place == 0 else {}),
            },
            {"d": 4.0} if place == 0 else {"c": 4.0},
            [Turn("r", "n", place == 0)],
            0, 0, {}, [],
        )
        for place in range(2)
    ]  # fmt: skip
    records = {
        "d": record("d", revision=2), "r": record("r", revision=2, successor="n"), "n": record("n", predecessor="r"),
        "c": record("c", revision=2), "l": record("l"), "s": record("s"), "t": record("t"), "p": record("p"),
    }  # fmt: skip
    second = {"d": [EventKind.REVOKED], "c": [EventKind.UPDATED], "r": [EventKind.ROTATED]}
    told = {key_id: events(key_id, EventKind.ISSUED, *second.get(key_id, [])) for key_id in records}
    usages = {key_id: Usage(requests=4 if key_id == "r" else 0) for key_id in records}
    return Evidence(Stage(0.0, 1.0, 1, kinds, {}, {}, []), reports, Stored(records, told, usages), DRIFT)


JUDGES: dict[str, Callable[[Evidence], list[str]]] = {
    "late": lambda evidence: judgement.late(evidence, 1.0),
    "unheard": judgement.unheard,
    "overdrawn": lambda evidence: judgement.overdrawn(evidence, 1),
    "undrawn": judgement.undrawn,
    "forgotten_uses": judgement.forgotten_uses,
    "miscounted": judgement.miscounted,
    "lost_events": judgement.lost_events,
    "strange_successors": lambda evidence: judgement.strange_successors(evidence, all_told=True),
    "unfounded": lambda evidence: judgement.unfounded(evidence, outage=False),
}


def noted(key_id: str, **fields: Any) -> Callable[[Evidence], Evidence]:
    """Another note of the second process."""

    def change(evidence: Evidence) -> Evidence:
        first, second = evidence.reports
        notes = {**second.notes, key_id: second.notes[key_id]._replace(**fields)}
        return evidence._replace(reports=[first, second._replace(notes=notes)])

    return change


def reported(**fields: Any) -> Callable[[Evidence], Evidence]:
    """Another report of the second process."""
    return lambda evidence: evidence._replace(reports=[evidence.reports[0], evidence.reports[1]._replace(**fields)])


def swapped(evidence: Evidence) -> Evidence:
    """The second process first."""
    return evidence._replace(reports=evidence.reports[::-1])


def stored(**fields: Any) -> Callable[[Evidence], Evidence]:
    """Something else in the store: records, events or usages."""

    def change(evidence: Evidence) -> Evidence:
        merged = {name: {**getattr(evidence.stored, name), **value} for name, value in fields.items()}
        return evidence._replace(stored=evidence.stored._replace(**merged))

    return change


def test_a_good_stage_has_nothing_to_complain_of() -> None:
    """A key may be accepted within the bound, and counted twice where that is said."""
    assert {name: judge(good()) for name, judge in JUDGES.items()} == {name: [] for name in JUDGES}
    assert good().lags() == {"d": pytest.approx(0.9), "c": pytest.approx(0.2)}
    assert judgement.granted(good()) == judgement.limits(good())
    doubtful = stored(usages={"r": Usage(requests=5)})(reported(doubtful={"r": 1})(good()))
    assert judgement.miscounted(doubtful) == []
    outage = noted("p", refused={"store_unavailable": 1})(good())
    assert judgement.unfounded(outage, outage=True) == []
    untold = reported(turns=[Turn("r", "n", False)])(good())
    untold = untold._replace(reports=[untold.reports[1], untold.reports[1]])
    assert judgement.strange_successors(untold, all_told=False) == []


FAULTS: dict[str, list[Callable[[Evidence], Evidence]]] = {
    "late": [noted("d", began=5.1), noted("c", began=5.1)],
    "unheard": [noted("d", last=None), noted("d", last="store_unavailable"), noted("c", last="revoked")],
    "overdrawn": [noted("l", accepted=LIMIT), noted("t", accepted=10)],
    "undrawn": [noted("l", undrawn=1), noted("t", undrawn=1)],
    "forgotten_uses": [
        noted("p", began=5.0001, used=5.0002),
        stored(records={"p": record("p", last_used=None)}),
        stored(records={"p": record("p", last_used=DRIFT + 6)}),
        stored(records={"x": record("x")}, events={"x": events("x", EventKind.ISSUED)}),
    ],
    "miscounted": [stored(usages={"r": Usage(requests=3)}), stored(usages={"r": Usage(requests=5)})],
    "lost_events": [
        stored(events={"d": events("d", EventKind.ISSUED)}),
        stored(events={"d": events("d", EventKind.ISSUED, EventKind.REVOKED)[1:]}),
        stored(events={"p": events("p", EventKind.ISSUED, EventKind.REVOKED)}),
        stored(records={"d": record("d", revision=3)}),
        stored(events={"c": events("c", EventKind.ISSUED, EventKind.REVOKED)}),
    ],
    "strange_successors": [
        reported(turns=[Turn("r", "m", False)]),
        reported(turns=[Turn("r", "n", True)]),
        stored(records={"r": record("r", revision=2)}),
        stored(records={"n": record("n", predecessor="p")}),
        lambda evidence: evidence._replace(reports=evidence.reports[1:]),
    ],
    "unfounded": [
        noted("p", refused={"unknown": 1}),
        noted("l", refused={"limiter_unavailable": 1}),
        noted("c", refused={"owner_suspended": 1}),
        lambda evidence: evidence._replace(reports=[noted("n", refused={"unknown": 1})(swapped(evidence)).reports[1]]),
        reported(raised=["RuntimeError()"]),
    ],
}


@pytest.mark.parametrize("judge", list(JUDGES))
def test_a_fault_is_found(judge: str) -> None:
    """By the judge whose matter it is."""
    for fault in FAULTS[judge]:
        assert JUDGES[judge](fault(good()))
