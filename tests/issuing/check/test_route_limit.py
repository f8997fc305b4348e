"""Limits of routes: counted for each key and route, and drawn with the other limits of the key, or not at all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.exceptions import ConfigurationError, InvalidRequest, StoreError
from secretsource.issuing import NO_SCOPE, Admission, Admitted, ApiKeys, AsyncApiKeys, HttpAnswer, RouteLimit
from secretsource.issuing._check import route_limit
from secretsource.issuing._check.route_limit import check_limit
from secretsource.limiters.memory import LocalLimiter
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore
from secretsource.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretsource.issuing import CheckEvent
    from secretsource.limiters.base import Draw, Plan

PEPPER = "a pepper of the tests, long enough"
TWO = RouteLimit("2/hour", "exports")


@pytest.fixture
def keys() -> Iterator[ApiKeys]:
    """Keys over an empty store, with a clock that stands still."""
    with ApiKeys(MemoryStore(), peppers=[PEPPER], clock=FakeClock()) as made:
        yield made


def admitted(admission: Admission, text: str, limit: RouteLimit | None = TWO, cost: int = 1) -> Admitted | HttpAnswer:
    """The outcome of one request with a key."""
    headers = {"Authorization": f"Bearer {text}"}
    return admission.admit(headers, None, "GET", "/exports", cost=cost, limit=limit)


def told(outcome: Admitted | HttpAnswer) -> tuple[bool, str]:
    """Whether a request was let in, and what is left of each limit."""
    return isinstance(outcome, Admitted), dict(outcome.headers).get("RateLimit", "")


def test_a_route_a_key_and_an_owner_are_drawn_on_together(keys: ApiKeys) -> None:
    """A refusal by any of the three takes from none of them."""
    keys.owners.put("acme", rate_limit="3/hour")
    first, second = (keys.issue(owner="acme", rate_limit="9/hour").plaintext for _ in range(2))
    admission = Admission(keys, scope=NO_SCOPE)
    assert [told(admitted(admission, first))[0] for _ in range(3)] == [True, True, False]
    assert told(admitted(admission, first, None)) == (True, '"hour";r=6;t=1200, "owner hour";r=0;t=3600')
    assert told(admitted(admission, first, None)) == (False, '"hour";r=6;t=1200, "owner hour";r=0;t=3600')
    assert told(admitted(admission, second)) == (
        False, '"route hour";r=2;t=0, "hour";r=9;t=0, "owner hour";r=0;t=3600',
    )  # fmt: skip


def test_a_key_without_limits_has_that_of_the_route(keys: ApiKeys) -> None:
    """For each key and each name; an owner's limit does not make its keys share that of a route."""
    keys.owners.put("globex", rate_limit="100/hour")
    admission = Admission(keys, scope=NO_SCOPE)
    for owner in ("acme", "globex"):
        first, second = (keys.issue(owner=owner).plaintext for _ in range(2))
        for text in (first, second):
            assert [told(admitted(admission, text))[0] for _ in range(3)] == [True, True, False]
        assert told(admitted(admission, first, RouteLimit("2/hour", "imports")))[0]


def test_a_cost_is_drawn_from_the_route_too(keys: ApiKeys) -> None:
    """One that the route never grants is a refusal without a time to wait."""
    text = keys.issue(owner="acme").plaintext
    admission = Admission(keys, scope=NO_SCOPE)
    assert told(admitted(admission, text, cost=2)) == (True, '"route hour";r=0;t=3600')
    refused = admitted(admission, text, cost=3)
    assert isinstance(refused, HttpAnswer)
    assert b"cost_too_high" in refused.body
    assert "Retry-After" not in dict(refused.headers)


def test_a_refund_reaches_every_account(keys: ApiKeys) -> None:
    """The limit of the route has as much as before, and so has that of the key."""
    text = keys.issue(owner="acme", rate_limit="4/hour").plaintext
    outcome = admitted(Admission(keys, scope=NO_SCOPE), text)
    assert isinstance(outcome, Admitted)
    assert outcome.verdict is not None
    assert keys.refund(outcome.verdict)
    assert told(admitted(Admission(keys, scope=NO_SCOPE), text)) == (True, '"route hour";r=1;t=1800, "hour";r=3;t=900')


def test_a_route_limits_requests_at_once(keys: ApiKeys) -> None:
    """A released request frees its place on the route."""
    admission, text = Admission(keys, scope=NO_SCOPE), keys.issue(owner="acme").plaintext
    limit = RouteLimit("1 at once", "exports")
    first = admitted(admission, text, limit)
    assert isinstance(first, Admitted)
    assert (first.lease, told(admitted(admission, text, limit))[0]) == (60, False)
    admission.release(first)
    assert told(admitted(admission, text, limit))[0]


@pytest.mark.parametrize("listens", [False, True])
async def test_each_way_of_a_check_counts_once(listens: bool) -> None:
    """From memory, from the store, with keys for threads and for event loops, at a glance and on the long way."""
    store, limit = MemoryStore(), RouteLimit("4/hour", "exports")
    events: list[CheckEvent] = []
    with ApiKeys(store, peppers=[PEPPER], clock=FakeClock()) as keys:
        text = keys.issue(owner="acme").plaintext
    headers = {"Authorization": f"Bearer {text}"}
    asked: Any = (headers, None, "GET", "/exports")
    more: Any = {"limit": limit}
    with ApiKeys(store, peppers=[PEPPER], clock=FakeClock()) as keys:
        if listens:
            keys.on_event(events.append)
        admission = Admission(keys, scope=NO_SCOPE)
        assert admission.glance(*asked, **more) is None  # its record is not in memory yet
        outcomes: list[Any] = [admission.admit(*asked, **more), admission.glance(*asked, **more)]
        outcomes += [await admission.aadmit(*asked, **more), await admission.aadmit(*asked, **more)]
        assert [told(each)[1] for each in outcomes] == [
            f'"route hour";r={left};t={3600 - 900 * left}' for left in (3, 2, 1, 0)
        ]
        assert not told(await admission.aadmit(*asked, **more))[0]
    assert len(events) == 5 * listens
    async with AsyncApiKeys(AsyncMemoryStore(store), peppers=[PEPPER], clock=FakeClock()) as later:
        admission = Admission(later, scope=NO_SCOPE)
        told_each = [told(await admission.aadmit(*asked, **more)) for _ in range(5)]
        assert [each[0] for each in told_each] == [True] * 4 + [False]


class Elsewhere:
    """A limiter with a server, which can be gone."""

    def __init__(self) -> None:
        self.kept, self.is_gone = LocalLimiter(), False

    def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Draw:
        if self.is_gone:
            raise StoreError("the limiter is gone")
        return self.kept.draw(key, plan, cost, mono, wall)


@pytest.mark.parametrize(
    ("answer", "granted"), [("open", [True] * 3), ("closed", [False] * 3), ("local", [True, False, False])]
)
def test_a_shared_limiter_counts_routes(answer: Any, granted: list[bool]) -> None:
    """While it is gone, `on_limiter_error` decides, also for a key that has no limits of its own."""
    limiter = Elsewhere()
    with ApiKeys(
        MemoryStore(), peppers=[PEPPER], limiter=limiter, on_limiter_error=answer, processes=2, clock=FakeClock()
    ) as keys:
        text, admission = keys.issue(owner="acme").plaintext, Admission(keys, scope=NO_SCOPE)
        assert [told(admitted(admission, text))[0] for _ in range(3)] == [True, True, False]
        headers = {"Authorization": f"Bearer {text}"}
        assert admission.glance(headers, None, "GET", "/", "", None, 0, TWO) is None  # which never waits for a server
        limiter.is_gone = True
        assert [told(admitted(admission, text))[0] for _ in range(3)] == granted


def test_threads_are_granted_the_limit_of_a_route_and_no_more(keys: ApiKeys) -> None:
    """Threads that draw on three accounts at once lose no draw and make none up."""
    keys.owners.put("acme", rate_limit="1000/hour")
    text = keys.issue(owner="acme", rate_limit="900/hour").plaintext
    admission = Admission(keys, scope=NO_SCOPE, refuse_after=0)
    limit = RouteLimit("300/hour", "exports")
    with ThreadPoolExecutor(4) as threads:
        granted = [*threads.map(lambda _: told(admitted(admission, text, limit))[0], range(600))]
    assert granted.count(True) == 300
    assert told(admitted(admission, text, None, cost=0))[1].startswith('"hour";r=600;')


def test_a_limit_has_a_name_of_one_to_255_characters() -> None:
    """Its rules are read once; thousands of keys have theirs beside it."""
    for name in ("x", "x" * 255):
        check_limit(RouteLimit("10/minute", name))
    kept = [each.cache_parameters()["maxsize"] for each in (route_limit._read, route_limit._beside)]
    assert kept == [1024, 16384]


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        (RouteLimit("10/min", "exports"), "rate limit '10/min' is not of the form"),
        (RouteLimit("", "exports"), "rate limit '' is not of the form"),
        (RouteLimit("10/minute"), "the name of a limit must have 1 to 255 characters"),
        (RouteLimit("10/minute", "x" * 256), "the name of a limit must have 1 to 255 characters"),
        (RouteLimit(10, "exports"), "the limit of a route must be like  10/minute, not 10"),  # type: ignore[arg-type]
    ],
)
def test_a_limit_that_cannot_work_ends_the_start(keys: ApiKeys, limit: RouteLimit, message: str) -> None:
    """The error names the route; a request with such a limit is an error, and is not let in."""
    admission = Admission(keys, scope=NO_SCOPE)
    admission.check_route("/exports", NO_SCOPE)
    with pytest.raises(ConfigurationError, match=f"route '/exports' cannot be checked: {message}"):
        admission.check_route("/exports", NO_SCOPE, 1, limit)
    if "name" not in message:
        with pytest.raises(InvalidRequest, match=message):
            admitted(admission, keys.issue(owner="acme").plaintext, limit)
