"""What bare applications answer is what the document of the API says that they answer."""

from __future__ import annotations

import json
from contextlib import nullcontext
from ipaddress import ip_network
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError
from tests.server.asgi_client import Client

from secretsource.server.api.answers.problems import ProblemDocument, Refusal
from secretsource.server.api.in_front import Alive, Question, Questions, Ready, Verdict, Verdicts
from secretsource.server.app import build
from secretsource.server.connections.heads import LARGEST_HEADERS
from secretsource.server.front import BareFront, Reply, uncounted
from secretsource.server.problems import Problem
from secretsource.server.questions import read_batch, read_question
from secretsource.server.service import Service
from secretsource.server.settings import LeakSettings, ServerSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.server.conftest import World

VALUES: list[Any] = [
    None, True, False, -1, 0, 1, 7, 10**9, 10**9 + 1, 1.0, 1.5, {}, {"a": 1}, [], ["a:b"], ["a:b", "c"], ["a:*"], [""],
    [7], [None], "", "a:b", "a:*", "*", "a b", "a/b.c_d-e:f", "x" * 128, "x" * 129, "x" * 16, "x" * 17, "live", "Live",
    "abcdefghi", "l", "root", "rooty", "acme", "a1", "1a", "a\n", "é", "1", "true",
]  # fmt: skip
NAMES = ("key", "scope", "ip", "cost", "agent", "prefix", "environment", "fresh", "more")
GOOD = {"key": "text", "scope": "a:b"}
ODD: list[Any] = [{}, {"key": "text"}, {"scope": None}, *VALUES]
QUESTIONS = [*({**GOOD, name: value} for name, value in product(NAMES, VALUES)), *ODD]


def is_taken(read: Callable[[bytes], object], body: bytes) -> bool:
    """Whether a reader of bodies takes one."""
    try:
        read(body)
    except (Problem, ValidationError):
        return False
    return True


def test_a_question_is_taken_if_the_document_has_it() -> None:
    """The reader of the body and the form of the document agree on every value of every field."""
    bodies = [json.dumps(question).encode() for question in QUESTIONS]
    taken = [body for body in bodies if is_taken(read_question, body)]
    assert taken == [body for body in bodies if is_taken(Question.model_validate_json, body)]
    assert 0 < len(taken) < len(bodies)


def test_a_batch_is_taken_if_the_document_has_it() -> None:
    """With one question that is wrong, neither takes it; a fresh look is for single questions."""
    documents = [*({"keys": [GOOD, question]} for question in QUESTIONS), *({"keys": value} for value in VALUES)]
    bodies = [json.dumps(document).encode() for document in (*documents, {}, {"keys": [GOOD], "more": None})]
    taken = [body for body in bodies if is_taken(read_batch, body)]
    assert taken == [body for body in bodies if is_taken(Questions.model_validate_json, body)]
    assert 0 < len(taken) < len(bodies)


@pytest.mark.parametrize("count", [100, 101])
def test_a_batch_has_the_size_of_the_document(count: int) -> None:
    """A hundred questions, and not one more."""
    body = json.dumps({"keys": [{"key": "a", "scope": None}] * count}).encode()
    assert is_taken(read_batch, body) == is_taken(Questions.model_validate_json, body) == (count == 100)


async def test_every_verdict_has_the_form_of_the_document(world: World) -> None:
    """Accepted, limited, rotated, refused by a scope or a limit, and unknown."""
    limited = await world.customer_key(rate_limit="1/hour", quota="5/month")
    rotated = await world.customer_key()
    await world.keys.rotate(rotated.record.key_id, overlap=60)
    seen = []
    for key, scope in (
        (limited.plaintext, "invoices:read"), (limited.plaintext, "invoices:read"), (rotated.plaintext, None),
        (rotated.plaintext, "invoices:write"), ("junk", None),
    ):  # fmt: skip
        answer = await world.root("POST", "/v1/keys:verify", {"key": key, "scope": scope})
        seen.append(Verdict.model_validate_json(answer.body))
    assert [each.code for each in seen] == ["accepted", "rate_limited", "accepted", "insufficient_scope", "invalid_key"]
    assert [len(each.limits) for each in seen] == [2, 2, 0, 0, 0]
    assert seen[2].rotated_at is not None
    questions = {"keys": [{"key": "junk", "scope": None}, {"key": rotated.plaintext, "scope": None}]}
    answer = await world.root("POST", "/v1/keys:verifyBatch", questions)
    assert [each.accepted for each in Verdicts.model_validate_json(answer.body).verdicts] == [False, True]


async def test_health_has_the_form_of_the_document(world: World) -> None:
    """Of both answers."""
    client = world.root.by(None)
    assert Alive.model_validate_json((await client("GET", "/livez")).body).status == "alive"
    assert Ready.model_validate_json((await client("GET", "/readyz")).body).status == "ready"


async def test_a_refusal_in_front_has_a_number(world: World) -> None:
    """In the body and in a header, as behind the router; the client of a gateway gets none."""
    chosen = ServerSettings(leaks=LeakSettings(), trusted_proxies=(ip_network("192.0.2.0/24"),))
    assert world.app.service is not None
    client = Client(build(Service(world.keys, chosen, world.app.service.root)), world.root.key)
    asked = [
        await client("POST", "/v1/keys:verify", {}),
        await client.by(None)("POST", "/v1/keys:verifyBatch", {}),
        await client("POST", "/v1/leaks/github", []),
    ]
    assert [answer.status for answer in asked] == [422, 401, 401]
    for answer in asked:
        assert ProblemDocument.model_validate_json(answer.body).request_id == answer.headers["x-request-id"]
    refused = await client("GET", "/v1/forward-auth")
    assert (refused.status, "request_id" in refused.json) == (401, False)
    assert Refusal.model_validate_json(refused.body).code == "invalid_key"


@pytest.mark.parametrize("path", ["/v1/keys:verify", "/v1/keys:verifyBatch", "/v1/forward-auth", "/v1/forward-auth/a"])
async def test_large_headers_are_refused_in_front(world: World, path: str) -> None:
    """As for the management API, and before a key is looked for."""
    answer = await world.root("POST", path, {}, x_filling="x" * LARGEST_HEADERS)
    assert (answer.status, answer.json["code"]) == (431, "headers_too_large")
    figures = (await world.root.by(None)("GET", "/metrics")).body.decode()
    assert 'status="431"} 1.0' in figures


async def failing(*_: Any) -> Reply:
    """A bare application that fails while it waits."""
    raise KeyError("canary")


def failing_at_once(*_: Any) -> Reply:
    """A bare application that fails before it waits."""
    raise KeyError("canary")


@pytest.mark.parametrize("app", [failing, failing_at_once])
async def test_a_defect_in_front_is_a_problem(app: Any, caplog: pytest.LogCaptureFixture) -> None:
    """With a number that is in the log, and nothing of the error."""
    counted: list[int] = []
    answer = await Client(BareFront(app, counted.append))("POST", "/x", {})
    assert (answer.status, answer.json["code"], counted) == (500, "internal_error", [500])
    assert f"request {answer.json['request_id']} failed: KeyError in test_in_front.py" in caplog.text
    assert "canary" not in caplog.text + answer.body.decode()


@pytest.mark.parametrize("fails", [False, True])
async def test_what_follows_a_reply_follows_it_also_if_the_client_has_gone(fails: bool) -> None:
    """The call comes after both messages, or after the error of the server that sends them."""
    seen: list[str] = []
    front = BareFront(lambda *_: Reply(200, [], b"", lambda: seen.append("after")), uncounted)

    async def send(message: Any) -> None:
        seen.append(message["type"])
        if fails:
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError) if fails else nullcontext():
        await front({"type": "http", "headers": []}, None, send)  # type: ignore[arg-type]  # nothing is received
    assert seen == ["http.response.start", *([] if fails else ["http.response.body"]), "after"]


async def test_a_layer_around_may_change_what_is_sent() -> None:
    """A reply that is kept does not change with the message that it was sent in."""
    kept = Reply(200, [(b"a", b"b")])
    front = BareFront(lambda *_: kept, uncounted)

    async def layer(scope: Any, receive: Any, send: Any) -> None:
        async def noted_send(message: Any) -> None:
            message.get("headers", []).append((b"more", b"x"))
            await send(message)

        await front(scope, receive, noted_send)

    for _ in range(2):
        assert (await Client(layer)("GET", "/x")).headers == {"a": "b", "more": "x"}
    assert kept.headers == [(b"a", b"b")]


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
async def test_a_bare_application_answers_requests_alone(kind: str) -> None:
    """The life of the process and web sockets are for others."""
    counted: list[int] = []
    await BareFront(failing, counted.append)({"type": kind}, None, None)  # type: ignore[arg-type]  # none is used
    assert counted == []
