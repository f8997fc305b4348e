"""The evidence about the uses of a key."""

from __future__ import annotations

import pytest

from secretsource.issuing import Count, KeyRecord, RotationStatus, Status, Usage
from secretsource.server.pages.customer.evidence import HOURS, QUIET, bars_of, latest, old_of, rotation_of

NOW = 20_000 * 86400 + 1800.0
HOUR = 3600
THIS = 20_000 * 86400
OLD = KeyRecord(
    "o" * 22, b"", "0" * 8, "sk_live_oooo…", "acme", "sk", "live", NOW - 100,
    status=Status.ROTATING, successor="n" * 22, overlap_ends=NOW + 60,
)  # fmt: skip
NEW = OLD._replace(key_id="n" * 22, status=Status.ACTIVE, predecessor=OLD.key_id, successor=None, overlap_ends=None)


def test_either_half_finds_the_old_key_of_a_pair() -> None:
    """A key whose rotation is over, or that never rotated, belongs to no pair."""
    assert old_of(OLD, {NEW.key_id: NEW}, NOW) == OLD
    assert old_of(NEW, {OLD.key_id: OLD}, NOW) == OLD
    assert old_of(NEW, {OLD.key_id: OLD}, NOW + 60) is None
    assert old_of(NEW, {}, NOW) is None


@pytest.mark.parametrize(
    ("usage", "may_go"),
    [
        (Usage(), True),
        (Usage(last_used=NOW - 1), True),  # a use from before the rotation
        (Usage(last_used=NOW - QUIET, requests=3), True),
        (Usage(last_used=NOW - 86_399, requests=3), False),
        (Usage(last_used=NOW - 86_400, requests=3), True),
        (Usage(last_used=NOW - 1, requests=1), False),
        (Usage(last_used=None, requests=3), True),
    ],
)
def test_an_old_key_may_go_after_a_quiet_day(usage: Usage, may_go: bool) -> None:
    """Or if nobody has used it since the rotation began."""
    assert rotation_of(RotationStatus(OLD, NEW, OLD.status, NOW, NOW + 60, usage, True), (), NOW).may_go is may_go


def test_a_rotation_has_its_evidence() -> None:
    """The accepted requests of the last day of both keys, and who used the old one, in order."""
    usage = Usage(NOW - 5, 9, {"203.0.113.7": NOW, "192.0.2.1": NOW}, {"b/2": NOW, "a/1": NOW})
    hours = [
        Count(THIS, OLD.key_id, "accepted", 2),
        Count(THIS, OLD.key_id, "rate_limited", 50),
        Count(THIS - 3 * HOUR, NEW.key_id, "accepted", 6),
    ]
    found = rotation_of(RotationStatus(OLD, NEW, OLD.status, NOW - 100, NOW + 60, usage, True), hours, NOW)
    assert (found.old_requests, found.new_requests, found.ends, found.last_used) == (2, 6, NOW + 60, NOW - 5)
    assert (found.agents, found.networks) == (("a/1", "b/2"), ("192.0.2.1", "203.0.113.7"))


def test_the_last_day_has_its_first_hour_whole() -> None:
    """An hour that began just before the day is counted; an earlier one, and another key's, is not."""
    hours = [
        Count(THIS - 24 * HOUR, OLD.key_id, "accepted", 1),
        Count(THIS - 25 * HOUR, OLD.key_id, "accepted", 10),
        Count(THIS, NEW.key_id, "accepted", 100),
        Count(THIS, OLD.key_id, "revoked", 7),
    ]
    assert latest(hours, OLD.key_id, NOW) == {"accepted": 1, "revoked": 7}
    assert latest(hours, OLD.key_id, THIS) == {"revoked": 7, "accepted": 1}
    assert latest(hours, OLD.key_id, THIS + HOUR) == {"revoked": 7}, "the hour before ended as the day began"


def test_each_hour_has_a_bar() -> None:
    """Also one without requests; those of other keys and of earlier hours are left out."""
    first = THIS - (HOURS - 1) * HOUR
    hours = [
        Count(first, OLD.key_id, "accepted", 1),
        Count(first - HOUR, OLD.key_id, "accepted", 10),
        Count(THIS, OLD.key_id, "accepted", 2),
        Count(THIS, NEW.key_id, "accepted", 3),
        Count(THIS, "x" * 22, "accepted", 100),
    ]
    bars = bars_of(hours, [OLD.key_id, NEW.key_id], NOW)
    assert [start for start, _ in bars] == list(range(first, THIS + 1, HOUR))
    assert len(bars) == HOURS == 48
    assert (bars[0][1], bars[1][1], bars[-1][1]) == ({"accepted": 1}, {}, {"accepted": 5})
