"""What needs no key: health, figures, and the document."""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from tests.server.asgi_client import Client

from secretsource.exceptions import StoreError
from secretsource.server.app import build
from secretsource.server.open_paths.reference_page import reference_page
from secretsource.server.service import Service
from secretsource.server.settings import ServerSettings

if TYPE_CHECKING:
    from tests.server.conftest import World

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Outline(HTMLParser):
    """The tags of a page, each of which is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


async def test_a_process_lives_and_is_ready(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ready while the store answers; what it said counts for a second, so that nobody floods it."""
    client = world.root.by(None)
    assert (await client("GET", "/livez")).json == {"status": "alive"}
    head = await client("HEAD", "/readyz")
    assert (head.status, head.body) == (200, b"")

    async def down(_: str) -> Any:
        raise StoreError("db.internal is down")

    monkeypatch.setattr(world.keys, "get", down)
    assert (await client("GET", "/readyz")).status == 200
    monkeypatch.setattr("secretsource.server.open_paths.health.BELIEVED", 0.0)
    monkeypatch.setattr("secretsource.server.open_paths.health.monotonic", lambda: 10.0**9)
    answer = await client("GET", "/readyz")
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert b"internal" not in answer.body
    assert (await client("GET", "/livez")).status == 200


async def test_a_store_that_hangs_is_asked_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody takes all its connections through a path that needs no key."""
    asked, goes_on = 0, asyncio.Event()
    get = world.keys.get

    async def slow(key_id: str) -> Any:
        nonlocal asked
        asked += 1
        await goes_on.wait()
        return await get(key_id)

    monkeypatch.setattr(world.keys, "get", slow)
    answers = [asyncio.ensure_future(world.root.by(None)("GET", "/readyz")) for _ in range(50)]
    await asyncio.sleep(0)
    goes_on.set()
    assert {answer.status for answer in await asyncio.gather(*answers)} == {200}
    assert asked == 1


async def test_figures_name_no_customer(world: World) -> None:
    """Operations and statuses, and neither an owner, nor a key, nor a path."""
    await world.root("PUT", "/v1/owners/canary-7c0e", {})
    await world.root("GET", "/canary-7c0e")
    figures = (await world.root.by(None)("GET", "/metrics")).body.decode()
    assert 'secretsource_requests_total{operation="putOwner",status="200"} 1.0' in figures
    assert 'secretsource_requests_total{operation="none",status="404"} 1.0' in figures
    assert 'secretsource_request_seconds_count{operation="putOwner"} 1.0' in figures
    assert "canary" not in figures


async def test_the_document_is_valid_and_complete(world: World) -> None:
    """OpenAPI 3.1; every operation has a name of its own, a description, what opens it, and each refusal."""
    document = (await world.root.by(None)("GET", "/openapi.json")).json
    OpenAPIV31SpecValidator(document).validate()
    operations = [operation for item in document["paths"].values() for operation in item.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations) > 35
    for operation in operations:
        assert operation["description"], operation["operationId"]
        if any({"rootKey", "customerKey"} & each.keys() for each in operation["security"]):
            assert {"400", "401", "403", "429", "431", "503"} <= operation["responses"].keys()
        assert ("requestBody" in operation) == ("413" in operation["responses"])
    assert [each["operationId"] for each in operations if not each["security"]] == ["live", "ready", "figures"]
    assert "HTTPValidationError" not in str(document)


async def test_the_page_is_whole_and_asks_nobody_else(world: World) -> None:
    """No script, no style or picture of another place; its policy forbids them, too."""
    answer = await world.root.by(None)("GET", "/docs")
    outline = Outline()
    outline.feed(answer.body.decode())
    assert outline.open == []
    assert not [tag for tag, attributes in outline.seen if tag == "script" or {"src", "href"} & attributes.keys()]
    assert len([tag for tag, _ in outline.seen if tag == "details"]) > 35
    for needed in ("Needs <code>keys:verify</code>.", "Needs no scope. GitHub&#x27;s signature", "Needs no key."):
        assert needed in answer.body.decode()
    (style,) = re.findall("<style>(.*?)</style>", answer.body.decode(), re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = answer.headers["content-security-policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; ")
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_the_document_may_be_kept_away(world: World) -> None:
    """With `docs = false` there is neither the page nor the document."""
    service = Service(world.keys, ServerSettings(docs=False), world.app.service.root)  # type: ignore[union-attr]
    client = Client(build(service))
    assert [(await client("GET", path)).status for path in ("/docs", "/openapi.json", "/livez")] == [404, 404, 200]


def test_the_page_writes_every_form_of_a_field() -> None:
    """Lists, choices, alternatives, references and examples; what the document says is text, and no markup."""
    schema = {
        "required": ["a"],
        "properties": {
            "a": {"type": "string", "description": "An <b> `a`.", "examples": ["<x>"]},
            "b": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "c": {"$ref": "#/components/schemas/C"},
            "d": {"type": "array", "items": {"type": "string"}},
            "e": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
            "f": {"type": "string", "format": "date-time"},
            "g": {"$ref": "#/components/schemas/G"},
        },
    }
    operation = {
        "tags": ["t"], "operationId": "op", "description": "Do it.\n\nNow.", "security": [{"rootKey": []}],
        "parameters": [{"name": "p", "schema": {"type": "integer"}}],
        "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Body"}}}},
        "responses": {"200": {"description": "Good"}, "404": {"$ref": "#/components/responses/NotFound"}},
    }  # fmt: skip
    page = reference_page(
        {
            "info": {"title": "<t>", "version": "1", "description": "One.\n\nTwo."},
            "paths": {"/a": {"post": operation}},
            "components": {
                "schemas": {
                    "Body": schema, "C": {"enum": ["x", "y"]}, "G": {"$ref": "#/components/schemas/G"},
                },
                "responses": {"NotFound": {"description": "Not there"}},
                "securitySchemes": {"rootKey": {"description": "A <b> root key."}},
            },
        }
    )  # fmt: skip
    outline = Outline()
    outline.feed(page)
    assert outline.open == []
    text = re.sub(r"<[^>]+>", " ", page)
    for shown in (
        "Needs no scope. A &lt;b&gt; root key.",
        "a *",
        "list of strings",
        "x | y",
        "date-time",
        "any",
        "Not there",
        "&lt;x&gt;",
    ):
        assert shown in re.sub(r" +", " ", text), shown


def test_a_page_has_its_headings_and_marks_what_is_needed() -> None:
    """Each tag once; a star behind a field that is needed, and no other; code between backticks."""
    reference: dict[str, Any] = {"$ref": "#/components/schemas/Deep"}
    document: dict[str, Any] = {
        "info": {"title": "A", "version": "1", "description": "One `code` and `more` here."},
        "paths": {
            "/a": {
                "post": {
                    "tags": ["keys"], "operationId": "a", "description": "D", "security": [{"key": []}],
                    "parameters": [{"name": "free", "schema": {"type": "string"}}],
                    "requestBody": {"content": {"application/json": {"schema": reference}}},
                    "responses": {"200": {"description": "good"}},
                }
            }
        },
        "components": {
            "schemas": {
                "Deep": {
                    "required": ["must"],
                    "properties": {
                        "must": {"anyOf": [{"type": "null"}, {"$ref": "#/components/schemas/Word"}]},
                        "two": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                    },
                },
                "Word": {"type": "string", "format": "word"},
            },
            "securitySchemes": {"key": {"description": "A key."}},
        },
    }  # fmt: skip
    page = reference_page(document)
    assert page.count("<h2>keys</h2>") == 1
    assert "One <code>code</code> and <code>more</code> here." in page
    assert "<code>must</code> *</td><td>word</td>" in page
    assert "<code>free</code></td>" in page
    assert "<code>two</code></td><td>any</td>" in page
