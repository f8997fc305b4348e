"""Forward-auth: a gateway learns whether a request may pass, and whose key it has."""

from __future__ import annotations

import json
import logging
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest
from tests.server.gate import CLIENT, GATEWAY, ROUTES, Answer, ask, service

from secretsource.exceptions import ConfigurationError, StoreError
from secretsource.issuing import NO_SCOPE
from secretsource.server.forward_auth import forward_auth
from secretsource.server.rights import ROOT_OWNER, ROOT_PREFIX
from secretsource.server.settings import Route
from secretsource.stores.memory import MemoryStore
from secretsource.testing import FakeClock

if TYPE_CHECKING:
    from secretsource.server.service import Service


def question(key: str | None, uri: str = "/orders/7", method: str = "GET", *more: tuple[str, str]) -> Any:
    """The headers of a gateway's question."""
    sent = [] if key is None else [("Authorization", f"Bearer {key}")]
    said = [("X-Forwarded-Method", method), ("X-Forwarded-Uri", uri), ("X-Forwarded-For", CLIENT)]
    return [*sent, *said, *more]


async def issued(made: Service, **request: Any) -> str:
    """A new key of acme that may read orders."""
    wanted: dict[str, Any] = {"owner": "acme", "scopes": ["orders:read"], **request}
    return (await made.keys.issue(**wanted)).plaintext


async def test_a_good_key_is_let_through_and_named() -> None:
    """The status is exactly 200, with the three headers, nothing to keep and no body."""
    made = service()
    key = await made.keys.issue(owner="acme", scopes=["orders:read", "b", "a:*"])
    answer = await ask(forward_auth(made), headers=question(key.plaintext))
    assert answer == Answer(
        200,
        {
            "x-key-id": key.record.key_id,
            "x-key-owner": "acme",
            "x-key-scopes": "a:* b orders:read",
            "vary": "Authorization, X-API-Key",
            "cache-control": "no-store",
            "content-length": "0",
        },
        b"",
    )
    assert (await ask(forward_auth(made), headers=question(key.plaintext))).status == 200, "and again from memory"


async def test_a_key_without_scopes_has_all_three_headers() -> None:
    """An empty one, too: a gateway leaves a client's own in place otherwise."""
    made = service(routes=(), default_scope=NO_SCOPE)
    answer = await ask(forward_auth(made), headers=question(await issued(made, scopes=[])))
    assert (answer.status, answer.headers["x-key-scopes"]) == (200, "")


@pytest.mark.parametrize(
    ("owner", "told"),
    [("acme inc.", "acme inc."), ("Müller & Söhne", "M%C3%BCller & S%C3%B6hne"), ("100%", "100%25"), ("a,b", "a,b")],
)
async def test_any_owner_fits_into_a_header(owner: str, told: str) -> None:
    """What is not ASCII is percent-encoded, and so is the sign itself."""
    made = service()
    assert (await ask(forward_auth(made), headers=question(await issued(made, owner=owner)))).headers[
        "x-key-owner"
    ] == told


async def test_very_many_scopes_are_told_as_far_as_the_route_needs_them() -> None:
    """A header of many kilobytes would be refused by gateways."""
    made = service(default_scope=NO_SCOPE)
    key = await issued(made, scopes=["orders:read", "orders:write", *(f"scope:{n:04}" for n in range(300))])
    for uri, method, told in (
        ("/orders/7", "GET", "orders:read"),
        ("/orders/7", "PUT", "orders:read orders:write"),
        ("/else", "GET", ""),
    ):
        answer = await ask(forward_auth(made), headers=question(key, uri, method))
        assert (answer.status, answer.headers["x-key-scopes"]) == (200, told)


async def test_refusals_are_those_of_http_with_their_code_beside() -> None:
    """Challenge, problem document and `Retry-After` as everywhere; gateways that drop bodies have the code."""
    made = service()
    app = forward_auth(made)
    weak, limited = await issued(made, scopes=["x"]), await issued(made, rate_limit="1/hour")
    await ask(app, headers=question(limited))
    for key, status, code, header in (
        (None, 401, "missing_key", 'Bearer realm="api"'),
        ("sk_live_nonsense", 401, "invalid_key", 'Bearer realm="api", error="invalid_token"'),
        (weak, 403, "insufficient_scope", 'Bearer realm="api", error="insufficient_scope", scope="orders:read"'),
        (limited, 429, "rate_limited", None),
    ):
        answer = await ask(app, headers=question(key))
        assert (answer.status, answer.problem["code"], answer.headers["x-key-code"]) == (status, code, code)
        assert answer.headers.get("www-authenticate") == header
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-type"] == "application/problem+json"
        assert not {"x-key-id", "x-key-owner", "x-key-scopes"} & answer.headers.keys()
    assert int((await ask(app, headers=question(limited))).headers["retry-after"]) > 3000


async def test_a_store_that_is_down_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the answer that asks to come again."""
    store = MemoryStore()
    key = await issued(service(store))

    def down(*_: object) -> None:
        raise StoreError("the store is down")

    monkeypatch.setattr(store, "get", down)
    answer = await ask(forward_auth(service(store)), headers=question(key))
    assert (answer.status, answer.headers["x-key-code"], answer.headers["retry-after"]) == (503, "unavailable", "5")


async def test_the_route_draws_its_cost() -> None:
    """Two writes of five each use up a limit of ten."""
    made = service()
    key = await issued(made, scopes=["orders:*"], rate_limit="10/hour")
    statuses = [(await ask(forward_auth(made), headers=question(key, method="PUT"))).status for _ in range(3)]
    assert statuses == [200, 200, 429]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("Authorization", "Bearer {0}"), ("X-API-Key", "{1}")], 400),
        ([("Authorization", "Bearer {0}"), ("Authorization", "Bearer {1}")], 400),
        ([("Authorization", "Bearer {0},Bearer {1}")], 400),
        ([("Authorization", "Bearer {0}"), ("Authorization", "Bearer nonsense")], 400),
        ([("X-API-Key", "{0}, nonsense")], 400),
        ([("X-API-Key", "{0}"), ("Authorization", "Basic dTpw")], 200),
        ([("X-API-Key", "{0}"), ("Authorization", "Bearer {0}")], 200),
    ],
)
async def test_two_credentials_are_refused(headers: list[tuple[str, str]], status: int) -> None:
    """Whoever joined them: the client, or a gateway on the way."""
    made = service()
    one, other = await issued(made), await issued(made)
    sent = [(name, value.format(one, other)) for name, value in headers]
    answer = await ask(forward_auth(made), headers=[*question(None), *sent])
    assert answer.status == status
    assert status == 200 or answer.headers["x-key-code"] == "ambiguous_key"


@pytest.mark.parametrize("peer", ["192.0.2.1", "::1", "unix", None])
async def test_nobody_but_a_trusted_gateway_is_answered(peer: str | None, caplog: pytest.LogCaptureFixture) -> None:
    """A client that asks the service itself could name any request; the log says it once."""
    made = service()
    key = await issued(made)
    app = forward_auth(made)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            answer = await ask(app, headers=question(key), peer=peer)
            assert (answer.status, answer.headers["x-key-code"]) == (403, "untrusted_gateway")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "trusted_proxies" in caplog.text
    assert key not in caplog.text


async def test_a_gateway_that_tells_no_request_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    """The sentence says which headers to send."""
    made = service(default_scope="orders:read")
    answer = await ask(forward_auth(made), headers=[("Authorization", f"Bearer {await issued(made)}")])
    assert (answer.status, answer.headers["x-key-code"]) == (400, "unknown_request")
    assert "X-Forwarded-Method" in caplog.text


async def test_the_path_of_the_question_may_name_the_request() -> None:
    """As Envoy has it: its own method, and the path behind that of the check; no query is believed."""
    made = service()
    headers = [("X-API-Key", await issued(made))]
    path = "/v1/forward-auth/orders/7"
    assert (await ask(forward_auth(made), path, headers)).status == 200
    assert (await ask(forward_auth(made), f"{path}?x-forwarded-uri=/admin/x&api_key=1", headers)).status == 200
    assert (await ask(forward_auth(made), path, headers, method="PUT")).status == 403
    assert (await ask(forward_auth(made), "/v1/forward-auth/orders/%2e%2e/admin/x", headers)).status == 400


@pytest.mark.parametrize("uri", ["/nowhere", "/orders/../admin/x", "/Admin/x"])
async def test_routes_are_shown_to_good_keys_only(uri: str) -> None:
    """Without a good key, each request is answered as any other; and nothing is drawn for one without a route."""
    made = service()
    key = await issued(made, rate_limit="1/hour")
    app = forward_auth(made)
    assert (await ask(app, headers=question(None, uri))).headers["x-key-code"] == "missing_key"
    assert (await ask(app, headers=question("sk_live_x", uri))).headers["x-key-code"] == "invalid_key"
    code = (await ask(app, headers=question(key, uri))).headers["x-key-code"]
    assert code in {"no_route", "ambiguous_path"}
    assert (await ask(app, headers=question(key))).status == 200


async def test_a_default_scope_takes_all_other_requests() -> None:
    """Also the one that every good key has."""
    for default, status in (("x", 403), ("orders:read", 200), (NO_SCOPE, 200)):
        made = service(default_scope=default)
        assert (await ask(forward_auth(made), headers=question(await issued(made), "/nowhere"))).status == status


@pytest.mark.parametrize(("preflight", "status"), [(True, 200), (False, 401)])
async def test_preflights_pass_by_choice(preflight: bool, status: int) -> None:
    """They have no key; the three headers are empty. An `OPTIONS` that is none needs a key."""
    made = service(preflight=preflight)
    asked = question(None, "/orders/7", "OPTIONS", ("Origin", "https://a.example"))
    answer = await ask(forward_auth(made), headers=[*asked, ("Access-Control-Request-Method", "PUT")])
    assert answer.status == status
    if preflight:
        assert [answer.headers[f"x-key-{name}"] for name in ("id", "owner", "scopes")] == ["", "", ""]
        assert answer.headers["cache-control"] == "no-store"
    assert (await ask(forward_auth(made), headers=asked)).status == 401


@pytest.mark.parametrize(
    ("uri", "wanted", "status"),
    [
        ("/paid/7", "POST", 200),
        ("/paid/7", "GET", 401),
        ("/paid/7", "post", 401),
        ("/paid/../admin", "POST", 401),
        ("/Paid/7", "POST", 401),
        ("/nowhere", "POST", 401),
    ],
)
async def test_a_preflight_needs_the_route_of_its_request(uri: str, wanted: str, status: int) -> None:
    """A table of routes has the methods of the application, and none for ``OPTIONS``; browsers ask by that."""
    made = service(routes=(Route("POST", "/paid/*", "orders:write"),))
    asked = question(None, uri, "OPTIONS", ("Access-Control-Request-Method", wanted))
    assert (await ask(forward_auth(made), headers=[*asked, ("Origin", "https://a.example")])).status == status
    assert (await ask(forward_auth(made), headers=asked)).status == 401
    key = await issued(made, scopes=["orders:write"])
    asked = question(key, uri, "OPTIONS", ("Access-Control-Request-Method", wanted))
    assert (await ask(forward_auth(made), headers=asked)).status in {400, 403}
    closed = service(routes=(Route("POST", "/paid/*", "orders:write"),), preflight=False)
    asked = question(None, uri, "OPTIONS", ("Access-Control-Request-Method", wanted), ("Origin", "https://a.example"))
    assert (await ask(forward_auth(closed), headers=asked)).status == 401


@pytest.mark.parametrize(
    ("passed", "status"),
    [
        (CLIENT, 200),
        (f"198.51.100.9, {CLIENT}", 200),
        (f"{CLIENT}, 10.1.1.1", 200),
        (f"{CLIENT}, 198.51.100.9", 401),
        ("", 401),
        ("unknown", 401),
        (None, 401),
    ],
)
async def test_the_address_is_the_last_that_no_gateway_of_ours_has(passed: str | None, status: int) -> None:
    """What a client writes before it is not believed; a gateway that tells none has no client in any network."""
    made = service()
    key = await issued(made, networks=["203.0.113.0/24", "10.0.0.0/8"])
    headers = [each for each in question(key) if each[0] != "X-Forwarded-For"]
    headers += [] if passed is None else [("X-Forwarded-For", passed)]
    assert (await ask(forward_auth(made), headers=headers)).status == status


@pytest.mark.parametrize("method", ["HEAD", "POST", "DELETE", "PROPFIND"])
async def test_the_question_may_have_any_method(method: str) -> None:
    """And no body is read."""
    made = service()
    assert (await ask(forward_auth(made), headers=question(await issued(made)), method=method)).status == 200


@pytest.mark.parametrize(
    ("request_", "kept"),
    [
        ({}, "max-age=2"),
        ({"expires_in": 3600}, "max-age=2"),
        ({"expires_in": 2.9}, "max-age=1"),
        ({"expires_in": 1.9}, "no-store"),
        ({"rate_limit": "100/minute"}, "no-store"),
        ({"quota": "100/month"}, "no-store"),
        ({"credits": 100}, "no-store"),
        ({"networks": ["203.0.113.0/24"]}, "no-store"),
    ],
)
async def test_a_gateway_may_keep_a_good_verdict(
    request_: dict[str, Any], kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a second less than the setting, or than what is left; never that of a key with limits or networks."""
    clock = FakeClock()
    monkeypatch.setattr("secretsource.server.forward_auth.time", lambda: clock.now().wall)
    made = service(forward_auth_cache=3.5, clock=clock)
    key = await issued(made, **request_)
    for _ in range(2):
        answer = await ask(forward_auth(made), headers=question(key))
        assert (answer.status, answer.headers["cache-control"]) == (200, kept)
        assert answer.headers["vary"] == "Authorization, X-API-Key"
    assert (await ask(forward_auth(service(clock=clock)), headers=question(None))).headers[
        "cache-control"
    ] == "no-store"


@pytest.mark.parametrize("limit", [{"rate_limit": "9/minute"}, {"quota": "9/month"}])
@pytest.mark.parametrize("of", ["owner", "plan"])
async def test_limits_of_an_owner_are_limits(limit: dict[str, Any], of: str) -> None:
    """A kept verdict would not count."""
    made = service(forward_auth_cache=2.0)
    none: dict[str, Any] = {}
    await made.keys.plans.put("free", **(limit if of == "plan" else none))
    await made.keys.owners.put("acme", plan="free", **(limit if of == "owner" else none))
    await made.keys.owners.put("other", plan="free" if of == "owner" else None)
    kept = [
        (await ask(forward_auth(made), headers=question(await issued(made, owner=owner)))).headers["cache-control"]
        for owner in ("acme", "other")
    ]
    assert kept == ["no-store", "max-age=1"]


@pytest.mark.parametrize("of", ["key", "owner"])
async def test_a_question_leaves_its_place_with_the_verdict(of: str) -> None:
    """The service never learns when the request ends: one at once bounds the questions, and locks no customer out."""
    made = service(clock=FakeClock())
    await made.keys.owners.put("acme", rate_limit="1 at once" if of == "owner" else None)
    key = await made.keys.issue(
        owner="acme", scopes=["orders:read"], rate_limit="1 at once for 24 hours" if of == "key" else None
    )
    for _ in range(3):
        answer = await ask(forward_auth(made), headers=question(key.plaintext))
        assert (answer.status, answer.headers["ratelimit"][-4:]) == (200, ";r=0")
    held = await made.keys.check(key.plaintext, scope="orders:read")
    refused = await ask(forward_auth(made), headers=question(key.plaintext))
    assert (refused.status, refused.headers["x-key-code"]) == (429, "too_many_at_once")
    assert await made.keys.release(held)
    assert (await ask(forward_auth(made), headers=question(key.plaintext))).status == 200


async def test_credits_of_an_owner_are_a_limit() -> None:
    """A verdict that a gateway keeps would spend none of them."""
    made = service(forward_auth_cache=2.0)
    await made.keys.owners.put("acme", credits=9)
    answer = await ask(forward_auth(made), headers=question(await issued(made)))
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")


async def test_refusals_are_never_kept() -> None:
    """A key that is made, widened or freed a moment later works at once."""
    made = service(forward_auth_cache=2.0)
    for key in (None, "sk_live_x", await issued(made, scopes=["x"])):
        assert (await ask(forward_auth(made), headers=question(key))).headers["cache-control"] == "no-store"


async def test_a_rotating_key_hears_of_its_end() -> None:
    """And is kept for no longer than it lives."""
    made = service(forward_auth_cache=300.0)
    key = await made.keys.issue(owner="acme", scopes=["orders:read"])
    await made.keys.rotate(key.record.key_id, overlap=60)
    headers = (await ask(forward_auth(made), headers=question(key.plaintext))).headers
    assert {"deprecation", "sunset"} <= headers.keys()
    assert 50 <= int(headers["cache-control"].removeprefix("max-age=")) < 60


async def test_limits_are_told() -> None:
    """As the application would tell them."""
    made = service()
    headers = (await ask(forward_auth(made), headers=question(await issued(made, rate_limit="2/minute")))).headers
    assert headers["ratelimit-policy"] == '"minute";q=2;w=60'
    assert headers["ratelimit"] == '"minute";r=1;t=30'


async def test_a_root_key_opens_no_route() -> None:
    """It manages keys, and nothing else."""
    made = service(default_scope=NO_SCOPE)
    root = await made.keys.issue(owner=ROOT_OWNER, prefix=ROOT_PREFIX, scopes=["keys:verify"])
    for _ in range(2):
        assert (await ask(forward_auth(made), headers=question(root.plaintext))).status == 401


def test_a_route_that_cannot_be_used_stops_the_service() -> None:
    """Before the first question."""
    with pytest.raises(ConfigurationError, match="the path of route 4"):
        forward_auth(service(routes=(*ROUTES, Route("*", "/a b", "x"))))


async def test_no_part_of_a_question_is_in_an_answer() -> None:
    """Neither the key nor the path."""
    made = service(trusted_proxies=(ip_network("10.0.0.0/8"),))
    for sent in (question("sk_live_canary", "/canary"), question(await issued(made), "/canary//x")):
        answer = await ask(forward_auth(made), headers=sent, peer=GATEWAY)
        assert "canary" not in json.dumps(answer.headers) + answer.body.decode()
