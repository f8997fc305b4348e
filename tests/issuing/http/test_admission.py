"""Whether a request is let in: what every edge asks, for threads and for an event loop."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from tests.issuing.conftest import PEPPER

from secretsource.exceptions import ConfigurationError, InvalidRequest, StoreError
from secretsource.issuing import (
    NO_SCOPE,
    Admission,
    Admitted,
    AsyncApiKeys,
    CheckEvent,
    HttpAnswer,
    Reason,
)
from secretsource.issuing._http.pace import Bell
from secretsource.stores.memory import AsyncMemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.issuing import ApiKeys
    from secretsource.issuing._http.credential import Headers
    from secretsource.stores.memory import MemoryStore

IP = "203.0.113.7"
OTHERS: list[dict[str, str]] = [{}, {"Authorization": "Basic dXNlcjpwYXNz"}, {"Accept": "*/*"}]


def both(admission: Admission, headers: Headers, path: str = "/invoices", method: str = "GET", **more: Any) -> Any:
    """What comes of a request, which is the same for threads and for an event loop."""
    threads = admission.admit(headers, IP, method, path, **more)
    assert asyncio.run(admission.aadmit(headers, IP, method, path, **more)) == threads
    return threads


def quick(keys: ApiKeys | AsyncApiKeys, **settings: Any) -> Admission:
    """An admission that refuses at once."""
    given: dict[str, Any] = {"scope": NO_SCOPE, "refuse_after": 0, **settings}
    return Admission(keys, **given)


def test_a_good_key_is_admitted_and_a_bad_one_is_answered(keys: ApiKeys) -> None:
    """With what the application's answer depends on, and with the answer of the refusal."""
    issued = keys.issue(owner="acme", scopes=["a"])
    admission = quick(keys, scope="a")
    assert both(admission, {"X-API-Key": issued.plaintext}) == Admitted(issued.record, (("Vary", "X-API-Key"),))
    for headers, status, code in (
        ({}, 401, "missing_key"),
        ({"X-API-Key": "nonsense"}, 401, "invalid_key"),
        ({"X-API-Key": "one", "Authorization": "Bearer two"}, 400, "ambiguous_key"),
        ({"X-API-Key": keys.issue(owner="acme").plaintext}, 403, "insufficient_scope"),
    ):
        answer = both(admission, headers)
        assert isinstance(answer, HttpAnswer)
        assert (answer.status, json.loads(answer.body)["code"]) == (status, code)


def test_each_request_may_demand_something_else(keys: ApiKeys) -> None:
    """A scope, a cost; an admission without a scope needs one."""
    key = {"X-API-Key": keys.issue(owner="acme", scopes=["a"], rate_limit="10/day").plaintext}
    admission = quick(keys, scope=None)
    assert both(admission, key, scope="a", cost=0).record.owner == "acme"
    assert ("RateLimit", '"day";r=5;t=43200') in admission.admit(key, IP, "GET", "/", scope="a", cost=5)[1]
    assert both(admission, key, scope="b").status == 403
    assert both(admission, key, scope="a", cost=11).status == 429
    with pytest.raises(InvalidRequest, match="needs one with each request"):
        both(admission, key)
    with pytest.raises(InvalidRequest, match="NO_SCOPE"):
        both(admission, key, scope=())


@pytest.mark.parametrize("given", [None, "sqlite:///keys.db", AsyncMemoryStore()])
def test_an_admission_takes_keys_alone(given: Any) -> None:
    """Such as a URL, or the coroutine of an `AsyncApiKeys.open` that nobody awaits."""
    with pytest.raises(ConfigurationError, match=rf"keys must be an ApiKeys .*{type(given).__name__}: write  ApiKeys"):
        Admission(given, scope=NO_SCOPE)


def test_an_admission_takes_one_kind_of_keys(keys: ApiKeys) -> None:
    """Another prefix or environment is a key that is not accepted."""
    key = {"X-API-Key": keys.issue(owner="acme", prefix="sk", environment="live").plaintext}
    assert both(quick(keys, environment="live", prefix="sk"), key).record
    assert both(quick(keys, environment="test"), key).status == 401
    assert both(quick(keys, prefix="pk"), key).status == 401


@pytest.mark.parametrize("headers", OTHERS)
def test_an_exempt_path_needs_no_key_and_an_optional_one_may_have_one(keys: ApiKeys, headers: dict[str, str]) -> None:
    """A key that is sent on an optional path must be good; the answer depends on where one might be."""
    issued = keys.issue(owner="acme")
    admission = quick(keys, exempt=["/health"], optional=["/catalogue/*"])
    assert both(admission, headers, "/health") == Admitted(None)
    assert both(admission, headers, "/api/health", root_path="/api") == Admitted(None)
    assert admission.is_exempt("/api/health", "/api")
    assert both(admission, headers, "/health", root_path="/health").status == 401
    assert both(admission, {**headers, "X-API-Key": "nonsense"}, "/health") == Admitted(None)
    varies = (("Vary", "Authorization"), ("Vary", "X-API-Key"))
    assert both(admission, headers, "/catalogue/1") == Admitted(None, varies)
    assert both(admission, headers, "/v1/catalogue/1", root_path="/v1") == Admitted(None, varies)
    assert both(admission, {**headers, "X-API-Key": issued.plaintext}, "/catalogue/1").record == issued.record
    assert both(admission, {**headers, "X-API-Key": "nonsense"}, "/catalogue/1").status == 401
    assert both(admission, headers, "/catalogue/../orders").status == 401


PREFLIGHT = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}


def test_a_preflight_passes_unless_it_is_to_be_checked(keys: ApiKeys) -> None:
    """It is an OPTIONS with both headers, and nothing less."""
    admission = quick(keys)
    assert both(admission, PREFLIGHT, method="OPTIONS") == Admitted(None)
    for method, headers in (("OPTIONS", {}), ("GET", PREFLIGHT), ("options", PREFLIGHT), ("POST", PREFLIGHT)):
        assert both(admission, headers, method=method).status == 401
    for name in PREFLIGHT:
        assert both(admission, {**PREFLIGHT, name: ""}, method="OPTIONS").status == 401
    assert both(quick(keys, preflight="check"), PREFLIGHT, method="OPTIONS").status == 401


def test_the_key_is_taken_out_of_what_the_application_sees(make_keys: Callable[..., ApiKeys]) -> None:
    """Where it stood, also on a path where it is not read; somebody else's token stays."""
    keys = make_keys(imported=True)
    key, jwt = keys.issue(owner="acme").plaintext, "Bearer eyJh.eyJz.c2ln"
    admission = quick(keys, hide=True, exempt=["/health"])
    for headers in ({"X-API-Key": key}, {"X-API-Key": key, "Authorization": jwt}, {"Authorization": f"Bearer {key}"}):
        left = [(name, value) for name, value in headers.items() if key not in value]
        for path in ("/invoices", "/health"):
            admitted = both(admission, {**headers, "Accept": "*/*"}, path)
            assert admitted.visible == [*left, ("Accept", "*/*")]
    assert both(quick(keys), {"X-API-Key": key}).visible is None


def test_everything_that_is_refused_is_heard(keys: ApiKeys) -> None:
    """Also what no check has seen, with its request and what was demanded of it; each once."""
    heard: list[CheckEvent] = []
    keys._listeners.add(heard.append)
    admission, good = quick(keys, scope=["a", "b"]), keys.issue(owner="acme", scopes=["a", "b"]).plaintext
    cases: list[tuple[dict[str, str], Reason | None]] = [
        ({}, Reason.MISSING),
        ({"X-API-Key": "one", "Authorization": "Bearer two"}, Reason.AMBIGUOUS),
        ({"X-API-Key": "k" * 600}, Reason.MALFORMED),
        ({"X-API-Key": "nonsense"}, Reason.MALFORMED),
        ({"X-API-Key": keys.issue(owner="acme").plaintext}, Reason.INSUFFICIENT_SCOPE),
        ({"X-API-Key": good}, None),
    ]
    for headers, reason in cases:
        heard.clear()
        both(admission, {**headers, "User-Agent": "curl/8"}, cost=0)
        assert [event.reason for event in heard] == [reason] * 2
        assert {event[2:] for event in heard} == {(("a", "b"), 0, IP, "curl/8", "GET", "/invoices")}


async def test_a_slow_store_harms_no_key_that_is_known(
    keys: ApiKeys, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known keys are answered on the loop; when all threads wait and the line is full, others hear 503 at once."""
    monkeypatch.setattr("secretsource.issuing._http.pool.WAITING", 1)
    known = {"X-API-Key": keys.issue(owner="acme").plaintext}
    others = [{"X-API-Key": keys.issue(owner="acme").plaintext} for _ in range(4)]
    admission, go, heard = quick(keys, lookups=2), threading.Event(), list[CheckEvent]()
    assert isinstance(await admission.aadmit(known, IP, "GET", "/"), Admitted)
    get = store.get

    def slowly(key_id: str) -> Any:
        assert go.wait(30)
        return get(key_id)

    monkeypatch.setattr(store, "get", slowly)
    waiting = [asyncio.ensure_future(admission.aadmit(other, IP, "GET", "/")) for other in others]
    await asyncio.sleep(0)
    keys._listeners.add(heard.append)
    assert isinstance(await admission.aadmit(known, IP, "GET", "/"), Admitted)
    full = await admission.aadmit({"X-API-Key": keys.issue(owner="acme").plaintext}, IP, "GET", "/full")
    assert isinstance(full, HttpAnswer)
    assert (full.status, dict(full.headers)["Retry-After"]) == (503, "5")
    assert [(event.reason, event.path) for event in heard] == [(None, "/"), (Reason.OVERLOADED, "/full")]
    go.set()
    assert all(isinstance(each, Admitted) for each in await asyncio.gather(*waiting))


async def test_no_threads_left_is_503(make_keys: Callable[..., ApiKeys], monkeypatch: pytest.MonkeyPatch) -> None:
    """For a key that has to be looked up; one that is refused waits for its moment by the loop's own clock."""
    monkeypatch.setattr("secretsource.issuing._http.pace._BELL", Bell())
    keys = make_keys()
    admission = Admission(keys, scope=NO_SCOPE, refuse_after=0.02)
    key = {"X-API-Key": keys.issue(owner="acme").plaintext}

    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as none_left:
        none_left.setattr(threading.Thread, "start", fail)
        answer = await admission.aadmit(key, IP, "GET", "/")
        came = time.monotonic()
        refused = await asyncio.wait_for(admission.aadmit({"X-API-Key": "nonsense"}, IP, "GET", "/"), 10)
        assert time.monotonic() - came >= 0.019
    assert isinstance(answer, HttpAnswer)
    assert isinstance(refused, HttpAnswer)
    assert (answer.status, refused.status) == (503, 401)
    assert isinstance(await admission.aadmit(key, IP, "GET", "/"), Admitted)


async def test_a_check_is_answered_without_a_thread_for_what_it_begins(
    make_keys: Callable[..., ApiKeys], monkeypatch: pytest.MonkeyPatch
) -> None:
    """For threads and for an event loop: the next check begins it. Another error of that kind is not hidden."""
    start = threading.Thread.start

    def fail(thread: threading.Thread) -> None:
        if thread.name == "secretsource-flush":
            raise RuntimeError(says)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", fail)
    for name in ("admit", "aadmit"):
        for says in ("can't start new thread", "something else"):
            keys = make_keys()
            admission, key = quick(keys), {"X-API-Key": keys.issue(owner="acme").plaintext}
            admit = getattr(admission, name)
            try:
                answer = admit(key, IP, "GET", "/")
                answer = await answer if name == "aadmit" else answer
            except RuntimeError as error:
                assert str(error) == says == "something else"  # noqa: PT017
            else:
                assert (says, type(answer)) == ("can't start new thread", Admitted)


def test_a_refusal_takes_its_time_in_threads_too(keys: ApiKeys) -> None:
    """As long whatever the reason; other answers are given at once."""
    admission = Admission(keys, scope=NO_SCOPE, refuse_after=0.05)
    for headers, least in (({"X-API-Key": "nonsense"}, 0.05), ({"X-API-Key": "k" * 600}, 0.05), ({}, 0.0)):
        came = time.monotonic()
        assert not isinstance(admission.admit(headers, IP, "GET", "/"), Admitted)
        assert time.monotonic() - came >= least


async def test_something_is_done_while_a_refusal_waits(keys: ApiKeys) -> None:
    """It is given up when the refusal is due, and its errors harm nobody."""
    admission, ends = Admission(keys, scope=NO_SCOPE, refuse_after=0.02), list[str]()

    async def for_ever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ends.append("given up")

    async def fail() -> None:
        ends.append("failed")
        raise OSError("the server is gone")

    for meanwhile in (for_ever, fail):
        answer = await admission.aadmit({"X-API-Key": "nonsense"}, IP, "GET", "/", meanwhile=meanwhile)
        assert isinstance(answer, HttpAnswer)
    await asyncio.sleep(0)
    assert sorted(ends) == ["failed", "given up"]


async def test_keys_of_an_event_loop_are_not_asked_by_threads() -> None:
    """The error says what to call; on the loop they are."""
    async with AsyncApiKeys(AsyncMemoryStore(), peppers=[PEPPER]) as keys:
        admission = quick(keys)
        with pytest.raises(ConfigurationError, match="aadmit"):
            admission.admit({}, IP, "GET", "/")
        key = (await keys.issue(owner="acme")).plaintext
        assert isinstance(await admission.aadmit({"X-API-Key": key}, IP, "GET", "/"), Admitted)
        assert not isinstance(await admission.aadmit({}, IP, "GET", "/"), Admitted)


@pytest.mark.parametrize("change", ["revoke", "disable", "rotate"])
async def test_whether_a_key_is_good_still(change: str, keys: ApiKeys, store: MemoryStore, clock: Any) -> None:
    """By its record: once it has ended, is switched off, or may not do this any more; an outage is no end."""
    record = keys.issue(owner="acme", scopes=["a"], rate_limit="1/day", networks=["203.0.113.0/24"]).record
    admission, heard = quick(keys, scope="a"), list[CheckEvent]()
    keys._listeners.add(heard.append)
    assert [await admission.astill(record, IP, "/feed") for _ in range(3)] == [True] * 3
    assert heard == []
    assert not await admission.astill(record, "198.51.100.1", "/feed")
    assert not await admission.astill(record, IP, "/feed", scope="b")
    if change == "rotate":
        keys.rotate(record.key_id, overlap=60)
        assert await admission.astill(record, IP, "/feed")
        clock.advance(61)
    else:
        getattr(keys, change)(record.key_id)
    heard.clear()
    assert not await admission.astill(record, IP, "/feed")
    assert [(event.path, event.scopes) for event in heard] == [("/feed", ("a",))]

    def fail(_: str) -> None:
        raise StoreError("down")

    clock.advance(61)
    store.get = fail  # type: ignore[method-assign, assignment]
    assert await admission.astill(record, IP, "/feed")
    store.get = lambda _: None  # type: ignore[method-assign, assignment]
    assert not await admission.astill(record, IP, "/feed")


async def test_a_key_of_another_kind_than_customers_have_stays_good(keys: ApiKeys) -> None:
    """A root key, where the admission names its prefix; one that names another is not for this key."""
    record = keys.issue(owner="acme", prefix="root").record
    assert await quick(keys, prefix="root").astill(record, IP, "/feed")
    assert not await quick(keys, prefix="sk").astill(record, IP, "/feed")
    assert not await quick(keys).astill(record, IP, "/feed")


async def test_an_open_connection_ends_with_its_key_although_the_clock_is_set_back(keys: ApiKeys, clock: Any) -> None:
    """What a check has seen of the time holds for every connection of the process."""
    issued, other = keys.issue(owner="acme", expires_in=60), keys.issue(owner="acme")
    admission = quick(keys)
    assert await admission.astill(issued.record, IP, "/feed")
    clock.advance(61)
    assert keys.check(other.plaintext, scope=NO_SCOPE)
    clock.step_wall(-3600)
    assert not keys.check(issued.plaintext, scope=NO_SCOPE)
    assert not await admission.astill(issued.record, IP, "/feed")


async def test_keys_of_an_event_loop_are_asked_again_alike() -> None:
    """On the loop."""
    async with AsyncApiKeys(AsyncMemoryStore(), peppers=[PEPPER]) as keys:
        record = (await keys.issue(owner="acme")).record
        admission = quick(keys)
        assert await admission.astill(record, IP, "/feed")
        await keys.revoke(record.key_id)
        assert not await admission.astill(record, IP, "/feed")


def test_an_error_of_the_wiring_shows_no_key(keys: ApiKeys) -> None:
    """Not in any frame of ours, for threads and for an event loop, in the demand and in the cost."""
    key = keys.issue(owner="acme").plaintext
    for more in ({"scope": ""}, {"cost": -1}):
        for name in ("admit", "aadmit"):
            admission, ours = quick(keys), list[Any]()
            try:
                answer = getattr(admission, name)({"X-API-Key": key}, IP, "GET", "/", **more)
                asyncio.run(answer)
            except InvalidRequest as error:
                report = traceback.TracebackException.from_exception(error, capture_locals=True)
                ours = [frame for frame in report.stack if "/secretsource/issuing/" in frame.filename]
            assert ours
            assert not any(key in str(frame.locals) for frame in ours)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"scope": ()}, "NO_SCOPE"),
        ({"realm": "a\nb"}, "realm"),
        ({"credentials": ["Cookie"]}, "Cookie"),
        ({"exempt": "/health"}, "exempt"),
        ({"optional": ["health"]}, "optional"),
        ({"preflight": "skip"}, "preflight must be pass or check"),
        ({"environment": "LIVE"}, "environment"),
        ({"refuse_after": -1}, "refuse_after"),
        ({"refuse_after": "1"}, "refuse_after"),
        ({"lookups": 0}, "lookups"),
    ],
)
def test_a_setting_that_cannot_work_is_found_at_the_start(keys: ApiKeys, settings: dict[str, Any], says: str) -> None:
    """Not at the first request."""
    with pytest.raises((ConfigurationError, InvalidRequest), match=says):
        quick(keys, **settings)


def test_a_setting_that_is_none_is_named(keys: ApiKeys) -> None:
    """As a keyword that a function does not have."""
    with pytest.raises(TypeError, match="exmpt"):
        quick(keys, exmpt=["/health"])


def test_what_was_admitted_shows_no_key(keys: ApiKeys) -> None:
    """Not even headers that still have one."""
    admitted = Admitted(None, (), [("X-API-Key", keys.issue(owner="acme").plaintext)])
    assert "X-API-Key" not in repr(admitted)
