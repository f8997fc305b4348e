"""Requests that can be read in two ways are refused: two readers would act on two different ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.server.asgi_client import Client

from secretsource.server.connections.ambiguity import check_names, is_text, read_body
from secretsource.server.problems import Problem

if TYPE_CHECKING:
    from tests.server.conftest import World

    from secretsource.server.service import Receive, Scope, Send


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        (b"", True),
        (b"/v1/owners/M%C3%BCller", True),
        (b"/v1/owners/M\xc3\xbcller", True),
        (b"/v1/owners/M%FCller", False),
        (b"/v1/owners/M\xfcller", False),
        (b"owner=%ed%a0%80", False),
        (b"a=%", True),
    ],
)
def test_what_is_text(encoded: bytes, expected: bool) -> None:
    """Bytes that are UTF-8 once they are decoded; a surrogate is none."""
    assert is_text(encoded) is expected


def test_names_that_stand_once_are_right() -> None:
    """A name that stands twice is told, cut."""
    check_names(["a", "b"], "parameter")
    with pytest.raises(Problem) as caught:
        check_names(["a", "n" * 200, "n" * 200], "header")
    fault = caught.value.fault
    assert fault is not None
    assert (caught.value.status, fault.place, fault.name) == (422, "header", "n" * 100)
    assert str(caught.value) == f"{'n' * 100} is wrong: this is given more than once: give it once"


@pytest.mark.parametrize("body", [b'{"a": 1, "a": 1}', b'[{"x": {"a": 1, "b": 2, "\\u0061": 3}}]'])
def test_a_field_that_stands_twice_is_refused(body: bytes) -> None:
    """At any depth, also in another spelling; the same name in two objects is right."""
    assert read_body(b'{"a": {"a": 1}, "b": [{"a": 2}]}') == {"a": {"a": 1}, "b": [{"a": 2}]}
    with pytest.raises(Problem, match="an object in the body has a field twice: send each field once") as caught:
        read_body(body)
    assert (caught.value.status, caught.value.code) == (400, "malformed_body")


TWICE = '{"owner": "acme", "owner": "globex"}'
BODIES = [
    ("/v1/keys", b'{"owner": "acme", "expires_in": 60, "expires_in": null}'),
    ("/v1/keys", TWICE.encode("utf-8-sig")),
    ("/v1/keys", TWICE.encode("utf-16")),
    ("/v1/keys", TWICE.encode("utf-16-le")),
    ("/v1/keys", TWICE.encode("utf-32")),
    ("/v1/keys", b'{"owner": "\xed\xa0\x80", "owner": "globex"}'),
    ("/v1/keys:surrender", b'{"reason": "found", "reason": null}'),
    ("/v1/keys:rotateSelf", b'{"overlap": 0, "overlap": 86400}'),
    ("/v1/keys:verify", b'{"key": "junk", "scope": "invoices:pay", "scope": null}'),
    ("/v1/keys:verifyBatch", b'{"keys": [{"key": "junk", "scope": "invoices:pay", "scope": null}]}'),
]


@pytest.mark.parametrize(("path", "body"), BODIES)
async def test_no_operation_chooses_between_two_values(world: World, path: str, body: bytes) -> None:
    """The last value would win, where a filter in front of the service may look at the first."""
    answer = await world.root("POST", path, body=body, content_type="application/json")
    assert (answer.status, answer.json["code"]) == (400, "malformed_body")
    for owner in ("acme", "globex"):
        assert not (await world.keys.list(owner=owner)).records


@pytest.mark.parametrize("text", ['{"owner": "acme"}', '{"owner": "M\xfcller"}'])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32", "latin-1"])
async def test_a_body_has_one_encoding(world: World, text: str, encoding: str) -> None:
    """It is UTF-8, as the document says; ASCII is that, too."""
    body = text.encode(encoding)
    answer = await world.root("POST", "/v1/keys", body=body, content_type="application/json")
    expected = (201, None) if body.isascii() and b"\0" not in body else (400, "malformed_body")
    assert (answer.status, answer.json.get("code")) == expected


@pytest.mark.parametrize(
    ("method", "target", "name"),
    [
        ("POST", "/v1/keys?overlap=0", "overlap"),
        ("GET", "/v1/owners/acme?plan=basic", "plan"),
        ("PATCH", "/v1/owners/acme?if-match=1", "if-match"),
        ("DELETE", "/v1/owners/acme?reasom=typo", "reasom"),
        ("POST", "/v1/keys:surrender?reason=found", "reason"),
        ("GET", "/v1/keys?ownr=acme", "ownr"),
    ],
)
async def test_a_parameter_that_no_document_has_is_refused(world: World, method: str, target: str, name: str) -> None:
    """Also where an operation has no parameters: what would be passed over may be what the client meant."""
    await world.keys.owners.put("acme")
    body: dict[str, Any] | None = {} if method in {"POST", "PATCH"} else None
    answer = await world.root(method, target, body)
    assert (answer.status, answer.json["code"], answer.json["parameter"]) == (422, "invalid_request", name)
    assert (await world.keys.owners.get("acme")).revision == 1


async def test_a_parameter_that_stands_twice_is_refused(world: World) -> None:
    """It is named in the answer."""
    answer = await world.root("GET", "/v1/keys?owner=ada&limit=5&owner=bob")
    assert (answer.status, answer.json["parameter"]) == (422, "owner")


@pytest.mark.parametrize("name", ["idempotency-key", "if-match", "content-type"])
async def test_a_header_that_stands_twice_is_refused(world: World, name: str) -> None:
    """It is named in the answer; a header that the service does not read may stand twice."""

    async def doubling(scope: Scope, receive: Receive, send: Send) -> None:
        twice = [pair for pair in scope["headers"] if pair[0] in {name.encode(), b"accept"}]
        await world.app({**scope, "headers": [*scope["headers"], *twice]}, receive, send)

    issued = await world.customer_key()
    path = f"/v1/keys/{issued.record.key_id}"
    sent: dict[str, Any] = {
        "idempotency-key": "1",
        "if-match": '"1"',
        "content-type": "application/json",
        "accept": "*",
    }
    answer = await Client(doubling, world.root.key)("PATCH", path, {"name": "new"}, **sent)
    assert (answer.status, answer.json["header"]) == (422, name)
    assert (await world.keys.get(issued.record.key_id)).name == ""


async def test_two_customers_stay_two(world: World) -> None:
    """An id in another encoding than UTF-8 is refused, in a path and in a query: all such ids would be one customer."""
    for target in ("/v1/owners/M%FCller", "/v1/owners/M%E4ller", "/v1/keys?owner=M%FCller"):
        answer = await world.root("PUT" if "owners/" in target else "GET", target, {})
        assert (answer.status, answer.json["code"]) == (400, "malformed_request")
    assert not (await world.keys.owners.list())
    assert (await world.root("PUT", "/v1/owners/M%C3%BCller", {})).json["owner"] == "Müller"


async def test_a_condition_that_is_not_looked_at_is_refused(world: World) -> None:
    """An operation that ignores it would change what the client did not read, or replace what it did not expect."""
    issued = await world.customer_key()
    await world.keys.owners.put("acme")
    key, owner = f"/v1/keys/{issued.record.key_id}", "/v1/owners/acme"
    for method, path in (("POST", f"{key}:revoke"), ("POST", f"{owner}:suspend"), ("DELETE", owner)):
        answer = await world.root(method, path, if_match='"999"')
        assert (answer.status, answer.json["header"]) == (422, "if-match")
    answer = await world.root("PUT", owner, {"name": "another"}, if_none_match="*")
    assert (answer.status, answer.json["header"]) == (422, "if-none-match")
    assert (await world.root("GET", key, if_none_match="*")).status == 200
    assert (await world.keys.owners.get("acme")).revision == 1
    assert (await world.root("GET", key, if_match='"999"')).status == 200
