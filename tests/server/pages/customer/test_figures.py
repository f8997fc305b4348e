"""The figures above the list of a customer's keys."""

from __future__ import annotations

from secretsource.issuing import Count, KeyRecord, LimitState, Status
from secretsource.server.pages.customer.figures import Figures, figures_of

NOW = 20_000 * 86400 + 5000.0
DAY = 86400
ONE = KeyRecord("1" * 22, b"", "0" * 8, "sk_live_1111…", "acme", "sk", "live", NOW - 100)
OLD = ONE._replace(key_id="o" * 22, status=Status.ROTATING, successor="n" * 22, overlap_ends=NOW + 60)
RATE = LimitState("minute", 10, 60, 0, 5.0)
DAILY = LimitState("plan day quota", 100, DAY, 60, 3600.0)
MONTHLY = LimitState("owner month quota", 1000, 30 * DAY, 590, 7200.0)


def test_requests_are_added_up_by_their_part() -> None:
    """Accepted, refused by a limit, and refused for another reason; without requests, all are 0."""
    outcomes = {"accepted": 11, "quota_exceeded": 2, "rate_limited": 4, "wrong_network": 3, "revoked": 1}
    counts = [Count(0, "", outcome, requests, "acme") for outcome, requests in outcomes.items()]
    assert figures_of(counts, [], [], NOW, has_more=False)[:3] == (11, 6, 4)
    assert figures_of([], [], [], NOW, has_more=True) == Figures(0, 0, 0, None, (), has_more=True)


def test_the_quota_is_the_one_that_ends_first() -> None:
    """The one of which the smaller share is left; limits of another kind are none."""
    assert figures_of([], [RATE, DAILY, MONTHLY], [], NOW, has_more=False).quota == MONTHLY
    assert figures_of([], [RATE, DAILY], [], NOW, has_more=False).quota == DAILY
    assert figures_of([], [RATE], [], NOW, has_more=False).quota is None


def test_keys_that_end_soon_need_attention() -> None:
    """Within 14 days, the soonest first and each once, rotating ones among them; those that have ended do not."""
    ends = (13.9, 1, 14, 0, -1)
    later, near, far, over, past = (
        ONE._replace(key_id=str(place) * 22, expires=NOW + each * DAY) for place, each in enumerate(ends)
    )
    given = [far, later, OLD, ONE, near, over, past, OLD]
    assert figures_of([], [], given, NOW, has_more=False).soon == (OLD, near, later)
