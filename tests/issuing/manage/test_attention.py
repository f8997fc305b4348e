"""Which rules of the chores are taken, when a key counts as ended, and as used."""

from __future__ import annotations

from typing import Any

import pytest

from secretsource.exceptions import InvalidRequest
from secretsource.issuing._key.lifecycle import NOBODY
from secretsource.issuing._key.rules import Rules
from secretsource.issuing._manage.upkeep.attention import DAY, attend, ended_since, is_old, read_rules
from secretsource.stores.base import EventKind, KeyRecord, Status

NOW = 10_000_000.0
RECORD = KeyRecord("k" * 22, b"h" * 32, "01234567", "sk_live_kkkk…", "acme", "sk", "live", NOW - 100)


@pytest.mark.parametrize(
    "given",
    [
        {"expiring_within": 0.5},
        {"unused_for": 0.001},
        {"end_unused": DAY},
        {"keep_ended": DAY},
        {"expiring_within": None, "unused_for": None, "end_unused": None, "keep_ended": None},
    ],
)
def test_a_rule_is_taken_down_to_its_least(given: dict[str, Any]) -> None:
    """Any time over 0 to tell of a key, and a day to end or delete it; None is off."""
    assert read_rules(given) == Rules(**given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"expiring_within": 0}, "expiring_within must be over 0 seconds, not 0 seconds"),
        ({"unused_for": -1}, "unused_for must be over 0 seconds, not -1 seconds"),
        ({"end_unused": DAY - 1}, "end_unused must be at least a day, not 86399 seconds"),
        ({"keep_ended": 0}, "keep_ended must be at least a day, not 0 seconds"),
    ],
)
def test_a_rule_below_its_least_is_refused(given: dict[str, Any], said: str) -> None:
    """The sentence says what it must be."""
    with pytest.raises(InvalidRequest) as caught:
        read_rules(given)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("record", "since"),
    [
        (RECORD, None),
        (RECORD._replace(expires=NOW + 1), None),
        (RECORD._replace(expires=NOW - 5), NOW - 5),
        (RECORD._replace(status=Status.REVOKED, revoked=NOW - 7), NOW - 7),
        (RECORD._replace(status=Status.REVOKED), 0.0),
        (RECORD._replace(status=Status.EXPIRED), 0.0),
    ],
)
def test_when_a_key_ended(record: KeyRecord, since: float | None) -> None:
    """0 for an end whose time nobody noted, which is long ago for every rule."""
    assert ended_since(record, NOW) == since


def test_an_ended_key_is_old_to_the_instant() -> None:
    """Without the rule, or an end, it never is."""
    rules = Rules(keep_ended=DAY)
    assert is_old(NOW - DAY, rules, NOW)
    assert not is_old(NOW - DAY + 1, rules, NOW)
    assert not is_old(None, rules, NOW)
    assert not is_old(0.0, Rules(), NOW)


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (RECORD, True),
        (RECORD._replace(created=NOW - 99), False),
        (RECORD._replace(created=NOW - 900, last_used=NOW - 100), True),
        (RECORD._replace(created=NOW - 900, last_used=NOW - 99), False),
        (RECORD._replace(created=NOW - 900, begins=NOW - 99), False),
    ],
)
def test_a_key_counts_as_unused_from_the_last_of_its_instants(record: KeyRecord, told: bool) -> None:
    """Its issue, its beginning and its last use; told once for each."""
    rules = Rules(unused_for=100)
    change = attend(record, rules, NOW, NOBODY)
    assert (change is not None) is told
    if change is not None:
        assert change.event.kind is EventKind.UNUSED
        assert attend(change.record, rules, NOW, NOBODY) is None
