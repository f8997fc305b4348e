"""What holds for every request before a framework sees it: its bounds, its number, its line in the log."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.server.asgi_client import Client
from tests.server.gate import service

from secretsource.server.api.document import management
from secretsource.server.connections.heads import LARGEST_HEADERS
from secretsource.server.front import LARGEST_BODY, Front
from secretsource.server.news.telling import masked
from secretsource.server.pages.app import pages
from secretsource.server.rights import EVERYTHING, ROOT_OWNER, ROOT_PREFIX
from secretsource.server.settings import PagesSettings

if TYPE_CHECKING:
    from tests.server.conftest import World

CANARY = "acme_live_" + "c4n4ry" * 9 + "ss1" + "0" * 6


async def test_a_large_body_is_refused(world: World) -> None:
    """By what it announces, or as it arrives in pieces; at the bound it is read."""
    announced = await world.root("POST", "/v1/keys", body=b" " * (LARGEST_BODY + 1), content_type="application/json")
    piece = b" " * (LARGEST_BODY // 4)
    streamed = await world.root("POST", "/v1/keys", body=[piece] * 5, content_type="application/json")
    for refused in (announced, streamed):
        assert (refused.status, refused.json["code"]) == (413, "body_too_large")
    whole = b'{"owner": "acme"}'
    answer = await world.root("POST", "/v1/keys", body=whole + b" " * (LARGEST_BODY - len(whole)))
    assert answer.status == 415
    answer = await world.root("POST", "/v1/keys", body=[whole, *[piece] * 3], content_type="application/json")
    assert answer.status == 201


@pytest.mark.parametrize("length", ["-1", "1e9", "9" * 30, " 5", ""])
async def test_an_announced_length_may_be_anything(world: World, length: str) -> None:
    """What is no number is not believed; what arrives counts."""
    answer = await world.root("POST", "/v1/keys", {"owner": "acme"}, content_length=length)
    assert answer.status in {201, 413}


@pytest.mark.parametrize("where", ["headers", "query"])
async def test_large_headers_are_refused(world: World, where: str) -> None:
    """All together, and with the path and the query."""
    filling = "x" * LARGEST_HEADERS
    if where == "headers":
        answer = await world.root("GET", "/v1/keys", x_filling=filling)
    else:
        answer = await world.root("GET", f"/v1/keys?cursor={filling}")
    assert (answer.status, answer.json["code"]) == (431, "headers_too_large")


async def test_every_answer_has_a_number(world: World) -> None:
    """In a header, of good answers too, and never the same twice."""
    answers = [await world.root("GET", path) for path in ("/v1/keys", "/v1/keys", "/nothing")]
    numbers = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(numbers)) == 3
    assert all(re.fullmatch("[0-9a-f]{16}", number) for number in numbers)


async def test_the_log_has_no_credential(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Neither a key in a header, nor one that a client put into the path or the query."""
    caplog.set_level(logging.DEBUG)
    await world.root.by(CANARY)("GET", f"/v1/keys/{CANARY}?cursor={CANARY}", x_api_key=CANARY)
    await world.root("POST", "/v1/keys", {"owner": CANARY, "bad": CANARY}, idempotency_key=CANARY)
    assert caplog.records
    for record in caplog.records:
        assert "c4n4ry" not in f"{record.getMessage()} {record.__dict__}"
    assert "GET /v1/keys/<masked> 404" in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "shown"),
    [
        ("PUT", "/v1/owners/globex", "/v1/owners/<masked>"),
        ("POST", "/v1/owners/globex:suspend", "/v1/owners/<masked>:suspend"),
        ("POST", "/v1/owners/globex%2Fa:b/portal-links", "/v1/owners/<masked>/portal-links"),
        ("GET", "/v1/owners/globex/limits", "/v1/owners/<masked>/limits"),
        ("GET", "/v1/owners/globex/globex/limits", "/v1/owners/<masked>"),
        ("GET", "/v1/owners/globex:nothing", "/v1/owners/<masked>"),
        ("PATCH", "/v1/owners/globex%0Aglobex", "/v1/owners/<masked>"),
    ],
)
async def test_the_log_has_no_owner(
    world: World, method: str, path: str, shown: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether the path is one of ours, or not quite."""
    caplog.set_level(logging.INFO)
    answer = await world.root(method, path, {})
    assert f"{method} {shown} {answer.status}" in caplog.messages
    assert "globex" not in caplog.text


async def test_a_line_has_the_operation_and_the_time(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """For machines, beside the number that the client was given."""
    caplog.set_level(logging.INFO)
    answer = await world.root("GET", "/v1/keys")
    (record,) = [each for each in caplog.records if each.name == "secretsource.server.requests"]
    fields: Any = record
    assert (fields.operation, fields.request_id) == ("listKeys", answer.headers["x-request-id"])
    assert 0 < fields.seconds < 60


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/a b", "/a b"),
        ("/a\nb\x1b[2J", "/a\\nb\\x1b[2J"),
        ("/" + "x" * 600, "/" + "x" * 511),
        (f"/{CANARY}", "/<masked>"),
        (f"/{'x' * 480}/{CANARY}", f"/{'x' * 480}/<masked>"),
        (f"/{CANARY.replace('_', '%5F')}/a%20b", "/<masked>/a b"),
        ("/" + "".join(f"%{ord(letter):02x}" for letter in CANARY), "/<masked>"),
        ("/a%20b", "/a%20b"),
    ],
)
def test_a_path_is_one_short_line(path: str, shown: str) -> None:
    """Whatever a client sends."""
    assert masked(path) == shown


async def told(app: Any) -> tuple[Any, list[Any]]:
    """The answer of an application behind the front, and what was told."""
    lines: list[Any] = []
    answer = await Client(Front(app, lambda *line: lines.append(line)))("POST", "/x", {"a": 1})
    return answer, lines


async def test_a_defect_after_the_answer_began_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """What was sent was sent; the log has the rest."""

    async def app(_: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half"})
        raise RuntimeError("canary")

    answer, lines = await told(app)
    assert (answer.status, answer.body, lines[0][2]) == (200, b"half", 200)
    assert "RuntimeError in test_front.py" in caplog.text
    assert "canary" not in caplog.text


@pytest.mark.parametrize("path", ["/v1/keys", "/v1/keys:surrender", "/operator/sign-in"])
async def test_a_client_that_goes_away_is_no_defect(path: str, caplog: pytest.LogCaptureFixture) -> None:
    """Else everybody could have an operator called: it is told with the status 0, and nothing is logged as an error."""
    lines: list[Any] = []
    made = service(pages=PagesSettings())
    inner: Any = pages(made, PagesSettings()) if path.startswith("/operator") else management(made)
    coming = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> Any:
        return coming.pop(0)

    async def send(message: Any) -> None:
        pytest.fail(f"it was answered: {message}")

    issued = await made.keys.issue(owner=ROOT_OWNER, prefix=ROOT_PREFIX, scopes=EVERYTHING)
    sent = {"authorization": f"Bearer {issued.plaintext}", "sec-fetch-site": "same-origin", "content-length": "9"}
    scope = {
        "type": "http", "http_version": "1.1", "scheme": "http", "method": "POST", "path": path, "root_path": "",
        "raw_path": path.encode(), "query_string": b"", "client": ("192.0.2.7", 4711), "server": ("127.0.0.1", 80),
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
    }  # fmt: skip
    await Front(inner, lambda *line: lines.append(line))(scope, receive, send)
    assert [line[2] for line in lines] == [0]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_an_application_that_says_nothing_is_a_defect() -> None:
    """Before it has answered, an error is a 500 with a number."""

    async def app(*_: Any) -> None:
        raise KeyError("canary")

    answer, _ = await told(app)
    assert (answer.status, answer.json["code"]) == (500, "internal_error")


async def test_an_application_cannot_answer_a_body_that_is_too_large() -> None:
    """Even if it swallows the error: the body is refused, once."""

    seen: list[int] = []

    async def app(_: Any, receive: Any, send: Any) -> None:
        for _ in range(3):
            try:
                seen.append(len((await receive()).get("body", b"")))
            except Exception:
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"fine"})

    client = Client(Front(app, lambda *_: None))
    answer = await client("POST", "/x", body=[b"x" * LARGEST_BODY, b"x"])
    assert (answer.status, answer.json["code"]) == (413, "body_too_large")
    assert sum(seen) == LARGEST_BODY


async def test_gateways_are_answered_and_counted_past_the_router(world: World) -> None:
    """The service without routes refuses what a gateway asks about; figures tell how often."""
    answer = await world.root.by(None)(
        "GET", "/v1/forward-auth/orders", x_forwarded_method="GET", x_forwarded_uri="/orders"
    )
    assert answer.status in {401, 403}
    figures = (await world.root("GET", "/metrics")).body.decode()
    assert f'secretsource_requests_total{{operation="forwardAuth",status="{answer.status}"}} 1.0' in figures
