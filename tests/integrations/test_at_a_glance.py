"""The short way of a request whose key is fresh in memory: it asks nobody, and nothing that changes passes it by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.integrations.conftest import PEPPER, shop
from tests.integrations.test_asgi import ask

from secretsource.integrations.asgi import ApiKeyMiddleware
from secretsource.issuing import NO_SCOPE, Admission, Admitted, ApiKeys, CheckEvent, Pepper, PepperSet
from secretsource.issuing._http.allowance import allowance, whole_seconds
from secretsource.issuing._http.credential import Places, written
from secretsource.issuing.limits import parse
from secretsource.stores.memory import MemoryStore
from secretsource.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def clock() -> FakeClock:
    """A clock that obeys."""
    return FakeClock()


@pytest.fixture
def keys(store: MemoryStore, clock: FakeClock) -> Iterator[ApiKeys]:
    """Keys for threads, by that clock."""
    with ApiKeys(store, peppers=[PEPPER], clock=clock) as made:
        yield made


async def test_a_key_in_memory_takes_no_thread(
    keys: ApiKeys, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys for threads are asked on the event loop, with limits and without, and their store is not asked."""
    limited = keys.issue(owner="acme", rate_limit="9/day", quota="9/month")
    texts = [keys.issue(owner="acme").plaintext, limited.plaintext]
    app = ApiKeyMiddleware(shop, keys, scope=NO_SCOPE, exempt=["/health"])
    assert [(await ask(app, text)).status for text in texts] == [200, 200]

    def fail(*_: object) -> Any:
        raise AssertionError("somebody was asked")

    monkeypatch.setattr(app._admission._pool, "call", fail)
    monkeypatch.setattr(app._admission, "aadmit", fail)
    monkeypatch.setattr(store, "get", fail)
    answers = [await ask(app, text) for text in texts]
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[1].headers["ratelimit"].startswith('"day";r=7;t=')
    assert (await ask(app, path="/health")).status == 200


async def test_each_request_is_counted_once(keys: ApiKeys) -> None:
    """By the short way and the long way together."""
    text = keys.issue(owner="acme", rate_limit="3/day").plaintext
    app = ApiKeyMiddleware(shop, keys, scope=NO_SCOPE, refuse_after=0)
    answers = [await ask(app, text) for _ in range(5)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.headers["ratelimit"].split(";")[1] for answer in answers] == ["r=2", "r=1", "r=0", "r=0", "r=0"]


async def test_a_listener_that_is_added_hears_the_next_request(keys: ApiKeys) -> None:
    """With the method, the path and the user agent; and none more once it is gone."""
    text, heard = keys.issue(owner="acme", scopes=["a"]).plaintext, list[CheckEvent]()
    app = ApiKeyMiddleware(shop, keys, scope="a")
    more: dict[str, Any] = {"headers": [("User-Agent", "curl/8")], "method": "PUT", "path": "/x"}
    for _ in range(2):
        await ask(app, text, **more)
    stop = keys._listeners.add(heard.append)
    await ask(app, text, **more)
    stop()
    await ask(app, text, **more)
    assert [(event.scopes, event.ip, event.agent, event.method, event.path) for event in heard] == [
        (("a",), "203.0.113.7", "curl/8", "PUT", "/x")
    ]


async def test_the_clock_of_the_keys_is_the_clock_of_the_edge(keys: ApiKeys, clock: FakeClock) -> None:
    """A key ends, and a limit is refilled, when that clock says so."""
    ending = keys.issue(owner="acme", expires_in=3).plaintext
    limited = keys.issue(owner="acme", rate_limit="1/second").plaintext
    app = ApiKeyMiddleware(shop, keys, scope=NO_SCOPE, refuse_after=0)
    for text in (ending, limited):
        assert (await ask(app, text)).status == 200
    assert (await ask(app, limited)).status == 429
    clock.advance(1)
    assert [(await ask(app, text)).status for text in (ending, limited)] == [200, 200]
    clock.advance(2)
    assert [(await ask(app, text)).status for text in (ending, limited)] == [401, 200]


async def test_a_pepper_that_is_renewed_acts_at_once(keys: ApiKeys, store: MemoryStore, clock: FakeClock) -> None:
    """A key of a pepper that is gone is refused though its record is in memory, and a key of the new one is let in."""
    old = keys.issue(owner="acme").plaintext
    other = PepperSet(["another pepper of the tests, long enough"])
    app = ApiKeyMiddleware(shop, keys, scope=NO_SCOPE, refuse_after=0)
    assert [(await ask(app, old)).status for _ in range(2)] == [200, 200]
    keys._adopt(keys._parts.renewed(other))
    assert (await ask(app, old)).status == 401
    with ApiKeys(store, peppers=other, clock=clock) as elsewhere:
        new = elsewhere.issue(owner="acme").plaintext
    assert [(await ask(app, new)).status for _ in range(2)] == [200, 200]


async def test_a_key_that_is_revoked_here_is_refused_at_once(keys: ApiKeys) -> None:
    """Though it was let in from memory a moment ago."""
    issued = keys.issue(owner="acme")
    app = ApiKeyMiddleware(shop, keys, scope=NO_SCOPE, refuse_after=0)
    assert [(await ask(app, issued.plaintext)).status for _ in range(2)] == [200, 200]
    keys.revoke(issued.record.key_id)
    assert (await ask(app, issued.plaintext)).status == 401


def test_what_the_short_way_does_not_read_takes_the_long_way(keys: ApiKeys) -> None:
    """Hidden keys, a kind of keys, several scopes and several headers come to the same answer."""
    issued = keys.issue(owner="acme", scopes=["a", "b"], prefix="sk", environment="live")
    keys.check(issued.plaintext, scope="a")
    sent = {"X-API-Key": issued.plaintext}
    plain, kind = Admission(keys, scope="a"), Admission(keys, scope="a", environment="test", refuse_after=0)
    assert (
        plain.glance(sent, None, "GET", "/")
        == plain.admit(sent, None, "GET", "/")
        == Admitted(issued.record, (("Vary", "X-API-Key"),))
    )
    for admission, headers, scope in (
        (kind, sent, "a"),
        (Admission(keys, scope="a", hide=True), sent, "a"),
        (plain, sent, ["a", "b"]),
        (plain, {**sent, "Authorization": f"Bearer {issued.plaintext}"}, "a"),
        (Admission(keys, scope=None), sent, None),
    ):
        assert admission.glance(headers, None, "GET", "/", "", scope) is None
    assert kind.admit(sent, None, "GET", "/").status == 401  # type: ignore[union-attr]
    hidden = Admission(keys, scope="a", hide=True).admit(sent, None, "GET", "/")
    assert isinstance(hidden, Admitted)
    assert hidden.visible == []


NAMES = st.sampled_from(
    ["Authorization", "authorization", "X-API-Key", "x-api-key", "Cookie", "Sec-Websocket-Protocol"]
)
VALUES = st.sampled_from(
    ["Bearer abc", "bearer  abc ", "BEARER\tabc", "Bearer", "Basic YWJjOmRlZg==", "abc", " abc", "", " ", "ü",
     "k" * 600, "bearer, abc", "Bearer " + " " * 5000 + "abc"]
)  # fmt: skip
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=4)
CREDENTIALS = st.sampled_from(
    [("Authorization: Bearer", "X-API-Key"), ("Authorization: Bearer", "Authorization: Basic user"),
     ("Authorization: Basic password",), ("X-API-Key", "Sec-WebSocket-Protocol: bearer")]
)  # fmt: skip


@given(HEADERS, CREDENTIALS, st.booleans())
def test_the_short_look_sees_what_the_long_look_sees(
    headers: list[tuple[str, str]], credentials: tuple[str, str], is_raw: bool
) -> None:
    """Whatever headers come, as text or as bytes: the same key in the same header, or nothing at all."""
    places = Places(credentials)
    sent: Any = [(name.encode(), value.encode()) for name, value in headers] if is_raw else headers
    only, taken = places.only(sent), places.take(sent)
    if only is not None:
        key, vary = only
        assert (key, vary) == (taken.key, tuple(("Vary", header) for header in taken.headers))
        assert taken.subprotocol is None


READINGS: dict[tuple[str, ...], Any] = {
    credentials: Places(credentials).readings(Pepper(PEPPER).reading)
    for credentials in (("Authorization: Bearer", "X-API-Key"), ("X-API-Key", "Authorization: Token"))
}


@given(HEADERS, st.sampled_from([*READINGS]), st.booleans())
def test_a_header_is_hashed_as_the_key_in_it_is(
    headers: list[tuple[str, str]], credentials: tuple[str, str], is_raw: bool
) -> None:
    """From memory or not, a header gives the hash of the key that the long look takes from it, or nothing."""
    places, sent = Places(credentials), headers
    raw: Any = [(name.encode(), value.encode()) for name, value in sent] if is_raw else sent
    only, found = places.only(raw), places.sole(raw, READINGS[credentials])
    if found is None:
        assert only is None
        return
    value, (hash_again, vary) = found
    hashed = hash_again(written(value))
    assert (hashed, vary) == ((None, vary) if only is None else (Pepper(PEPPER).hash(only[0]), only[1]))


def test_a_header_that_utf_8_cannot_write_takes_the_long_way(keys: ApiKeys) -> None:
    """A lone surrogate, as a server may make of any byte, is neither an error nor the key that it stands in."""
    issued = keys.issue(owner="acme")
    admission = Admission(keys, scope=NO_SCOPE)
    assert isinstance(admission.admit({"X-API-Key": issued.plaintext}, None, "GET", "/"), Admitted)
    for value in (f"{issued.plaintext}\ud800", f"\ud800{issued.plaintext}"):
        assert admission.glance({"X-API-Key": value}, None, "GET", "/") is None


def test_the_short_look_reads_the_usual_request() -> None:
    """Either place, as bytes and as text."""
    places = Places()
    for headers in ([(b"host", b"h"), (b"authorization", b"Bearer abc")], {"Host": "h", "Authorization": "Bearer abc"}):
        assert places.only(headers) == ("abc", (("Vary", "Authorization"),))  # type: ignore[arg-type]
    assert places.only([("x-api-key", "abc")]) == ("abc", (("Vary", "X-API-Key"),))


@given(
    st.sampled_from(
        [("5/minute", None), ("5/minute, 9/day burst 3", None), (None, "7/month"), ("3/hour", "4/day, 9/month add")]
    ),
    st.lists(st.tuples(st.integers(0, 3), st.floats(0, 5000)), max_size=8),
    st.floats(1.7e9, 1.8e9),
)  # fmt: skip
def test_the_headers_say_what_the_states_say(
    written: tuple[str | None, str | None], draws: list[tuple[int, float]], wall: float
) -> None:
    """Each limit, its window, what is left and when all of it is there again."""
    plan, mono = parse(*written), 1000.0
    assert plan is not None
    draw = plan.draw(None, 0, mono, wall)
    for cost, wait in draws:
        mono, wall = mono + wait, wall + wait
        draw = plan.draw(draw.levels, cost, mono, wall)
    policy = ", ".join(f'"{state.name}";q={state.limit};w={state.window}' for state in draw.states)
    left = ", ".join(f'"{state.name}";r={state.remaining};t={whole_seconds(state.reset or 0)}' for state in draw.states)
    assert allowance(plan, draw.levels, mono, wall) == (("RateLimit-Policy", policy), ("RateLimit", left))
