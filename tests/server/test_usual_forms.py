"""The usual form of a question and every other one: two ways through the same endpoint, with the same answers."""

from __future__ import annotations

import asyncio
import json
import random
import re
from dataclasses import replace
from hashlib import sha256
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest
from starlette.responses import JSONResponse
from tests.server.asgi_client import Client
from tests.server.gate import CLIENT, GATEWAY, PEPPER, ask, service

from secretsource.issuing import AsyncApiKeys
from secretsource.server.api.managed import AT_ONCE, listed
from secretsource.server.connections.heads import ABSENT, FIRST_LINE, LARGEST_HEADERS, PLACES, HeadersTooLarge, Heads
from secretsource.server.forward_auth import forward_auth
from secretsource.server.front import uncounted
from secretsource.server.questions import read_plain_question
from secretsource.server.rights import BOUND, ROOT_OWNER, ROOT_PREFIX
from secretsource.server.root_keys import RootKeys
from secretsource.server.settings import Route
from secretsource.server.verify import verify
from secretsource.stores.memory import AsyncMemoryStore

if TYPE_CHECKING:
    from tests.server.conftest import World
    from tests.server.gate import Answer

    from secretsource.server.service import Service

QUESTIONS = 600
USUAL = (b"host", b"authorization", b"accept")


async def keys_of(made: Service, *scopes: str) -> dict[str, str]:
    """Keys of each kind, by what becomes of them; each was checked before, so that memory knows it."""
    asked: dict[str, dict[str, Any]] = {
        "good": {},
        "other": {"scopes": ["other"]},
        "of one network": {"networks": ["203.0.113.0/24"]},
        "limited": {"rate_limit": "1000000/day"},
        "one at once": {"rate_limit": "1 at once for 24 hours"},
        "ended": {},
    }
    usual: dict[str, Any] = {"owner": "acme", "scopes": scopes}
    made_of = {name: await made.keys.issue(**{**usual, **more}) for name, more in asked.items()}
    for issued in made_of.values():
        verdict = await made.keys.check(issued.plaintext, scope="x", ip=CLIENT)
        await made.keys.release(verdict)
    await made.keys.revoke(made_of["ended"].record.key_id)
    return {"unknown": "sk_live_nonsense", **{name: issued.plaintext for name, issued in made_of.items()}}


@pytest.fixture
def never_usual(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A world in which no form is usual, until it is undone."""
    monkeypatch.setattr(Heads, "_form", lambda *_: (None, 0, None))
    return monkeypatch


def question(draw: random.Random, keys: dict[str, str]) -> dict[str, Any]:
    """A question of a gateway, usual in most of its parts."""
    kind = draw.choice(list(keys))
    rarely = lambda usual, *others: draw.choice(others) if draw.random() < 0.15 else usual  # noqa: E731
    uri = rarely("/orders/7?page=2", "/else", "/admin/7", "/orders/..", "", "/orders/%37")
    method = rarely("GET", "OPTIONS", "PUT", "", "get")
    way = rarely("X-Forwarded", "X-Original")
    headers = [("Host", "api.example"), (f"{way}-Method", method), (f"{way}-Uri", uri)]
    passed = rarely(CLIENT, "", "203.0.113.9, 10.0.0.2", "198.51.100.1", "nonsense")
    headers += [("X-Forwarded-For", passed)] if passed else []
    key, far = keys[kind], " " * 5000
    value = rarely(f"Bearer {key}", f"Basic {key}", f"Bearer {key},Bearer b", "", f"Bearer {far}{key}")
    headers += [("Authorization", value)] if draw.random() < 0.9 else [("X-API-Key", keys[kind])]
    more = rarely(
        None, ("Authorization", "Bearer other"), ("X-API-Key", keys["good"]), ("X-Original-URI", "/orders/7"),
        ("X_HTTP_Method_Override", "DELETE"), ("Origin", "https://a.example"), ("Cookie", "x" * LARGEST_HEADERS),
        (f"{way}-Uri", "/admin/7"), ("x" * LARGEST_HEADERS, "y"),
    )  # fmt: skip
    headers += [more] if more else []
    if method == "OPTIONS" and draw.random() < 0.7:
        headers += [("Origin", "https://a.example"), ("Access-Control-Request-Method", "GET")]
    draw.shuffle(headers)
    query = "/v1/forward-auth?" + "x" * LARGEST_HEADERS
    path = rarely("/v1/forward-auth", "/v1/forward-auth/orders/7", "/v1/%66orward-auth", query)
    return {"headers": headers, "path": path, "peer": rarely(GATEWAY, None, "198.51.100.7")}


def told(answer: Answer) -> tuple[Any, ...]:
    """The parts of an answer that are the same each time."""
    varying = {"ratelimit", "x-request-id", "content-length"}
    left = {name: value for name, value in answer.headers.items() if name not in varying}
    body = json.loads(answer.body) if answer.body else {}
    body["record"] = (body.get("record") or {}).get("key_id")  # which also has the last use
    return answer.status, left, {name: value for name, value in body.items() if name not in {"request_id", "limits"}}


@pytest.mark.parametrize("seed", range(3))
async def test_a_question_of_a_gateway_has_one_answer(seed: int, never_usual: pytest.MonkeyPatch) -> None:
    """Whatever its form, and each accepted one is counted once."""
    draw, made = random.Random(seed), service(preflight=bool(seed))
    keys = await keys_of(made, "orders:read", "orders:write")
    long_way = forward_auth(made)
    never_usual.undo()
    usual = forward_auth(made)
    asked = [question(draw, keys) for _ in range(QUESTIONS)]
    begun = await accepted(made)
    answers = await asyncio.gather(*(ask(usual, **each) for each in asked))
    between = await accepted(made)
    others = await asyncio.gather(*(ask(long_way, **each) for each in asked))
    for each, one, other in zip(asked, answers, others, strict=True):
        assert told(one) == told(other), each
    assert between - begun == await accepted(made) - between
    assert QUESTIONS / 4 < sum(answer.status == 200 for answer in answers) < QUESTIONS


async def accepted(made: Service) -> int:
    """Accepted checks so far."""
    return sum(count.requests for count in await made.keys.usage(since=0) if count.outcome == "accepted")


def bodies(draw: random.Random, key: str) -> bytes:
    """A body of a question, which is usual more often than not."""
    plain: dict[str, Any] = {"key": key, "scope": "orders:read", "ip": CLIENT}
    fields = list(plain.items())
    draw.shuffle(fields)
    usual = json.dumps(dict(fields)).encode()
    if draw.random() < 0.6:
        return draw.choice(
            [usual, json.dumps({**plain, "ip": None}).encode(), json.dumps(fields[:0] or plain).encode()]
        )
    unusual: list[dict[str, Any]] = [
        {"key": 7}, {"key": None}, {"key": [key]}, {"key": key + "é"}, {"key": f" {key}"}, {"scope": None},
        {"scope": ["orders:read"]}, {"scope": []}, {"scope": ""}, {"scope": {"a": "b"}}, {"scope": "orders:*"},
        {"ip": 7}, {"ip": ["x"]}, {"ip": "198.51.100.1"}, {"cost": 2}, {"cost": -1}, {"fresh": True},
        {"prefix": "acme"}, {"agent": "curl"}, {"more": 1},
    ]  # fmt: skip
    return draw.choice([
        json.dumps(fields).encode(),
        b" " + usual,
        usual + b"\n",
        usual + b"x",
        usual[:-1] + b', "key": "other"}',
        usual[:-1] + b', "": "other"}',
        usual[:-1],
        b"",
        b"[" * 40_000,
        b'{"key": "\\ud800", "scope": "orders:read"}',
        b"\xff" + usual,
        *(json.dumps({**plain, **more}).encode() for more in unusual),
        json.dumps({"scope": "orders:read"}).encode(),
        json.dumps({"key": key}).encode(),
    ])  # fmt: skip


async def roots(made: Service) -> dict[str, str]:
    """Root keys of each kind, which memory knows."""
    asked: dict[str, dict[str, Any]] = {
        "good": {},
        "weak": {"scopes": ["keys:read"]},
        "bound": {"metadata": {BOUND: "acme"}},
        "bound to another": {"metadata": {BOUND: "other"}},
        "limited": {"rate_limit": "1000000/day"},
        "one at once": {"rate_limit": "1 at once for 24 hours"},
        "of one network": {"networks": ["203.0.113.0/24"]},
    }
    found = {"unknown": "root_live_nonsense"}
    for name, more in asked.items():
        fields: dict[str, Any] = {"owner": ROOT_OWNER, "prefix": ROOT_PREFIX, "scopes": ["keys:verify"], **more}
        found[name] = (await made.keys.issue(**fields)).plaintext
    return found


@pytest.mark.parametrize("seed", range(3))
async def test_a_question_of_a_service_has_one_answer(seed: int, never_usual: pytest.MonkeyPatch) -> None:
    """Whatever the form of its headers and of its body, and each accepted key is counted once."""
    draw, made = random.Random(seed), service(trusted_proxies=(ip_network("10.0.0.0/8"),) if seed else ())
    api_keys = AsyncApiKeys(AsyncMemoryStore(), peppers=[PEPPER], note_clients=seed != 1)
    made = replace(made, keys=api_keys, root=RootKeys(api_keys, refuse_after=0))
    keys, known = await keys_of(made, "orders:read"), await roots(made)
    long_way = verify(made)(uncounted)
    never_usual.undo()
    usual, asked = verify(made)(uncounted), list[Any]()
    for _ in range(QUESTIONS):
        key = draw.choice([*keys.values(), keys["good"], known["good"]])
        root, body = known[draw.choice([*known, *["good"] * 8])], bodies(draw, key)
        pieces = draw.choice([body, body, body, [body[:9], body[9:]]])
        asked.append((root, draw.choice([GATEWAY, None]), pieces, headers_of(draw, root)))
    begun = await accepted(made)
    answers = await asyncio.gather(*(verified(usual, *each) for each in asked))
    between = await accepted(made)
    others = await asyncio.gather(*(verified(long_way, *each) for each in asked))
    for each, one, other in zip(asked, answers, others, strict=True):
        assert told(one) == told(other), each
    assert between - begun == await accepted(made) - between
    codes = {answer.json["code"] for answer in answers if answer.status == 200 and "code" in answer.json}
    assert {"accepted", "invalid_key", "insufficient_scope"} <= codes


def headers_of(draw: random.Random, root: str) -> dict[str, str]:
    """Headers of a question, which are usual more often than not."""
    unusual: list[dict[str, str]] = [
        {"x_api_key": root},
        {"content_length": "99999999"},
        {"cookie": "x" * LARGEST_HEADERS},
        {"content_type": "text/plain"},
        {"content_type": "application/json; charset=utf-8"},
        {"authorization": f"Bearer {' ' * 5000}{root}"},
    ]
    usual: list[dict[str, str]] = [{}, {"x_forwarded_for": CLIENT}]
    more = draw.choice(usual if draw.random() < 0.7 else unusual)
    path = "/v1/keys:verify" if draw.random() < 0.9 else "/v1/keys:verifyBatch"
    path += "" if draw.random() < 0.95 else "?" + "x" * LARGEST_HEADERS
    method = "POST" if draw.random() < 0.95 else "GET"
    return {"content_type": "application/json", "method": method, "path": path, **more}


async def verified(app: Any, root: str, peer: str | None, body: Any, headers: dict[str, str]) -> Any:
    """The answer to a question of a service."""
    sent = {name: value for name, value in headers.items() if name not in {"method", "path"}}
    return await Client(app, root, peer)(headers["method"], headers["path"], body=body, **sent)


def test_a_form_is_read_from_names_alone() -> None:
    """The wanted values come in the order in which they are wanted, and then the one with the key."""
    heads = Heads(lambda _: (b"accept", b"", b"host"), {place: place.decode() for place in PLACES})
    pick, room, taker = heads.form((*USUAL, ABSENT[0]))
    assert pick is not None
    assert pick((b"a host", b"a key", b"any", b"")) == (b"any", b"", b"a host", b"a key")
    assert (room, taker) == (LARGEST_HEADERS - FIRST_LINE - sum(map(len, USUAL)), "authorization")


@pytest.mark.parametrize(
    "names", [(b"host", b"accept"), (*USUAL, b"x-api-key"), (*USUAL, b"host"), USUAL[:2], (*USUAL, b"authorization")]
)
def test_an_unusual_form_is_not_read(names: tuple[bytes, ...]) -> None:
    """No place of a key, two of them, a name that occurs again, or one that is missing."""
    heads = Heads(lambda _: (b"accept", b"host"), dict.fromkeys(PLACES, ""))
    assert heads.form(names)[0] is None
    assert Heads(lambda _: None, dict.fromkeys(PLACES, "")).form(USUAL)[0] is None


def test_names_that_are_too_large_are_not_remembered() -> None:
    """The memory of forms has a bound in bytes."""
    heads = Heads(lambda _: (b"host",), dict.fromkeys(PLACES, ""))
    for names in ((b"x" * (LARGEST_HEADERS + 1),), (b"x" * LARGEST_HEADERS, b"y")):
        with pytest.raises(HeadersTooLarge):
            heads.form(names)
    assert heads.form.cache_info().currsize == 0
    assert heads.form((b"x" * LARGEST_HEADERS,))[1] < 0


def asked(key: str) -> dict[str, Any]:
    """A usual question of a gateway."""
    said = [("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", "/orders/7"), ("X-Forwarded-For", CLIENT)]
    return {"headers": [("Authorization", f"Bearer {key}"), *said]}


@pytest.mark.parametrize(("more", "status"), [(0, 200), (1, 431)])
async def test_headers_have_one_bound(more: int, status: int) -> None:
    """It is for all of them and the path together, also where memory knows the key."""
    made = service()
    key = (await made.keys.issue(owner="acme", scopes=["orders:read"])).plaintext
    assert await made.keys.check(key, scope="orders:read", ip=CLIENT)
    sent = asked(key)["headers"]
    size = len("/v1/forward-auth") + len("Cookie") + sum(len(name) + len(value) for name, value in sent)
    sent.append(("Cookie", "x" * (LARGEST_HEADERS - size + more)))
    assert (await ask(forward_auth(made), headers=sent)).status == status


async def test_a_change_of_a_key_is_told_to_gateways() -> None:
    """The reply that was kept is that of the record before."""
    made = service()
    app, issued = forward_auth(made), await made.keys.issue(owner="acme", scopes=["orders:read"])
    for scopes in (["orders:read"], ["a:b", "orders:read"], ["c:d", "orders:read"]):
        await made.keys.update(issued.record.key_id, scopes=scopes)
        assert await made.keys.check(issued.plaintext, scope="orders:read", ip=CLIENT)  # memory knows it from here on
        answers = [await ask(app, **asked(issued.plaintext)) for _ in range(3)]
        assert [answer.headers["x-key-scopes"] for answer in answers] == [" ".join(scopes)] * 3


async def test_a_change_of_a_key_is_told_to_services() -> None:
    """As to gateways."""
    made = service()
    root = await made.keys.issue(owner=ROOT_OWNER, prefix=ROOT_PREFIX, scopes=["keys:verify"])
    client = Client(verify(made)(uncounted), root.plaintext)
    issued = await made.keys.issue(owner="acme", scopes=["a:b"])
    for name in ("one", "another"):
        await made.keys.update(issued.record.key_id, name=name)
        assert await made.keys.check(issued.plaintext, scope="a:b")
        body = {"key": issued.plaintext, "scope": "a:b"}
        answers = [await client("POST", "/v1/keys:verify", body) for _ in range(3)]
        assert [answer.json["record"]["name"] for answer in answers] == [name] * 3


async def test_a_preflight_with_a_key_is_a_preflight() -> None:
    """A browser sends none, so a client that does gains nothing by it."""
    app = forward_auth(made := service(routes=(Route("*", "/orders/*", "orders:read"),), preflight=True))
    sent = asked((await made.keys.issue(owner="acme", scopes=["orders:read"])).plaintext)["headers"]
    more = [("Origin", "https://a.example"), ("Access-Control-Request-Method", "GET")]
    for method, is_named in (("GET", True), ("OPTIONS", False)):
        headers = [(name, method if name == "X-Forwarded-Method" else value) for name, value in [*sent, *more]]
        answers = [await ask(app, headers=headers) for _ in range(2)]
        assert [(answer.status, bool(answer.headers["x-key-id"])) for answer in answers] == [(200, is_named)] * 2


async def test_a_key_with_a_comma_is_never_believed() -> None:
    """A gateway may have joined two keys; also where memory knows the whole as a key of another system."""
    keys = AsyncApiKeys(AsyncMemoryStore(), peppers=[PEPPER], imported=True)
    made = replace(service(), keys=keys)
    for written, code in (("legacy-key.one", None), ("legacy-key.one,two", "ambiguous_key")):
        row = {"owner": "acme", "hash": sha256(written.encode()).hexdigest(), "algorithm": "SHA-256"}
        assert (await keys.import_rows([{**row, "scopes": ["orders:read"]}])).imported == 1
        assert await keys.check(written, scope="orders:read", ip=CLIENT)
        answer = await ask(forward_auth(made), **asked(written))
        assert (answer.problem["code"] if answer.body else None) == code


async def test_a_root_key_that_is_bound_later_sees_no_other_customer() -> None:
    """Nor does one that was bound from the beginning, whatever was told to others before."""
    made = service()
    app, text = verify(made)(uncounted), (await made.keys.issue(owner="acme", scopes=["a:b"])).plaintext
    fields: dict[str, Any] = {"owner": ROOT_OWNER, "prefix": ROOT_PREFIX, "scopes": ["keys:verify"]}
    root, bound = await made.keys.issue(**fields), await made.keys.issue(**fields, metadata={BOUND: "other"})

    async def codes(key: str) -> list[str]:
        body = {"key": text, "scope": "a:b"}
        return [(await Client(app, key)("POST", "/v1/keys:verify", body)).json["code"] for _ in range(3)]

    assert await codes(root.plaintext) == ["accepted"] * 3
    assert await codes(bound.plaintext) == ["invalid_key"] * 3
    await made.keys.update(root.record.key_id, metadata={BOUND: "other"})
    assert await codes(root.plaintext) == ["invalid_key"] * 3


KEY, SCOPE, IP = '"key": "k"', '"scope": "a:b"', '"ip": "::1"'


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (f"{{{KEY}, {SCOPE}}}", (b"k", "a:b", None)),
        (f"{{{IP}, {SCOPE}, {KEY}}}", (b"k", "a:b", "::1")),
        ('{"key": "\\u00e9", "scope": ["a:b"], "ip": null}', ("é".encode(), ["a:b"], None)),
        *((body, None) for body in (
            "", "{", "{}", "[]", "7", "null", f"{{{KEY}}}", f"{{{SCOPE}}}", f"{{{KEY}, {SCOPE}, {KEY}}}",
            f'{{{KEY}, {SCOPE}, "cost": 1}}', f'{{{KEY}, {SCOPE}, "": 1}}', f'{{{SCOPE}, "key": 7}}',
            f'{{{SCOPE}, {KEY}, "ip": 7}}', f'{{{SCOPE}, {KEY}, "ip": []}}',
            f'{{{SCOPE}, "key": "\\ud800"}}', f" {{{KEY}, {SCOPE}}}", f"{{{KEY}, {SCOPE}}} ",
            f"{{{KEY}, {SCOPE}}}x", '[["key", "k"], ["scope", "a:b"]]', f'{{{KEY}, "scope": "é"}}', "[" * 40_000,
        )),
    ],
)  # fmt: skip
def test_a_plain_question_has_a_key_and_a_scope(body: str, read: Any) -> None:
    """Any other body is for `read_question`, which says what is wrong with it."""
    assert read_plain_question(body.encode()) == read


@pytest.mark.parametrize("number", [0, 1, AT_ONCE, AT_ONCE + 1, 5 * AT_ONCE])
async def test_a_list_lets_other_requests_in_between(number: int) -> None:
    """And is the same document as if it was written at once."""
    turns, over = 0, False

    async def other() -> None:
        nonlocal turns
        while not over:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(other())
    answer = await listed("things", range(number), lambda each: {"name": f"é{each}"}, next=None, **{'more"': [1]})
    over = True
    await beside
    things = [{"name": f"é{each}"} for each in range(number)]
    assert bytes(answer.body) == JSONResponse({"things": things, "next": None, 'more"': [1]}).body
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("application/json", "no-store")
    assert turns == max(number - 1, 0) // AT_ONCE


async def test_answers_are_counted_between_two_looks(world: World) -> None:
    """The figures have each answer once, by its status."""
    for asked_before in (0, 1, 3, 3):
        assert await figure(world) == asked_before
        for _ in range(min(asked_before + 1, 3 - asked_before)):
            assert (await world.root.by(None)("GET", "/v1/forward-auth")).status == 403


async def test_figures_go_on_after_the_settings_were_read_again(world: World) -> None:
    """Also those that were not asked for before."""
    for number in (1, 2):
        assert (await world.root.by(None)("GET", "/v1/forward-auth")).status == 403
        world.app.reload()
        assert await figure(world) == number


async def figure(world: World) -> float:
    """The refusals of gateways' questions, as the figures tell them."""
    told = (await world.root.by(None)("GET", "/metrics")).body.decode()
    found = re.search(r'secretsource_requests_total\{operation="forwardAuth",status="403"\} (\S+)', told)
    return float(found[1]) if found else 0.0
