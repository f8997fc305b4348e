"""Requests at once, refunds and refill days: leases are taken and given back once, and end by themselves."""

from __future__ import annotations

import asyncio
import threading
from calendar import monthrange
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.issuing.conftest import PEPPER, reason

from secretsource.exceptions import ConfigurationError, InvalidRequest, RateLimited, StoreError
from secretsource.issuing import NO_SCOPE, Accepted, Admission, Admitted, ApiKeys, AsyncApiKeys, Reason, Rejected
from secretsource.issuing.limits import AtOnce, Draw, LocalLimiter, Plan, Quota, parse
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore
from secretsource.testing.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable

    MakeKeys = Callable[..., ApiKeys]

THREADS = 16
SINCE = datetime(1999, 1, 1, tzinfo=UTC)
DAYS = (datetime(2101, 1, 1, tzinfo=UTC) - SINCE).days


def left(keys: ApiKeys, key_id: str) -> list[int]:
    """What is left of each limit of a key."""
    return [state.remaining for state in keys.remaining(key_id)]


# The grammar


@pytest.mark.parametrize(
    ("written", "rule", "canonical"),
    [
        ("5 at once", AtOnce(5), "5 at once"),
        ("1 at once for 60 seconds", AtOnce(1), "1 at once"),
        ("1000 at once for 10 minutes", AtOnce(1000, 600), "1000 at once for 600 seconds"),
        ("2 at once for 24 hours", AtOnce(2, 86400), "2 at once for 86400 seconds"),
    ],
)
def test_a_limit_on_requests_at_once_is_read(written: str, rule: AtOnce, canonical: str) -> None:
    """And written back in one form, which reads the same; beside rates."""
    plan = parse(f"100/minute, {written}", None)
    assert plan is not None
    assert plan.rules[1] == rule
    assert str(plan) == f"100/minute, {canonical}"
    assert parse(canonical, None) is not None


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("0 at once", "requests at once are from 1 to 1000"),
        ("1001 at once", "requests at once are from 1 to 1000"),
        ("5 at once for 0 seconds", "for 1 second to 24 hours"),
        ("5 at once for 25 hours", "for 1 second to 24 hours"),
        ("5 at once for 2 days", "is not of the form"),
        ("at once", "is not of the form"),
        ("-5 at once", "is not of the form"),
        ("5 at once, 6 at once", "two limits cover the same period"),
    ],
)
def test_a_limit_on_requests_at_once_that_cannot_be_is_refused(written: str, said: str) -> None:
    """With one sentence."""
    with pytest.raises(InvalidRequest, match=said):
        parse(written, None)


@pytest.mark.parametrize(
    ("written", "rule", "canonical"),
    [
        ("1000/month on 31", Quota(1000, "month", on=31), "1000/month on 31"),
        ("1000 / month on 1", Quota(1000, "month"), "1000/month"),
        ("5/month on 15 add up to 9", Quota(5, "month", "add", 9, on=15), "5/month on 15 add up to 9"),
    ],
)
def test_a_refill_day_is_read(written: str, rule: Quota, canonical: str) -> None:
    """And written back in one form; the first is the day of a quota without one."""
    plan = parse(None, written)
    assert plan is not None
    assert plan.rules == (rule,)
    assert str(plan) == canonical


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("5/month on 0", "a month refills on a day from 1 to 31"),
        ("5/month on 32", "a month refills on a day from 1 to 31"),
        ("5/day on 5", "is not of the form"),
        ("5/month on", "is not of the form"),
        ("5/month, 6/month on 15", "two limits cover the same period"),
    ],
)
def test_a_refill_day_that_cannot_be_is_refused(written: str, said: str) -> None:
    """With one sentence."""
    with pytest.raises(InvalidRequest, match=said):
        parse(None, written)


# Refill days


def refill_of(day: datetime, on: int) -> bool:
    """Whether a quota is refilled on a day: the independent answer."""
    return day.day == min(on, monthrange(day.year, day.month)[1])


@given(st.integers(0, DAYS - 70), st.integers(1, 31), st.floats(0, 86399.9))
@example((datetime(2000, 2, 1, tzinfo=UTC) - SINCE).days, 31, 0.0)
@example((datetime(2023, 12, 31, tzinfo=UTC) - SINCE).days, 30, 86399.0)
def test_a_quota_is_refilled_on_its_day_and_on_no_other(start: int, on: int, second: float) -> None:
    """For two months from any day of a century, leap years included: at midnight, once, and as its state foretold."""
    plan = parse(None, f"3/month on {on}")
    assert plan is not None
    day = SINCE + timedelta(days=start)
    levels = plan.draw(None, 3, 0.0, day.timestamp() + second).levels
    resets = plan.states(levels, 0.0, day.timestamp() + second)[0].reset
    assert resets is not None
    due = SINCE + timedelta(days=start, seconds=second + resets)
    for _ in range(62):
        last_second = plan.draw(levels, 0, 0.0, day.timestamp() + 86399.95).states[0]
        assert last_second.remaining == 0
        day += timedelta(days=1)
        drawn = plan.draw(levels, 1, 0.0, day.timestamp())
        assert bool(drawn) is refill_of(day, on)
        if drawn:
            assert abs((day - due).total_seconds()) < 1e-3
            assert drawn.states[0].remaining == 2
            return
        assert drawn.retry_after is not None
        assert abs((due - day).total_seconds() - drawn.retry_after) < 1e-3
    raise AssertionError("two months without a refill")


@given(st.integers(0, DAYS - 800), st.integers(1, 31), st.integers(1, 700))
def test_a_quota_that_adds_gets_one_refill_for_each_day_of_its(start: int, on: int, days: int) -> None:
    """Over years without a request: as many refills as there were such days."""
    plan = parse(None, f"1/month on {on} add")
    assert plan is not None
    first = SINCE + timedelta(days=start)
    levels = plan.draw(None, 1, 0.0, first.timestamp()).levels
    refills = sum(refill_of(first + timedelta(days=day), on) for day in range(1, days + 1))
    assert plan.draw(levels, 0, 0.0, (first + timedelta(days=days)).timestamp()).states[0].remaining == refills


# Requests at once


def test_so_many_requests_are_under_way_and_no_more(make_keys: MakeKeys) -> None:
    """The next one is refused by name until one is released; a look needs no room."""
    keys = make_keys()
    issued = keys.issue(owner="acme", rate_limit="2 at once")
    first, second, third = (keys.check(issued.plaintext, scope=NO_SCOPE) for _ in range(3))
    assert (reason(first), reason(second), reason(third)) == (None, None, Reason.TOO_MANY_AT_ONCE)
    assert isinstance(third, Rejected)
    assert third.draw is not None
    assert third.draw.refused_by == AtOnce(2)
    assert (third.answer.status, third.answer.code, third.retry_after) == (429, "too_many_at_once", 1.0)
    assert keys.check(issued.plaintext, scope=NO_SCOPE, cost=0)
    assert keys.release(first)
    assert left(keys, issued.record.key_id) == [1]
    assert keys.check(issued.plaintext, scope=NO_SCOPE, cost=7)
    assert not keys.check(issued.plaintext, scope=NO_SCOPE)


def test_a_request_is_released_once(make_keys: MakeKeys, clock: FakeClock) -> None:
    """A repeat gives nothing back, although another lease of the same instant is out."""
    keys = make_keys()
    issued = keys.issue(owner="acme", rate_limit="2 at once")
    first, second = (keys.check(issued.plaintext, scope=NO_SCOPE) for _ in range(2))
    assert (keys.release(first), keys.release(first)) == (True, False)
    assert left(keys, issued.record.key_id) == [1]
    assert keys.release(second)
    assert not keys.release(keys.check("sk_live_nothing", scope=NO_SCOPE))
    assert not keys.release(keys.check(keys.issue(owner="acme").plaintext, scope=NO_SCOPE))
    clock.advance(1)
    assert left(keys, issued.record.key_id) == [2]


def test_a_lease_ends_by_itself_and_can_be_renewed(make_keys: MakeKeys, clock: FakeClock) -> None:
    """A process that dies holds a place no longer than that; a long request keeps it as long as it renews."""
    keys = make_keys()
    issued = keys.issue(owner="acme", rate_limit="2 at once for 10 seconds")
    lost, kept = (keys.check(issued.plaintext, scope=NO_SCOPE) for _ in range(2))
    clock.advance(6)
    assert keys.renew(kept)
    clock.advance(5)
    assert left(keys, issued.record.key_id) == [1]
    assert keys.renew(kept)
    assert keys.check(issued.plaintext, scope=NO_SCOPE)
    assert not keys.check(issued.plaintext, scope=NO_SCOPE)
    assert keys.release(lost)  # it has ended by itself, and takes nothing from the others
    assert not keys.check(issued.plaintext, scope=NO_SCOPE)
    assert keys.release(kept)
    assert not keys.renew(kept)
    assert left(keys, issued.record.key_id) == [1]


def test_leases_of_key_owner_and_plan_are_all_or_nothing(make_keys: MakeKeys) -> None:
    """One release gives all of them back; what one of them or a rate refuses takes no lease."""
    keys = make_keys()
    keys.plans.put("pro", rate_limit="4 at once")
    keys.owners.put("acme", plan="pro", rate_limit="3 at once")
    one, other = (keys.issue(owner="acme", rate_limit="2 at once, 3/minute") for _ in range(2))
    held = [keys.check(one.plaintext, scope=NO_SCOPE) for _ in range(3)]
    assert [reason(verdict) for verdict in held] == [None, None, Reason.TOO_MANY_AT_ONCE]
    assert left(keys, one.record.key_id) == [0, 1, 1, 2]
    assert keys.check(other.plaintext, scope=NO_SCOPE)
    refused = keys.check(other.plaintext, scope=NO_SCOPE)
    assert isinstance(refused, Rejected)
    assert refused.draw is not None
    assert refused.draw.refused_by is not None
    assert refused.draw.refused_by.name == "owner at once"
    assert left(keys, other.record.key_id) == [1, 2, 0, 1]
    assert keys.release(held[0])
    assert left(keys, one.record.key_id) == [1, 1, 1, 2]


def test_threads_hold_so_many_places_and_no_more() -> None:
    """Sixteen threads over one limit: never more than five at once, and all places are free in the end."""
    with ApiKeys(MemoryStore(), peppers=[PEPPER]) as keys:
        issued = keys.issue(owner="acme", rate_limit="5 at once")
        now, most, lock = 0, 0, threading.Lock()

        def work(_: int) -> None:
            nonlocal now, most
            for _ in range(50):
                verdict = keys.check(issued.plaintext, scope=NO_SCOPE)
                if verdict:
                    with lock:
                        now += 1
                        most = max(most, now)
                    with lock:
                        now -= 1
                    assert keys.release(verdict)

        with ThreadPoolExecutor(THREADS) as threads:
            list(threads.map(work, range(THREADS)))
        assert 1 <= most <= 5
        assert left(keys, issued.record.key_id) == [5]


def test_a_release_by_many_threads_counts_once(make_keys: MakeKeys) -> None:
    """Sixteen threads that release one request: one of them does."""
    keys = make_keys()
    issued = keys.issue(owner="acme", rate_limit="3 at once")
    verdict, *_ = [keys.check(issued.plaintext, scope=NO_SCOPE) for _ in range(3)]
    with ThreadPoolExecutor(THREADS) as threads:
        assert sum(threads.map(keys.release, [verdict] * THREADS)) == 1
    assert left(keys, issued.record.key_id) == [1]


def test_requests_at_once_on_an_event_loop(clock: FakeClock) -> None:
    """The same, awaited."""

    async def scenario() -> None:
        async with AsyncApiKeys(AsyncMemoryStore(), peppers=[PEPPER], clock=clock) as keys:
            issued = await keys.issue(owner="acme", rate_limit="1 at once")
            first = await keys.check(issued.plaintext, scope=NO_SCOPE)
            assert reason(await keys.check(issued.plaintext, scope=NO_SCOPE)) is Reason.TOO_MANY_AT_ONCE
            assert await keys.renew(first)
            assert (await keys.release(first), await keys.release(first)) == (True, False)
            assert await keys.check(issued.plaintext, scope=NO_SCOPE)

    asyncio.run(scenario())


def test_verify_raises_the_refusal(make_keys: MakeKeys) -> None:
    """As for any limit; its own lease lasts until it ends."""
    keys = make_keys()
    issued = keys.issue(owner="acme", rate_limit="1 at once")
    assert keys.verify(issued.plaintext, scope=NO_SCOPE)
    with pytest.raises(RateLimited, match="too many requests under way"):
        keys.verify(issued.plaintext, scope=NO_SCOPE)


class Silent(LocalLimiter):
    """A limiter that answers no more when told so, as a server that is gone."""

    is_down = False

    def _answer(self) -> None:
        if self.is_down:
            raise StoreError("the limiter cannot be asked: try again")

    def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Draw:
        self._answer()
        return super().draw(key, plan, cost, mono, wall)

    def refund(self, key: str, draw: Draw, cost: int, mono: float, wall: float) -> None:
        self._answer()
        super().refund(key, draw, cost, mono, wall)


def test_a_lease_of_the_local_share_goes_back_where_it_came_from(make_keys: MakeKeys) -> None:
    """While a shared limiter is down, each process grants its share, and takes it back itself."""
    limiter = Silent()
    keys = make_keys(limiter=limiter, on_limiter_error="local", processes=2)
    issued = keys.issue(owner="acme", rate_limit="4 at once")
    limiter.is_down = True
    first, second, third = (keys.check(issued.plaintext, scope=NO_SCOPE) for _ in range(3))
    assert [bool(verdict) for verdict in (first, second, third)] == [True, True, False]
    limiter.is_down = False
    assert keys.release(first)
    assert left(keys, issued.record.key_id) == [4]
    limiter.is_down = True
    assert keys.check(issued.plaintext, scope=NO_SCOPE)
    assert not keys.check(issued.plaintext, scope=NO_SCOPE)


@pytest.mark.parametrize("settings", [{}, {"prefix": "sk"}], ids=["any kind", "one kind"])
def test_an_edge_releases_what_it_let_in(make_keys: MakeKeys, settings: dict[str, Any]) -> None:
    """By the admission, for threads and on an event loop; a limiter that is gone never fails an answer."""
    limiter = Silent()
    keys = make_keys(limiter=limiter)
    issued, plain = keys.issue(owner="acme", rate_limit="2 at once for 9 seconds"), keys.issue(owner="acme")
    admission = Admission(keys, scope=NO_SCOPE, refuse_after=0, **settings)

    def admitted(key: str, cost: int = 1) -> Any:
        return admission.admit({"X-API-Key": key}, None, "GET", "/", cost=cost)

    first, second = admitted(issued.plaintext), admitted(issued.plaintext)
    assert (first.lease, admission.lease(first)) == (9.0, 9.0)
    assert admitted(issued.plaintext).status == 429
    admission.release(first)
    assert admission.lease(first) is None
    asyncio.run(admission.arenew(second))
    asyncio.run(admission.arelease(second))
    assert left(keys, issued.record.key_id) == [2]
    for nothing in (admitted(plain.plaintext), admitted(issued.plaintext, cost=0), Admitted(None)):
        assert (nothing.lease, admission.lease(nothing)) == (None, None)
        admission.release(nothing)
        asyncio.run(admission.arenew(nothing))
        asyncio.run(admission.arelease(nothing))
    third, fourth = admitted(issued.plaintext), admitted(issued.plaintext)
    limiter.is_down = True
    admission.release(third)
    asyncio.run(admission.arelease(fourth))


# Refunds


def test_a_refund_gives_back_what_was_drawn_once(make_keys: MakeKeys, clock: FakeClock) -> None:
    """Rate, quota, credits and lease of one verdict, at its cost; a repeat and a refusal give nothing back."""
    keys = make_keys()
    issued = keys.issue(owner="acme", rate_limit="9/minute, 2 at once", quota="9/month", credits=9)
    spent = keys.check(issued.plaintext, scope=NO_SCOPE)
    verdict = keys.check(issued.plaintext, scope=NO_SCOPE, cost=4)
    assert left(keys, issued.record.key_id) == [4, 0, 4, 4]
    assert (keys.refund(verdict), keys.refund(verdict)) == (True, False)
    assert left(keys, issued.record.key_id) == [8, 1, 8, 8]
    assert not keys.release(verdict)
    assert not keys.refund(keys.check(issued.plaintext, scope=NO_SCOPE, cost=99))
    assert not keys.refund(keys.check(issued.plaintext, scope=NO_SCOPE, cost=0))
    assert keys.release(spent)
    assert keys.refund(spent)
    assert left(keys, issued.record.key_id) == [9, 2, 9, 9]


@pytest.mark.parametrize("cost", [1, 4])
def test_a_verdict_at_a_glance_is_refunded_at_its_cost(make_keys: MakeKeys, cost: int) -> None:
    """The short way notes no receipt, and yet each part goes back once."""
    keys = make_keys()
    issued = keys.issue(owner="acme", rate_limit="9/minute")
    assert keys.check(issued.plaintext, scope=NO_SCOPE)
    verdict = keys.check(issued.plaintext, scope=NO_SCOPE, cost=cost)
    assert left(keys, issued.record.key_id) == [8 - cost]
    with ThreadPoolExecutor(THREADS) as threads:
        assert sum(threads.map(keys.refund, [verdict] * THREADS)) == 1
    assert left(keys, issued.record.key_id) == [8]


def test_a_refund_never_gives_more_than_time_has_left(make_keys: MakeKeys, clock: FakeClock) -> None:
    """What a rate has refilled since, or a new month, was given back already."""
    keys = make_keys()
    issued = keys.issue(owner="acme", rate_limit="10/minute", quota="10/month")
    verdict = keys.check(issued.plaintext, scope=NO_SCOPE, cost=10)
    clock.advance(60)
    assert left(keys, issued.record.key_id) == [10, 0]
    clock.advance(32 * 86400)
    assert keys.check(issued.plaintext, scope=NO_SCOPE, cost=10)
    keys.refund(verdict)
    assert left(keys, issued.record.key_id) == [0, 0]


def test_a_limiter_that_takes_nothing_back_says_so(make_keys: MakeKeys) -> None:
    """A refund names the ability that it lacks; a release waits for the end of the lease."""

    class Plain:
        def __init__(self) -> None:
            self.local = LocalLimiter()

        def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Draw:
            return self.local.draw(key, plan, cost, mono, wall)

    keys = make_keys(limiter=Plain())
    issued = keys.issue(owner="acme", rate_limit="1 at once")
    verdict = keys.check(issued.plaintext, scope=NO_SCOPE)
    assert not keys.renew(verdict)
    with pytest.raises(ConfigurationError, match="a Plain takes nothing back: give it the ability RefundingLimiter"):
        keys.refund(verdict)
    assert keys.release(verdict)
    assert not keys.check(issued.plaintext, scope=NO_SCOPE)


COSTS = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 200), st.booleans()), min_size=1, max_size=20)


@given(st.sampled_from(["5/minute burst 8", "5/minute", "20/day burst 3"]), COSTS)
def test_refunds_leave_a_rate_no_fuller_than_if_nothing_was_drawn(
    rate_limit: str, acts: list[tuple[int, int, bool]]
) -> None:
    """Whatever is drawn when and refunded when: no more is left than without the refunded draws, nor over the burst."""
    plan = parse(rate_limit, None)
    assert plan is not None
    limiter, ideal, now = LocalLimiter(), LocalLimiter(), 0.0
    for cost, wait, is_refunded in acts:
        now += wait / 10
        drawn = limiter.draw("a", plan, cost, now, now)
        if drawn and not is_refunded:
            assert ideal.draw("a", plan, cost, now, now)
        if drawn and is_refunded:
            limiter.refund("a", drawn, cost, now + 0.05, now + 0.05)
        left, most = (each.draw("a", plan, 0, now + 0.1, now + 0.1).states[0].reset for each in (limiter, ideal))
        assert left is not None
        assert most is not None
        assert left >= most - 1e-6


def test_a_verdict_of_another_process_gives_nothing_back(make_keys: MakeKeys) -> None:
    """A verdict that was read from a document has no receipt."""
    from secretsource.issuing.documents import read_verdict, verdict_document

    keys = make_keys()
    issued = keys.issue(owner="acme", rate_limit="9/minute", credits=5)
    verdict = keys.check(issued.plaintext, scope=NO_SCOPE)
    told = read_verdict(verdict_document(verdict, 0.0))
    assert isinstance(told, Accepted)
    assert not keys.refund(told)
    assert left(keys, issued.record.key_id) == [8, 4]


@pytest.mark.parametrize(
    ("quota", "drawn", "after"), [("5/month", 3, 5), ("5/month add", 3, 8), ("5/month add up to 7", 3, 7)]
)
def test_a_refund_fills_a_quota_to_its_ceiling_and_no_further(quota: str, drawn: int, after: int) -> None:
    """Two refunds of one draw, as a limiter may be asked for: a quota that adds has no other ceiling than its own."""
    plan, limiter = parse(None, quota), LocalLimiter()
    assert plan is not None
    draw = limiter.draw("a", plan, drawn, 0.0, 0.0)
    for _ in range(2):
        limiter.refund("a", draw, drawn, 1.0, 1.0)
    assert limiter.draw("a", plan, 0, 1.0, 1.0).states[0].remaining == after
