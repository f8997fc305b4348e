"""The middleware, asked as a server asks it."""

from __future__ import annotations

import json
import traceback
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from tests.integrations.conftest import PEPPER, shop

from secretsource.exceptions import ConfigurationError, InvalidRequest, StoreError
from secretsource.integrations.asgi import ApiKeyMiddleware
from secretsource.integrations.routes import Stated
from secretsource.issuing import NO_SCOPE, AsyncApiKeys, KeyRecord
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from secretsource.issuing import ApiKeys


class Answer(NamedTuple):
    """What a server would send."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def connection(kind: str = "http", path: str = "/invoices", **more: Any) -> dict[str, Any]:
    """An ASGI scope."""
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in more.pop("headers", ())]
    return {"type": kind, "path": path, "headers": headers, "client": ("203.0.113.7", 50000), **more}


async def sent(app: Any, scope: dict[str, Any], events: Iterable[dict[str, Any]] = ()) -> list[dict[str, Any]]:
    """All messages that an application sends on one connection."""
    messages: list[dict[str, Any]] = []
    waiting = list(events)

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        messages.append(message)

    await app(scope, receive, send)
    assert not waiting
    return messages


async def ask(app: Any, key: str | None = None, **more: Any) -> Answer:
    """One request with a key."""
    headers = [*more.pop("headers", ()), *([] if key is None else [("Authorization", f"Bearer {key}")])]
    start, body = await sent(app, connection(headers=headers, **more))
    raw = [(name.decode(), value.decode()) for name, value in start["headers"]]
    assert len(dict(raw)) == len(raw)
    assert all(name == name.lower() for name, _ in raw)
    return Answer(start["status"], dict(raw), body["body"])


async def test_a_good_key_comes_through(keys: ApiKeys) -> None:
    """The application answers, and has the record in its scope; its answer says that it depends on the header."""
    key = keys.issue(owner="acme", scopes=["invoices:read"]).plaintext
    answer = await ask(ApiKeyMiddleware(shop, keys, scope="invoices:read"), key)
    assert answer.status == 200
    assert json.loads(answer.body) == {"path": "/invoices", "owner": "acme"}
    assert set(answer.headers) == {"content-length", "x-shop", "vary"}
    assert answer.headers["vary"] == "Authorization"


async def test_an_application_that_sends_nothing_needs_no_send(keys: ApiKeys) -> None:
    """As in a small test of it."""
    seen: list[Any] = []

    async def look(scope: Any, *_: Any) -> None:
        seen.append(scope["secretsource"])

    issued = keys.issue(owner="acme")
    app: Any = ApiKeyMiddleware(look, keys, scope=NO_SCOPE)
    await app(connection(headers=[("X-API-Key", issued.plaintext)]), None, None)
    assert seen == [issued.record]


async def test_keys_for_an_event_loop_work_alike() -> None:
    """The same middleware takes either kind of keys."""
    async with AsyncApiKeys(AsyncMemoryStore(), peppers=[PEPPER]) as keys:
        key = (await keys.issue(owner="acme")).plaintext
        app = ApiKeyMiddleware(shop, keys, scope=NO_SCOPE)
        assert json.loads((await ask(app, key)).body)["owner"] == "acme"
        assert (await ask(app, key + "x")).status == 401


async def test_each_refusal_has_its_status(keys: ApiKeys) -> None:
    """400, 401, 403 and 429, each a problem document that does not hold the key."""
    good = keys.issue(owner="acme", scopes=["invoices:read"], rate_limit="1/hour").plaintext
    other = keys.issue(owner="acme").plaintext
    app = ApiKeyMiddleware(shop, keys, scope="invoices:read", realm="shop")
    assert (await ask(app, good)).status == 200
    answers = {
        "missing_key": await ask(app),
        "ambiguous_key": await ask(app, good, headers=[("X-API-Key", other)]),
        "invalid_key": await ask(app, "nonsense"),
        "insufficient_scope": await ask(app, other),
        "rate_limited": await ask(app, good),
    }
    assert [answer.status for answer in answers.values()] == [401, 400, 401, 403, 429]
    for code, answer in answers.items():
        assert json.loads(answer.body)["code"] == code
        assert answer.headers["cache-control"] == "no-store"
        assert not {good, other, "nonsense"} & {answer.body.decode(), *answer.headers.values()}
    assert answers["missing_key"].headers["www-authenticate"] == 'Bearer realm="shop"'
    assert 3500 < int(answers["rate_limited"].headers["retry-after"]) <= 3600


async def test_a_key_in_the_url_is_not_taken(keys: ApiKeys) -> None:
    """It would be in every log."""
    key = keys.issue(owner="acme").plaintext
    app = ApiKeyMiddleware(shop, keys, scope=NO_SCOPE)
    answer = await ask(app, query_string=f"api_key={key}&access_token={key}".encode(), path=f"/{key}")
    assert json.loads(answer.body)["code"] == "missing_key"


async def test_malformed_unknown_and_wrong_secret_look_alike(keys: ApiKeys) -> None:
    """Status, headers and body are the same bytes."""
    known = keys.issue(owner="acme")
    revoked = keys.issue(owner="acme")
    keys.revoke(revoked.record.key_id)
    with_another_secret = keys._parts.format.mint("sk", "live", known.record.key_id)
    unknown = keys._parts.format.mint("sk", "live", keys._parts.seals.seal("nobody", 1))
    app = ApiKeyMiddleware(shop, keys, scope=NO_SCOPE)
    refused = [
        await ask(app, text)
        for text in ("x", known.plaintext[:-1] + "!", with_another_secret, unknown, revoked.plaintext, "k" * 600)
    ]
    assert all(answer == refused[0] for answer in refused)
    assert (await ask(app, known.plaintext)).status == 200


async def test_the_scope_may_depend_on_the_request(keys: ApiKeys) -> None:
    """A function of the ASGI scope says what is needed."""
    key = keys.issue(owner="acme", scopes=["invoices:get"]).plaintext
    app = ApiKeyMiddleware(shop, keys, scope=lambda scope: f"invoices:{scope['method'].lower()}")
    assert (await ask(app, key, method="GET")).status == 200
    refused = await ask(app, key, method="POST")
    assert (refused.status, json.loads(refused.body)["scope"]) == (403, "invoices:post")


async def test_a_wrong_scope_shows_no_key(keys: ApiKeys) -> None:
    """A mistake in the wiring is an error whose traceback does not reach the key, not even by its frames."""
    key = keys.issue(owner="acme").plaintext
    app = ApiKeyMiddleware(shop, keys, scope=lambda _: "")
    ours: list[traceback.FrameSummary] = []
    try:
        await app(connection(headers=[("X-API-Key", key)]), None, None)  # type: ignore[arg-type]
    except InvalidRequest as error:
        report = traceback.TracebackException.from_exception(error, capture_locals=True)
        ours = [frame for frame in report.stack if "/secretsource/issuing/" in frame.filename]
    assert ours
    assert not any(key in str(frame.locals) for frame in ours)


async def test_the_network_of_the_client_counts(keys: ApiKeys) -> None:
    """The address is that of the connection; without one, a bound key is refused."""
    key = keys.issue(owner="acme", networks=["203.0.113.0/24"]).plaintext
    app = ApiKeyMiddleware(shop, keys, scope=NO_SCOPE)
    assert (await ask(app, key)).status == 200
    assert (await ask(app, key, client=("198.51.100.1", 1))).status == 401
    assert (await ask(app, key, client=None)).status == 401


async def test_a_rotated_key_hears_that_it_ends(keys: ApiKeys) -> None:
    """The application's own headers stay; who used the old key is remembered."""
    old = keys.issue(owner="acme", rate_limit="100/minute")
    new = keys.rotate(old.record.key_id, overlap=3600).plaintext
    app = ApiKeyMiddleware(shop, keys, scope=NO_SCOPE)
    answer = await ask(app, old.plaintext, headers=[("User-Agent", "billing/1.0")])
    assert set(answer.headers) == {
        "content-length", "x-shop", "deprecation", "sunset", "ratelimit", "ratelimit-policy", "vary"
    }  # fmt: skip
    assert set((await ask(app, new)).headers) == {"content-length", "x-shop", "ratelimit", "ratelimit-policy", "vary"}
    usage = keys.rotation_status(old.record.key_id).usage
    assert (usage.requests, [*usage.agents], [*usage.networks]) == (1, ["billing/1.0"], ["203.0.113.7"])


def saying(*headers: tuple[str, str]) -> Any:
    """An application whose answer has these headers."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raw = [(name.encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        await send({"type": "http.response.body", "body": b""})

    return app


async def test_headers_of_which_one_may_exist_are_replaced(keys: ApiKeys) -> None:
    """The application's own date would make them invalid; lists of the application stay beside ours."""
    old = keys.issue(owner="acme", rate_limit="100/minute")
    keys.rotate(old.record.key_id, overlap=3600)
    own = [("Deprecation", "@1"), ("sunset", "Thu, 31 Dec 2099 23:59:59 GMT"), ("ratelimit", '"own";r=1;t=1')]
    app = ApiKeyMiddleware(saying(*own), keys, scope=NO_SCOPE)
    start, _ = await sent(app, connection(headers=[("X-API-Key", old.plaintext)]))
    names = [name.lower() for name, _ in start["headers"]]
    assert [names.count(name) for name in (b"deprecation", b"sunset", b"ratelimit")] == [1, 1, 2]
    assert (b"Deprecation", b"@1") not in start["headers"]


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ([], ["X-API-Key"]),
        ([("vary", "Accept-Encoding")], ["Accept-Encoding", "X-API-Key"]),
        ([("Vary", "accept, x-api-key")], ["accept, x-api-key"]),
        ([("Vary", "*")], ["*"]),
    ],
)
async def test_an_answer_says_which_header_it_depends_on(
    keys: ApiKeys, own: list[tuple[str, str]], expected: list[str]
) -> None:
    """So that no cache gives one customer's answer to another; what the application says stays."""
    app = ApiKeyMiddleware(saying(*own), keys, scope=NO_SCOPE)
    start, _ = await sent(app, connection(headers=[("X-API-Key", keys.issue(owner="acme").plaintext)]))
    assert [value.decode() for name, value in start["headers"] if name.lower() == b"vary"] == expected


async def test_an_optional_key_is_read(keys: ApiKeys) -> None:
    """A public path knows its callers, and does not need to."""
    app = ApiKeyMiddleware(shop, keys, scope=NO_SCOPE, optional=["/catalogue"])
    key = keys.issue(owner="acme").plaintext
    assert json.loads((await ask(app, key, path="/catalogue")).body)["owner"] == "acme"
    start, body = await sent(app, connection(path="/catalogue"))
    assert json.loads(body["body"])["owner"] is None
    assert [value for name, value in start["headers"] if name == b"vary"] == [b"Authorization", b"X-API-Key"]
    assert (await ask(app, "nonsense", path="/catalogue")).status == 401


@pytest.mark.parametrize("rate_limit", [None, "9/minute"])
async def test_an_application_may_send_the_same_message_each_time(keys: ApiKeys, rate_limit: str | None) -> None:
    """Its headers may be a list, a tuple or an iterator; its own message and list stay as they are."""
    key, own = keys.issue(owner="acme", rate_limit=rate_limit).plaintext, [(b"x-shop", b"1"), (b"etag", b"2")]
    kinds: list[Any] = [own, tuple(own), iter(own), own]
    for listed in kinds:
        start = {"type": "http.response.start", "status": 200, "headers": listed}

        async def answer(_: Any, __: Any, send: Any, start: Any = start) -> None:
            await send(start)
            await send({"type": "http.response.body", "body": b""})

        app = ApiKeyMiddleware(answer, keys, scope=NO_SCOPE)
        first, _ = await sent(app, connection(headers=[("X-API-Key", key)]))
        limits = [] if rate_limit is None else [b"ratelimit-policy", b"ratelimit"]
        assert [name for name, _ in first["headers"]] == [b"x-shop", b"etag", *limits, b"vary"]
        assert start == {"type": "http.response.start", "status": 200, "headers": listed}
        assert own == [(b"x-shop", b"1"), (b"etag", b"2")]


async def test_the_application_does_not_see_a_hidden_key(keys: ApiKeys) -> None:
    """Nor does what it logs; the scope of the server stays as it is."""
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    key = keys.issue(owner="acme").plaintext
    guarded = ApiKeyMiddleware(app, keys, scope=NO_SCOPE, hide=True, exempt=["/health"])
    for path in ("/invoices", "/health"):
        scope = connection(path=path, headers=[("X-API-Key", key), ("Accept", "*/*")])
        await sent(guarded, scope)
        assert seen[-1]["headers"] == [(b"accept", b"*/*")]
        assert len(scope["headers"]) == 2
    await sent(ApiKeyMiddleware(app, keys, scope=NO_SCOPE), connection(headers=[("X-API-Key", key)]))
    assert seen[-1]["headers"] == [(b"x-api-key", key.encode())]


async def test_the_body_of_a_refused_request_is_dropped(keys: ApiKeys) -> None:
    """While the refusal waits; not where the client asks whether to send it, nor of a request that is let in."""
    app = ApiKeyMiddleware(shop, keys, scope=NO_SCOPE, refuse_after=0.05)
    body = [{"type": "http.request", "body": b"x", "more_body": True} for _ in range(3)]
    last = {"type": "http.request", "body": b"", "more_body": False}
    for key, more, left in (
        ("bad", (), 0),
        ("bad", [("Expect", "100-continue")], 4),
        (keys.issue(owner="a").plaintext, (), 4),
    ):
        waiting = [*body, last]

        async def receive(waiting: list[Any] = waiting) -> Any:
            return waiting.pop(0)

        async def send(_: object) -> None:
            assert len(waiting) == left  # noqa: B023 - called before the next round

        await app(connection(headers=[("X-API-Key", key), *more]), receive, send)
        assert len(waiting) == left


async def test_an_application_that_is_mounted_is_exempt_by_its_own_paths(keys: ApiKeys) -> None:
    """Whether or not the server puts the root path before the path."""
    app = ApiKeyMiddleware(shop, keys, scope=NO_SCOPE, exempt=["/health"])
    for path in ("/api/health", "/health"):
        assert (await ask(app, path=path, root_path="/api")).status == 200
    assert (await ask(app, path="/health", root_path="/health")).status == 401


async def test_an_outage_of_the_store_fails_closed(keys: ApiKeys, store: MemoryStore) -> None:
    """Nothing is let in that cannot be checked."""
    key = keys.issue(owner="acme").plaintext

    def unreachable(_: str) -> KeyRecord | None:
        raise StoreError("the database is gone")

    store.get = unreachable  # type: ignore[method-assign, assignment]
    answer = await ask(ApiKeyMiddleware(shop, keys, scope=NO_SCOPE), key)
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert b"database" not in answer.body


@pytest.mark.parametrize("path", ["/health", "/static/a.css", "/static/css/a.css", "/static/"])
async def test_exempt_paths_need_no_key(keys: ApiKeys, path: str) -> None:
    """They are let through without a record."""
    app = ApiKeyMiddleware(shop, keys, scope=NO_SCOPE, exempt=["/health", "/static/*"])
    answer = await ask(app, path=path)
    assert json.loads(answer.body) == {"path": path, "owner": None}


@pytest.mark.parametrize(
    "path",
    ["/", "", "/healthy", "/health/", "//health", "/HEALTH", "/static", "/staticx", "/static/../invoices",
     "/static//invoices", "/static/./x", "/x/static/a.css"],
)  # fmt: skip
async def test_all_other_paths_need_one(keys: ApiKeys, path: str) -> None:
    """Also those that a server or an application might read as another path."""
    app = ApiKeyMiddleware(shop, keys, scope=NO_SCOPE, exempt=["/health", "/static/*"])
    assert (await ask(app, path=path)).status == 401


@pytest.mark.parametrize("path", ["", "health", "*", "/*", "/a*", "/*/b", "/a/*/*"])
def test_an_exemption_that_may_be_misread_is_refused(keys: ApiKeys, path: str) -> None:
    """Nothing exempts all paths."""
    with pytest.raises(ConfigurationError, match="exempt path"):
        ApiKeyMiddleware(shop, keys, scope=NO_SCOPE, exempt=[path])


def test_wrong_wiring_is_found_at_the_start(keys: ApiKeys) -> None:
    """Not at the first request."""
    with pytest.raises(InvalidRequest, match="NO_SCOPE"):
        ApiKeyMiddleware(shop, keys, scope=())
    with pytest.raises(InvalidRequest):
        ApiKeyMiddleware(shop, keys, scope="invoices:*")
    with pytest.raises(ConfigurationError, match="realm"):
        ApiKeyMiddleware(shop, keys, scope=NO_SCOPE, realm="a\nb")
    with pytest.raises(ConfigurationError, match="one text"):
        ApiKeyMiddleware(shop, keys, scope=NO_SCOPE, exempt="/health")


async def test_the_lifespan_goes_through(keys: ApiKeys) -> None:
    """A server starts and stops the application itself."""
    events = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    messages = await sent(ApiKeyMiddleware(shop, keys, scope=NO_SCOPE), {"type": "lifespan"}, events)
    assert [message["type"] for message in messages] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_an_unknown_kind_of_connection_is_not_let_through(keys: ApiKeys) -> None:
    """What cannot be checked is not served."""
    with pytest.raises(ConfigurationError, match="webtransport"):
        await sent(ApiKeyMiddleware(shop, keys, scope=NO_SCOPE), connection("webtransport"))


CONNECT = {"type": "websocket.connect"}


async def test_a_web_socket_with_a_good_key_opens(keys: ApiKeys) -> None:
    """What a key hears of its limits is in the answer to the handshake."""
    key = keys.issue(owner="acme", rate_limit="5/minute").plaintext
    app = ApiKeyMiddleware(shop, keys, scope=NO_SCOPE)
    (accept,) = await sent(app, connection("websocket", headers=[("X-API-Key", key)]), [CONNECT])
    assert accept["type"] == "websocket.accept"
    assert {name for name, _ in accept["headers"]} == {b"ratelimit", b"ratelimit-policy"}


async def test_a_web_socket_without_one_is_closed(keys: ApiKeys, store: MemoryStore) -> None:
    """The code says which refusal it was, before anything is accepted."""
    key = keys.issue(owner="acme").plaintext
    app = ApiKeyMiddleware(shop, keys, scope="invoices:read")
    for headers, code in (
        ([], 4401),
        ([("X-API-Key", key)], 4403),
        ([("X-API-Key", key), ("Authorization", f"Bearer {keys.issue(owner='acme').plaintext}")], 4400),
    ):
        messages = await sent(app, connection("websocket", headers=headers), [CONNECT])
        assert messages == [{"type": "websocket.close", "code": code, "reason": ""}]

    def unreachable(_: str) -> KeyRecord | None:
        raise StoreError("the database is gone")

    store.get = unreachable  # type: ignore[method-assign, assignment]
    headers = [("X-API-Key", keys.issue(owner="acme").plaintext)]
    (close,) = await sent(app, connection("websocket", headers=headers), [CONNECT])
    assert close["code"] == 1013


async def test_a_web_socket_hears_why_where_the_server_can_say_it(keys: ApiKeys) -> None:
    """With the extension, the handshake is answered like any request."""
    app = ApiKeyMiddleware(shop, keys, scope=NO_SCOPE)
    scope = connection("websocket", extensions={"websocket.http.response": {}})
    start, body = await sent(app, scope, [CONNECT])
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 401)
    assert json.loads(body["body"])["code"] == "missing_key"
    assert body["type"] == "websocket.http.response.body"


async def test_a_function_may_state_a_cost(keys: ApiKeys) -> None:
    """Each request draws the cost that was stated for it, or else that of the middleware."""
    key = keys.issue(owner="acme", rate_limit="10/hour").plaintext
    app = ApiKeyMiddleware(
        shop, keys, scope=lambda scope: Stated(NO_SCOPE, 5) if scope["path"] == "/reports" else NO_SCOPE, cost=2
    )
    assert (await ask(app, key, path="/reports")).headers["ratelimit"] == '"hour";r=5;t=1800'
    assert (await ask(app, key)).headers["ratelimit"].startswith('"hour";r=3')
    assert (await ask(app, key, path="/reports")).status == 429


async def test_the_record_stands_in_the_scope_of_the_server(keys: ApiKeys) -> None:
    """Middleware around this one may read it, for a log; a request that needs no key leaves none there."""
    issued = keys.issue(owner="acme")
    app = ApiKeyMiddleware(shop, keys, scope=NO_SCOPE, exempt=["/health"], optional=["/catalogue"])
    good = connection(headers=[("X-API-Key", issued.plaintext)])
    without = [connection(path=path) for path in ("/health", "/catalogue", "/invoices")]
    for each in (good, *without):
        await sent(app, each)
    assert good["secretsource"] == issued.record
    assert not any("secretsource" in each for each in without)
