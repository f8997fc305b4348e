"""The management API: what it answers, and that it agrees with the library."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.exceptions import ConfigurationError, StoreError
from secretsource.issuing import NO_SCOPE
from secretsource.issuing.documents import read_issued, read_record, recent_use_document, record_document
from secretsource.server.api.fields import next_of

if TYPE_CHECKING:
    from tests.server.conftest import World

WHOLE = {
    "owner": "acme", "prefix": "acme", "environment": "test", "scopes": ["invoices:read", "orders:*"],
    "expires_at": "2100-01-01T00:00:00Z", "not_before": "2020-01-01T00:00:00+02:00", "rate_limit": "5/minute",
    "quota": "9/day", "networks": ["10.0.0.0/8"], "name": "billing", "metadata": {"tier": 2},
}  # fmt: skip


async def test_a_key_is_issued_and_its_text_is_shown_once(world: World) -> None:
    """The answer is the document of the command line; no later answer has the text."""
    answer = await world.root("POST", "/v1/keys", WHOLE)
    assert (answer.status, answer.headers["etag"], answer.headers["cache-control"]) == (201, '"1"', "no-store")
    issued = read_issued(answer.json)
    assert await world.keys.check(issued.plaintext, scope="orders:write", ip="10.1.1.1")
    shown = await world.root("GET", f"/v1/keys/{issued.record.key_id}")
    record = await world.keys.get(issued.record.key_id)
    assert shown.json == record_document(record, time.time()) == {name: answer.json[name] for name in shown.json}
    assert {name: shown.json[name] for name in WHOLE} == {**WHOLE, "not_before": "2019-12-31T22:00:00Z"}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"owner": ""}, "/owner"),
        ({"owner": ":root"}, "/owner"),
        ({"owner": " :root "}, "/owner"),
        ({"owner": 5}, "/owner"),
        ({"owner": "a\u202eb"}, "/owner"),
        ({"prefix": "root"}, "/prefix"),
        ({"prefix": "9"}, "/prefix"),
        ({"environment": "LIVE"}, "/environment"),
        ({"scopes": "a:b"}, "/scopes"),
        ({"scopes": ["a:b", "a b"]}, "/scopes/1"),
        ({"scopes": ["*"]}, "/scopes/0"),
        ({"expires_in": 0}, "/expires_in"),
        ({"expires_in": "60"}, "/expires_in"),
        ({"expires_at": 4e9}, "/expires_at"),
        ({"expires_at": "2100-01-01"}, "/expires_at"),
        ({"rate_limit": "often"}, "/rate_limit"),
        ({"quota": "5/second"}, "/quota"),
        ({"networks": ["10.0.0.1/8"]}, "/networks"),
        ({"metadata": []}, "/metadata"),
        ({"name": "n" * 256}, "/name"),
        ({"a/b~": 1}, "/a~1b~0"),
    ],
)
async def test_a_wrong_field_is_told_with_its_pointer(world: World, change: dict[str, Any], pointer: str) -> None:
    """422, a JSON pointer, and not the value."""
    answer = await world.root("POST", "/v1/keys", {"owner": "acme", **change})
    assert (answer.status, answer.json["code"], answer.json["pointer"]) == (422, "invalid_request", pointer)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["request_id"] == answer.headers["x-request-id"]
    assert (await world.keys.list(prefix="sk")).records == []


@pytest.mark.parametrize(
    ("change", "status", "code", "pointer"),
    [
        ({}, 422, "invalid_request", "/owner"),
        ({"owner": "acme", "expires_in": 5, "expires_at": "2100-01-01T00:00:00Z"}, 400, "invalid_request", None),
        ({"owner": "acme", "expires_at": "2000-01-01T00:00:00Z"}, 400, "invalid_request", "/expires_at"),
        ({"owner": "acme", "metadata": {"a": "b" * 5000}}, 400, "invalid_request", "/metadata"),
        ({"owner": "acme", "environment": "prod"}, 409, "plan_exceeded", "/environment"),
    ],
)
async def test_the_library_has_the_last_word(
    world: World, change: dict[str, Any], status: int, code: str, pointer: str | None
) -> None:
    """What only the whole request, or the plan, shows to be wrong."""
    await world.keys.plans.put("basic", environments=["live"])
    await world.keys.owners.put("acme", plan="basic")
    answer = await world.root("POST", "/v1/keys", change)
    assert (answer.status, answer.json["code"], answer.json.get("pointer")) == (status, code, pointer)


@pytest.mark.parametrize(
    ("body", "media_type", "status", "code"),
    [
        (b"{", "application/json", 400, "malformed_body"),
        (b"[" * 60_000, "application/json", 400, "malformed_body"),
        (b"\xff\xfe", "application/json", 400, "malformed_body"),
        (b'{"owner": "\\ud800"}', "application/json", 422, "invalid_request"),
        (b'{"owner": "acme", "expires_in": NaN}', "application/json", 422, "invalid_request"),
        (b'{"owner": "acme", "expires_in": 1e400}', "application/json", 422, "invalid_request"),
        (b"[]", "application/json", 422, "invalid_request"),
        (b"", "application/json", 422, "invalid_request"),
        (b"owner=acme", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b'{"owner": "acme"}', "text/plain", 415, "unsupported_media_type"),
        (b'{"owner": "acme"}', "application/json; charset=utf-8", 201, None),
    ],
)
async def test_a_body_is_json(world: World, body: bytes, media_type: str, status: int, code: str | None) -> None:
    """A browser cannot send it from another page without asking first; what is no JSON is refused."""
    answer = await world.root("POST", "/v1/keys", body=body, content_type=media_type)
    assert (answer.status, answer.json.get("code")) == (status, code)


async def test_a_body_is_decoded_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the reader that refuses a field twice; the framework's own reader has no part in it."""

    def refused(_: object) -> object:
        raise AssertionError("the framework decoded the body")

    monkeypatch.setattr("starlette.requests.json", SimpleNamespace(loads=refused))
    answer = await world.root("POST", "/v1/keys", body=b'{"owner": "acme"}', content_type="application/json")
    assert (answer.status, answer.json["owner"]) == (201, "acme")


async def test_keys_are_listed_page_by_page(world: World) -> None:
    """With every filter; root keys are no keys of customers."""
    made = [(await world.customer_key(owner, prefix="acme")).record.key_id for owner in ("acme", "ajax", "acme")]
    await world.keys.disable(made[1])
    first = (await world.root("GET", "/v1/keys?limit=2")).json
    rest = (await world.root("GET", f"/v1/keys?limit=2&cursor={first['next']}")).json
    assert [key["key_id"] for key in first["keys"] + rest["keys"]] == made
    for query, found in {
        "owner=acme": [0, 2], "owner=nobody": [], "status=disabled": [1], "prefix=acme&owner=ajax": [1],
        "prefix=root": [], "environment=test": [], "unused_for=3600": [], "expiring_within=60&owner=acme": [],
    }.items():  # fmt: skip
        listed = (await world.root("GET", f"/v1/keys?{query}")).json
        assert [key["key_id"] for key in listed["keys"]] == [made[place] for place in found], query


@pytest.mark.parametrize(
    ("query", "status", "parameter"),
    [
        ("limit=0", 422, "limit"),
        ("status=lost", 422, "status"),
        ("ownr=acme", 422, "ownr"),
        ("cursor=made-up", 400, None),
        ("unused_for=5&prefix=acme", 400, None),
        ("unused_for=5&expiring_within=5", 400, None),
    ],
)
async def test_a_wrong_filter_is_refused(world: World, query: str, status: int, parameter: str | None) -> None:
    """A mistyped one would list every key."""
    answer = await world.root("GET", f"/v1/keys?{query}")
    assert (answer.status, answer.json["code"], answer.json.get("parameter")) == (status, "invalid_request", parameter)


async def test_a_key_changes_only_as_it_was_read(world: World) -> None:
    """`If-Match` with an older revision is 412; `*` and no header change any."""
    key = (await world.customer_key()).record
    path = f"/v1/keys/{key.key_id}"
    for revision, if_match in ((2, '"1"'), (3, "*")):
        answer = await world.root("PATCH", path, {"name": f"name {revision}"}, if_match=if_match)
        assert (answer.status, answer.headers["etag"]) == (200, f'"{revision}"')
    refused = await world.root("PATCH", path, {"scopes": None}, if_match='"1"')
    assert (refused.status, refused.json["code"]) == (412, "conflict")
    cleared = await world.root("PATCH", path, {"scopes": None, "reason": "leaked"})
    assert (cleared.json["scopes"], cleared.json["name"]) == ([], "name 3")
    assert (await world.keys.events(key.key_id))[-1].reason == "leaked"
    malformed = await world.root("PATCH", path, {}, if_match="1")
    assert (malformed.status, malformed.json["header"]) == (422, "if-match")


async def test_the_life_of_a_key(world: World) -> None:
    """Disable, enable, rotate, extend, look, finish and revoke, each with its reason."""
    key = await world.customer_key()
    path = f"/v1/keys/{key.record.key_id}"

    async def do(verb: str, body: object = None) -> Any:
        answer = await world.root("POST", f"{path}:{verb}", body)
        assert answer.status in (200, 201), answer.body
        return answer.json

    assert (await do("disable", {"reason": "quiet"}))["status_reason"] == "quiet"
    assert (await do("enable"))["status"] == "active"
    new = await do("rotate", {"overlap": 60, "expires_in": 3600, "reason": "planned"})
    assert (new["rotated"]["key_id"], new["rotated"]["status"]) == (key.record.key_id, "rotating")
    assert await world.keys.check(new["key"], scope="invoices:read")
    again = await world.root("POST", f"{path}:rotate", {"overlap": 60})
    assert (again.status, again.json["key"], again.json["key_id"]) == (200, None, new["key_id"])
    await world.keys.check(key.plaintext, scope="invoices:read", ip="192.0.2.4", agent="old/1")
    longer = await do("extend", {"overlap": 7200, "reason": "a slow program"})
    assert (longer["status"], longer["overlap_ends_at"] > new["rotated"]["overlap_ends_at"]) == ("rotating", True)
    shorter = await world.root("POST", f"{path}:extend", {"overlap": 60})
    assert (shorter.status, shorter.json["code"]) == (409, "invalid_transition")
    for wrong in ({}, {"overlap": 0}, {"overlap": "60"}):
        assert (await world.root("POST", f"{path}:extend", wrong)).json["pointer"] == "/overlap"
    status = (await world.root("GET", f"{path}/rotation")).json
    assert (status["old_key_used"], [*status["usage"]["agents"]]) == (True, ["old/1"])
    refused = await world.root("POST", f"{path}:finish", {"quiet_for": 3600})
    assert (refused.status, refused.json["code"]) == (409, "invalid_transition")
    assert (await do("finish"))["status"] == "revoked"
    revoked = await world.root("POST", f"/v1/keys/{new['key_id']}:revoke", {"family": True, "reason": "over"})
    assert revoked.json["status_reason"] == "over"
    events = (await world.root("GET", f"{path}/events?limit=3")).json
    more = (await world.root("GET", f"{path}/events?after={events['next']}")).json
    kinds = [event["kind"] for event in events["events"] + more["events"]]
    assert kinds == ["issued", "disabled", "enabled", "rotated", "updated", "rotation_finished"]
    assert more["next"] is None


async def test_a_key_says_who_uses_it(world: World) -> None:
    """The document is that of the command; a caller that is bound to another owner is told of no such key."""
    key = await world.customer_key()
    for ip, agent in (("192.0.2.4", "billing/1"), ("192.0.2.5", "nightly/2")):
        await world.keys.check(key.plaintext, scope="invoices:read", ip=ip, agent=agent)
    path = f"/v1/keys/{key.record.key_id}/recent-use"
    answer = await world.root("GET", path)
    assert answer.json == recent_use_document(await world.keys.recent_use(key.record.key_id))
    assert (answer.json["accepted"], [*answer.json["networks"]]) == (2, ["192.0.2.4", "192.0.2.5"])
    assert [*answer.json["agents"]] == ["billing/1", "nightly/2"]
    assert (await world.root("GET", f"/v1/keys/{'0' * 22}/recent-use")).status == 404
    stranger = await world.root_key("keys:read", metadata={"owner": "globex"})
    assert (await world.root.by(stranger)("GET", path)).status == 404


async def test_a_repeated_request_makes_one_key(world: World) -> None:
    """The second answer has the record and no text; another body, or another path, is refused."""
    token: dict[str, Any] = {"idempotency_key": "7d9f"}
    first = await world.root("POST", "/v1/keys", {"owner": "acme"}, **token)
    again = await world.root("POST", "/v1/keys", {"owner": "acme"}, **token)
    assert (first.status, again.status, again.json["key"]) == (201, 200, None)
    assert again.json["key_id"] == first.json["key_id"]
    assert "the answer to the first request held its text" in again.json["warnings"][0]
    other = await world.root("POST", "/v1/keys", {"owner": "ajax"}, **token)
    assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")
    path = f"/v1/keys/{first.json['key_id']}:rotate"
    assert (await world.root("POST", path, {"overlap": 60}, **token)).status == 422
    rotated = await world.root("POST", path, {"overlap": 60}, idempotency_key="8e")
    await world.keys.revoke(first.json["key_id"])
    repeated = await world.root("POST", path, {"overlap": 60}, idempotency_key="8e")
    assert (repeated.status, repeated.json["key"], repeated.json["key_id"]) == (200, None, rotated.json["key_id"])
    root = {"scopes": ["keys:read"]}
    made = [await world.root("POST", "/v1/root-keys", root, idempotency_key="9f") for _ in range(2)]
    assert [each.status for each in made] == [201, 200]
    blank = await world.root("POST", "/v1/keys", {"owner": "acme"}, idempotency_key="a b")
    assert (blank.status, blank.json["header"]) == (422, "Idempotency-Key")


async def test_a_key_opens_its_own_end(world: World) -> None:
    """Whoever shows it may end it; a text that is no key of ours, or none, is refused as everywhere."""
    key = await world.customer_key()
    bare = world.root.by(None)
    assert (await bare("POST", "/v1/keys:surrender")).json["code"] == "missing_key"
    two = await world.root.by(key.plaintext)("POST", "/v1/keys:surrender", x_api_key=world.root.key or "")
    assert (two.status, two.json["code"]) == (400, "ambiguous_key")
    unknown = await bare.by("acme_live_" + "0" * 63)("POST", "/v1/keys:surrender")
    assert (unknown.status, unknown.headers["www-authenticate"]) == (401, 'Bearer error="invalid_key"')
    done = await bare.by(key.plaintext)("POST", "/v1/keys:surrender", {"reason": "in a public repository"})
    assert (done.json["status"], done.json["status_reason"]) == ("revoked", "in a public repository")
    other = await world.customer_key()
    plain = await bare.by(other.plaintext)("POST", "/v1/keys:surrender")
    assert plain.json["status_reason"] == "surrendered"


async def test_a_key_rotates_itself(world: World) -> None:
    """With the scope for it, from its networks, and once; every other key is refused."""
    able = await world.customer_key(scopes=["keys:rotate-self"], networks=["192.0.2.0/24"])
    other = await world.customer_key()
    client = world.root.by(able.plaintext)
    first = await client("POST", "/v1/keys:rotateSelf", {"overlap": 60})
    again = await client("POST", "/v1/keys:rotateSelf", {"overlap": 60})
    assert (first.status, again.status, again.json["key"]) == (201, 200, None)
    assert (await world.keys.events(able.record.key_id))[-1].actor == "the key itself"
    refused = await world.root.by(other.plaintext)("POST", "/v1/keys:rotateSelf", {"overlap": 60})
    assert (refused.status, refused.json["scope"]) == (403, "keys:rotate-self")
    for text in (None, world.root.key):
        assert (await client.by(text)("POST", "/v1/keys:rotateSelf", {"overlap": 60})).status == 401
    both = await client("POST", "/v1/keys:rotateSelf", {"overlap": 60}, x_api_key=other.plaintext)
    assert both.status == 400


async def test_owners_and_plans(world: World) -> None:
    """PUT replaces, PATCH changes, DELETE forgets, and a suspended owner's keys are refused."""
    assert (await world.root("PUT", "/v1/plans/pro", {"max_keys": 2, "scopes": ["a:*"]})).json["max_keys"] == 2
    assert (await world.root("PATCH", "/v1/plans/pro", {"rate_limit": "9/minute"})).json["scopes"] == ["a:*"]
    assert (await world.root("PUT", "/v1/plans/pro", {"quota": "9/day"})).json["rate_limit"] is None
    assert [each["plan"] for each in (await world.root("GET", "/v1/plans")).json["plans"]] == ["pro"]
    owner = "/v1/owners/a%2Fb%3Asuspend"
    assert (await world.root("PUT", owner, {"name": "A", "plan": "pro"})).json["owner"] == "a/b:suspend"
    assert (await world.root("PATCH", owner, {"name": "B"})).json["plan"] == "pro"
    assert (await world.root("PUT", owner, {"name": "C"})).json["plan"] is None
    missing = await world.root("PUT", owner, {"plan": "none"})
    assert (missing.status, missing.json["code"]) == (404, "plan_not_found")
    assert (await world.root("PATCH", "/v1/owners/nobody", {})).json["code"] == "owner_not_found"
    assert (await world.root("PATCH", "/v1/plans/none", {})).json["code"] == "plan_not_found"
    assert (await world.root("GET", "/v1/plans/%01")).json["code"] == "plan_not_found"
    assert (await world.root("GET", "/v1/owners/%FF")).json["code"] == "malformed_request"
    assert (await world.root("GET", "/v1/owners/a%0Ab")).json["code"] == "owner_not_found"
    key = await world.customer_key("a/b:suspend")
    assert (await world.root("POST", f"{owner}:suspend", {"reason": "unpaid"})).json["status_reason"] == "unpaid"
    assert not await world.keys.check(key.plaintext, scope=NO_SCOPE)
    assert (await world.root("POST", f"{owner}:resume")).json["status"] == "active"
    revoked = (await world.root("POST", f"{owner}:revokeKeys", {"reason": "over"})).json
    assert [each["key_id"] for each in revoked["keys"]] == [key.record.key_id]
    await world.keys.owners.put("second", plan="pro")
    page = (await world.root("GET", "/v1/owners?limit=1")).json
    rest = (await world.root("GET", f"/v1/owners?plan=pro&cursor={page['next']}")).json
    assert [each["owner"] for each in (*page["owners"], *rest["owners"])] == ["a/b:suspend", "second"]
    assert (await world.root("DELETE", owner)).json["owner"] == "a/b:suspend"
    assert (await world.root("DELETE", "/v1/plans/pro")).json["code"] == "invalid_request"
    bound = world.root.by(await world.root_key("owners:*", metadata={"owner": "second"}))
    queries = {"": 1, "?plan=pro": 1, "?plan=x": 0, f"?cursor={next_of('second')}": 0, f"?cursor={page['next']}": 1}
    for query, found in queries.items():
        assert len((await bound("GET", f"/v1/owners{query}")).json["owners"]) == found, query


async def test_history_and_usage(world: World) -> None:
    """One feed with positions, and counts by key and outcome; a bound root key sees its own."""
    key = await world.customer_key()
    await world.customer_key("ajax")
    await world.keys.check(key.plaintext, scope="invoices:read")
    await world.keys.check(key.plaintext, scope="invoices:write")
    events = (await world.root("GET", "/v1/events?kind=issued&owner=acme")).json
    assert [event["id"] for event in events["events"]] == [key.record.key_id]
    assert (await world.root("GET", f"/v1/events?after={10**6}")).json == {"events": [], "next": 10**6}
    usage = (await world.root("GET", f"/v1/keys/{key.record.key_id}/usage?by=day")).json["usage"]
    assert {count["outcome"]: count["requests"] for count in usage} == {"accepted": 1, "insufficient_scope": 1}
    assert (await world.root("GET", "/v1/usage?owner=acme&by=minute&since=0&until=1")).json["usage"] == []
    bound = world.root.by(await world.root_key("events:read", "usage:read", metadata={"owner": "ajax"}))
    assert {event["owner"] for event in (await bound("GET", "/v1/events")).json["events"]} == {"ajax"}
    assert (await bound("GET", "/v1/events?owner=acme&after=3")).json == {"events": [], "next": 3}
    assert (await bound("GET", "/v1/usage")).json["usage"] == []
    assert (await bound("GET", "/v1/usage?owner=acme")).json["code"] == "owner_not_found"
    assert (await bound("GET", "/v1/usage?plan=pro")).json["code"] == "plan_not_found"


async def test_a_bound_root_key_issues_for_its_customer_alone(world: World) -> None:
    """The owner may be left out; another one looks as if it were not there."""
    bound = world.root.by(await world.root_key("keys:*", metadata={"owner": "acme"}))
    assert (await bound("POST", "/v1/keys", {})).json["owner"] == "acme"
    refused = await bound("POST", "/v1/keys", {"owner": "ajax"})
    assert (refused.status, refused.json["code"]) == (404, "owner_not_found")
    assert [key["owner"] for key in (await bound("GET", "/v1/keys")).json["keys"]] == ["acme"]
    assert (await bound("GET", "/v1/keys?owner=ajax")).json == {"keys": [], "next": None}


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (StoreError("the store at db.internal is down"), 503, "unavailable"),
        (ConfigurationError("a MemoryStore canary"), 500, "misconfigured"),
        (RuntimeError("canary"), 500, "internal_error"),
    ],
)
async def test_a_failure_is_answered_and_not_shown(
    world: World, error: Exception, status: int, code: str, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """A store that is down may be asked later; a defect has a number, by which the log has its place."""

    async def fails(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(type(world.keys), "history", fails)
    answer = await world.root("GET", "/v1/events")
    assert (answer.status, answer.json["code"]) == (status, code)
    assert b"canary" not in answer.body
    assert ("retry-after" in answer.headers) is (status == 503)
    assert "canary" not in caplog.text
    if code == "internal_error":
        assert f"request {answer.json['request_id']} failed: RuntimeError in test_keys_api.py:" in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/keys", "GET, POST"),
        ("DELETE", f"/v1/keys/{'0' * 22}", "GET, PATCH"),
        ("GET", f"/v1/keys/{'0' * 22}:rotate", "POST"),
        ("POST", "/v1/owners/acme", "DELETE, GET, PATCH, PUT"),
        ("GET", "/v1/owners/acme:suspend", "POST"),
        ("TRACE", "/v1/usage", "GET"),
        ("OPTIONS", "/v1/keys:surrender", "POST"),
        ("POST", "/readyz", "GET, HEAD"),
    ],
)
async def test_a_wrong_method_is_told_all_right_ones(world: World, method: str, path: str, allowed: str) -> None:
    """`Allow` has the methods of every route of the path (RFC 9110, section 15.5.6)."""
    answer = await world.root(method, path)
    assert (answer.status, answer.headers["allow"], answer.json["code"]) == (405, allowed, "method_not_allowed")


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/keys/", "/v1/keys/short", "/v1/keys/%2e%2e", "/v2/keys", "//v1/keys"]
)
async def test_an_unknown_path_is_a_problem(world: World, path: str) -> None:
    """404 in the form of every other refusal."""
    answer = await world.root("GET", path)
    assert (answer.status, answer.json["code"]) == (404, "not_found")


async def test_what_is_read_is_what_the_library_reads(world: World) -> None:
    """A client in Python can read the answers with the functions of the library."""
    key = (await world.customer_key(metadata={"a": [1, {"b": None}]})).record
    answer = await world.root("GET", f"/v1/keys/{key.key_id}")
    assert read_record(json.loads(answer.body)).metadata == key.metadata
