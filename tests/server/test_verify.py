"""``keys:verify`` and ``keys:verifyBatch``: a verdict for another service, whatever the verdict is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.server.asgi_client import Client
from tests.server.gate import service

from secretsource.exceptions import StoreError
from secretsource.issuing.documents import read_verdict
from secretsource.server.front import uncounted
from secretsource.server.problems import Problem
from secretsource.server.questions import MOST_KEYS, read_batch, read_question
from secretsource.server.rights import BOUND, ROOT_OWNER, ROOT_PREFIX
from secretsource.server.verify import verify
from secretsource.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.server.conftest import World

    from secretsource.issuing import KeyRecord
    from secretsource.server.service import Service

ONE, MANY = "/v1/keys:verify", "/v1/keys:verifyBatch"


@pytest.fixture
def made() -> Service:
    """The parts of a service."""
    return service()


async def client_of(made: Service, *scopes: str, **fields: Any) -> Client:
    """A client with a root key, of keys:verify if no other scope is given."""
    root = await made.keys.issue(owner=ROOT_OWNER, prefix=ROOT_PREFIX, scopes=scopes or ["keys:verify"], **fields)
    return Client(verify(made)(uncounted), root.plaintext)


async def issued(made: Service, **fields: Any) -> str:
    """A key of acme that may read orders."""
    wanted: dict[str, Any] = {"owner": "acme", "scopes": ["orders:read"], **fields}
    return (await made.keys.issue(**wanted)).plaintext


async def test_every_verdict_is_a_good_answer(made: Service) -> None:
    """200 with a code: accepted, or why not; the document is the one of the command line."""
    ask = await client_of(made)
    good, limited = await issued(made), await issued(made, rate_limit="1/hour")
    await made.keys.check(limited, scope="orders:read")
    for key, scope, code, reason in (
        (good, "orders:read", "accepted", None),
        (good, None, "accepted", None),
        (good, ["orders:read", "orders:write"], "insufficient_scope", "insufficient_scope"),
        ("junk", "orders:read", "invalid_key", "malformed"),
        (limited, "orders:read", "rate_limited", "rate_limited"),
    ):
        answer = await ask("POST", ONE, {"key": key, "scope": scope})
        assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
        assert (answer.json["code"], answer.json["reason"]) == (code, reason)
        assert bool(read_verdict(answer.json)) is (code == "accepted")
        assert key not in answer.body.decode()


async def test_a_question_leaves_its_place_with_the_verdict(made: Service) -> None:
    """A limit of one at once bounds the questions, one by one and in a batch, and not the requests behind them."""
    ask = await client_of(made)
    key = await issued(made, rate_limit="1 at once for 24 hours")
    question = {"key": key, "scope": "orders:read"}
    for _ in range(2):
        answer = await ask("POST", ONE, question)
        assert (answer.json["code"], answer.json["limits"][0]["remaining"]) == ("accepted", 0)
        batch = await ask("POST", MANY, {"keys": [question]})
        assert [verdict["code"] for verdict in batch.json["verdicts"]] == ["accepted"]
    held = await made.keys.check(key, scope="orders:read")
    assert (await ask("POST", ONE, question)).json["code"] == "too_many_at_once"
    assert await made.keys.release(held)
    assert (await ask("POST", ONE, question)).json["code"] == "accepted"


async def test_a_place_that_cannot_be_left_fails_no_answer(made: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lease ends by itself."""
    ask = await client_of(made)
    key = await issued(made, rate_limit="9 at once")

    async def fail(_: Any) -> bool:
        raise StoreError("the limiter is down")

    monkeypatch.setattr(made.keys, "release", fail)
    assert (await ask("POST", ONE, {"key": key, "scope": "orders:read"})).json["code"] == "accepted"


async def test_a_root_key_leaves_its_place_when_it_was_checked(made: Service) -> None:
    """A limit of one at once locks no caller out."""
    ask = await client_of(made, rate_limit="1 at once for 24 hours")
    key = await issued(made)
    for _ in range(3):
        assert (await ask("POST", ONE, {"key": key, "scope": "orders:read"})).status == 200


async def test_each_field_of_the_question_counts(made: Service) -> None:
    """The client's address, the cost, the kind of the key, and whether the cache may answer."""
    ask = await client_of(made)
    key = await issued(made, networks=["203.0.113.0/24"], rate_limit="10/hour", prefix="acme", environment="test")
    asked = {"key": key, "scope": "orders:read", "ip": "203.0.113.9", "agent": "curl"}
    for more, code in (
        ({"cost": 8}, "accepted"),
        ({"cost": 3}, "rate_limited"),
        ({"cost": 11}, "cost_too_high"),
        ({"ip": "192.0.2.1"}, "invalid_key"),
        ({"ip": None}, "invalid_key"),
        ({"prefix": "acme", "environment": "test", "fresh": True}, "accepted"),
        ({"prefix": "sk"}, "invalid_key"),
        ({"environment": "live"}, "invalid_key"),
    ):
        assert (await ask("POST", ONE, {**asked, **more})).json["code"] == code


async def test_a_changed_key_is_told_as_it_is_now(made: Service) -> None:
    """Also if nothing of the verdict but its record has changed."""
    ask = await client_of(made)
    key = await made.keys.issue(owner="acme", scopes=["orders:read"], name="before")
    for name in ("before", "after"):
        await made.keys.update(key.record.key_id, name=name)
        for _ in range(2):
            answer = await ask("POST", ONE, {"key": key.plaintext, "scope": "orders:read"})
            assert answer.json["record"]["name"] == name


async def test_a_batch_is_one_question_to_the_store() -> None:
    """In the order of the questions."""

    class Counting(MemoryStore):
        asked: list[int] = []

        def peek_many(self, key_ids: Sequence[str]) -> Mapping[str, KeyRecord]:
            self.asked.append(len(key_ids))
            return super().peek_many(key_ids)

    made = service(Counting())
    ask = await client_of(made)
    keys = [await issued(made, owner=f"o{number}") for number in range(MOST_KEYS - 1)]
    answer = await ask("POST", MANY, {"keys": [{"key": key, "scope": None} for key in [*keys, "junk"]]})
    verdicts = answer.json["verdicts"]
    assert [each["record"]["owner"] for each in verdicts[:-1]] == [f"o{number}" for number in range(MOST_KEYS - 1)]
    assert (verdicts[-1]["code"], Counting.asked) == ("invalid_key", [MOST_KEYS - 1])


@pytest.mark.parametrize("path", [ONE, MANY])
async def test_only_root_keys_with_the_scope_may_ask(made: Service, path: str) -> None:
    """Before anything of the body is read."""
    customer = await issued(made, scopes=["keys:verify"])
    for key, status in ((None, 401), ("junk", 401), (customer, 401)):
        answer = await Client(verify(made)(uncounted), key)("POST", path, body=b"not json")
        assert (answer.status, "www-authenticate" in answer.headers) == (status, True)
    weak = await client_of(made, "keys:read")
    assert (await weak("POST", path, body=b"not json")).json["code"] == "insufficient_scope"


async def test_a_root_key_is_unknown_here(made: Service) -> None:
    """Neither its record nor its existence is told, and no field admits it."""
    ask = await client_of(made)
    assert ask.key is not None
    gone = await issued(service())
    unknown = (await ask("POST", ONE, {"key": gone, "scope": None})).json
    assert unknown["reason"] == "unknown"
    assert (await ask("POST", ONE, {"key": ask.key, "scope": None})).json == unknown
    assert (await ask("POST", MANY, {"keys": [{"key": ask.key, "scope": None}]})).json == {"verdicts": [unknown]}
    assert (await ask("POST", ONE, {"key": ask.key, "scope": None, "prefix": "root"})).status == 422


async def test_a_bound_root_key_sees_one_customer(made: Service) -> None:
    """The keys of others look as if they were not there, good or bad."""
    ask = await client_of(made, metadata={BOUND: "acme"})
    own, other, ended = await issued(made), await issued(made, owner="other"), await made.keys.issue(owner="other")
    await made.keys.revoke(ended.record.key_id)
    verdicts = (
        await ask("POST", MANY, {"keys": [{"key": key, "scope": None} for key in (own, other, ended.plaintext)]})
    ).json["verdicts"]
    assert [each["code"] for each in verdicts] == ["accepted", "invalid_key", "invalid_key"]
    assert verdicts[1] == verdicts[2]
    assert (verdicts[1]["record"], verdicts[1]["reason"]) == (None, "unknown")


@pytest.mark.parametrize("path", [ONE, MANY])
async def test_a_key_of_another_customer_is_charged_nothing(made: Service, path: str) -> None:
    """A bound root key is told that the key is unknown; its limits and credits are whole, and its places are free."""
    ask = await client_of(made, metadata={BOUND: "acme"})
    key = await made.keys.issue(owner="other", rate_limit="5/hour, 1 at once", credits=7)
    question = {"key": key.plaintext, "scope": None, "cost": 2}
    for _ in range(3):
        answer = (await ask("POST", path, question if path == ONE else {"keys": [question]})).json
        assert (answer if path == ONE else answer["verdicts"][0])["reason"] == "unknown"
    left = {state.name: state.remaining for state in await made.keys.remaining(key.record.key_id)}
    assert left == {"hour": 5, "at once": 1, "credits": 7}


WRONG: list[tuple[Any, str]] = [
    ({"scope": None}, "/key"),
    ({"key": "canary"}, "/scope"),
    ({"key": 7, "scope": None}, "/key"),
    ({"key": None, "scope": None}, "/key"),
    *(({"key": "canary", "scope": scope}, "/scope") for scope in ("", [], "a:*", 7, ["a", 7], {"canary": 1}, [["a"]])),
    *(({"key": "canary", "scope": None, "cost": cost}, "/cost") for cost in (-1, 10**9 + 1, 1.0, True, "1", None)),
    *(({"key": "canary", "scope": None, name: 7}, f"/{name}") for name in ("ip", "agent", "prefix", "environment")),
    ({"key": "canary", "scope": None, "prefix": "A"}, "/prefix"),
    ({"key": "canary", "scope": None, "environment": "l"}, "/environment"),
    ({"key": "canary", "scope": None, "canary": 1}, ""),
]


@pytest.mark.parametrize(("document", "pointer"), WRONG)
async def test_a_wrong_field_is_named(made: Service, document: Any, pointer: str) -> None:
    """By a JSON pointer, in a batch as well; nothing of the body is in the answer."""
    ask = await client_of(made)
    one, many = await ask("POST", ONE, document), await ask("POST", MANY, {"keys": [document]})
    assert [(each.status, each.json["code"]) for each in (one, many)] == [(422, "invalid_request")] * 2
    assert (one.json["pointer"], many.json["pointer"]) == (pointer, f"/keys/0{pointer}")
    assert "canary" not in one.body.decode() + many.body.decode()


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({}, ""),
        ({"keys": [], "more": 1}, ""),
        ({"keys": []}, "/keys"),
        ({"keys": {}}, "/keys"),
        ({"keys": [{"key": "a", "scope": None}] * (MOST_KEYS + 1)}, "/keys"),
        ({"keys": [7]}, "/keys/0"),
        ({"keys": [{"key": "a", "scope": None, "fresh": True}]}, "/keys/0"),
    ],
)
async def test_a_wrong_batch_is_refused_whole(made: Service, document: Any, pointer: str) -> None:
    """Up to a hundred keys, each with the fields of a question."""
    answer = await (await client_of(made))("POST", MANY, document)
    assert (answer.status, answer.json["pointer"]) == (422, pointer)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"canary",
        b"[]",
        b'"canary"',
        b"\xff",
        b"[" * 60_000,
        b'{"key": ' * 7_000,
        b"7",
        b"null",
        '{"key": "canary", "scope": null}'.encode("utf-16"),
        b'\xef\xbb\xbf{"key": "canary", "scope": null}',
    ],
)
async def test_a_body_that_is_no_object_is_refused(made: Service, body: bytes) -> None:
    """However deep it goes."""
    ask = await client_of(made)
    for path in (ONE, MANY):
        answer = await ask("POST", path, body=body, content_type="application/json")
        assert (answer.status, answer.json["code"]) == (400, "malformed_body")
        assert b"canary" not in answer.body


async def test_a_body_has_a_bound(made: Service) -> None:
    """Announced or not, in one piece or in many."""
    ask = await client_of(made)
    for body in ([b"x" * 65_537], [b"x" * 40_000] * 3):
        answer = await ask("POST", ONE, body=body, content_type="application/json")
        assert (answer.status, answer.json["code"]) == (413, "body_too_large")
    pieces = json.dumps({"key": "junk", "scope": None}).encode()
    answer = await ask("POST", ONE, body=[pieces[:9], pieces[9:]], content_type="application/json; charset=utf-8")
    assert answer.json["code"] == "invalid_key"


@pytest.mark.parametrize(
    ("length", "is_refused"),
    [("65537", True), ("9" * 30, True), ("0" * 5000 + "65537", True), ("0" * 5000 + "33", False), ("65536", False)],
)
async def test_an_announced_body_is_not_waited_for(made: Service, length: str, is_refused: bool) -> None:
    """A client that asks before it sends, by ``Expect``, is told at once; so is one that goes silent."""
    ask = await client_of(made)
    sent = json.dumps({"key": "junk", "scope": None}).encode()
    for path in (ONE, MANY):
        pieces = [] if is_refused else [sent if path == ONE else b'{"keys": [%s]}' % sent]
        answer = await ask("POST", path, body=pieces, content_length=length, content_type="application/json")
        assert answer.status == (413 if is_refused else 200), path


async def test_other_methods_and_other_types_are_refused(made: Service) -> None:
    """With the method to use; a form of a page of another site sends no JSON."""
    ask = await client_of(made)
    answer = await ask("GET", ONE)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    for sent in ({}, {"content_type": "text/plain"}):
        assert (await ask("POST", ONE, body=b"{}", **sent)).status == 415


async def test_a_key_of_odd_characters_is_refused(made: Service) -> None:
    """As every text that is not a key."""
    ask = await client_of(made)
    for text in ("", "\x00", "\ud800", "é" * 600, "sk_live_" + "0" * 63):
        body = json.dumps({"key": text, "scope": None}).encode()
        answer = await ask("POST", ONE, body=body, content_type="application/json")
        assert (answer.status, answer.json["code"]) == (200, "invalid_key")


async def test_the_service_answers_under_both_paths(world: World) -> None:
    """In front of the router, and counted."""
    key = (await world.customer_key()).plaintext
    question = {"key": key, "scope": "invoices:read"}
    assert (await world.root("POST", ONE, question)).json["code"] == "accepted"
    assert (await world.root("POST", MANY, {"keys": [question]})).json["verdicts"][0]["code"] == "accepted"
    figures = (await world.root.by(None)("GET", "/metrics")).body.decode()
    assert 'secretsource_requests_total{operation="verifyKey",status="200"} 1.0' in figures


@pytest.mark.parametrize("fresh", [None, 1, "true"])
async def test_a_fresh_look_is_true_or_false(made: Service, fresh: object) -> None:
    """And nothing that only counts as one."""
    answer = await (await client_of(made))("POST", ONE, {"key": "a", "scope": None, "fresh": fresh})
    assert (answer.status, answer.json["pointer"]) == (422, "/fresh")


def test_a_question_shows_no_key() -> None:
    """A traceback or a log may show the question."""
    asked = read_question(b'{"key": "canary", "scope": null}')
    assert asked.question["text"] == "canary"
    assert repr(asked) == "Asked(<masked>)"


@pytest.mark.parametrize("cost", [0, 1, 10**9])
def test_a_cost_is_a_number_of_requests(cost: int) -> None:
    """From 0, which only looks, to the most; a question that asks for no fresh look gets none."""
    asked = read_question(json.dumps({"key": "a", "scope": None, "cost": cost}).encode())
    assert (asked.question.get("cost"), asked.fresh) == (cost, False)
    fresh = read_question(json.dumps({"key": "a", "scope": None, "fresh": True}).encode())
    assert fresh.fresh is True


@pytest.mark.parametrize("cost", [-1, 10**9 + 1, 1.5, True, "1", None])
def test_a_cost_of_another_form_is_refused(cost: object) -> None:
    """With its place."""
    with pytest.raises(Problem) as caught:
        read_question(json.dumps({"key": "a", "scope": None, "cost": cost}).encode())
    assert json.loads(caught.value.answer().body)["pointer"] == "/cost"


def test_a_question_may_have_every_field() -> None:
    """And none besides."""
    every = {
        "key": "a", "scope": "a:b", "ip": "10.0.0.1", "cost": 2, "prefix": "acme", "environment": "live", "fresh": True,
        "agent": "curl",
    }  # fmt: skip
    known = read_question(json.dumps(every).encode())
    assert known.fresh
    with pytest.raises(Problem):
        read_question(json.dumps({**every, "other": 1}).encode())


def test_a_batch_has_up_to_a_hundred_questions() -> None:
    """One more is refused before any key is checked."""
    question = {"key": "a", "scope": None}
    assert MOST_KEYS == 100
    assert len(read_batch(json.dumps({"keys": [question] * 100}).encode())) == 100
    for number in (0, 101):
        with pytest.raises(Problem):
            read_batch(json.dumps({"keys": [question] * number}).encode())
