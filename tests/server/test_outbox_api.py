"""The routes of messages that have not arrived: list them, and send again what was given up."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.issuing.documents import message_document
from secretsource.server.rights import EVERYTHING
from secretsource.stores.base import Message

if TYPE_CHECKING:
    from tests.server.conftest import World

LOST = Message("webhook:shop", "m1", "key.revoked", "canary", 10.0, "acme", None, 8, "the endpoint answered 500")
WAITS = Message("webhook:shop", "m2", "key.issued", "canary", 20.0, "acme", 4e9, 1, "")
OTHER = Message("leaks", "m3", "leak", "canary", 30.0, None, None, 10, "")


async def stored(world: World) -> Any:
    """Three messages of two queues, two of which were given up; and the outbox."""
    assert world.keys.outbox is not None
    await world.keys.outbox.put([LOST, WAITS, OTHER])
    return world.keys.outbox


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("", [LOST, WAITS, OTHER]),
        ("?queue=webhook:shop", [LOST, WAITS]),
        ("?given_up=true", [LOST, OTHER]),
        ("?given_up=false", [WAITS]),
        ("?limit=1", [LOST]),
        ("?queue=nothing", []),
    ],
)
async def test_messages_are_listed_without_their_bodies(world: World, asked: str, found: list[Message]) -> None:
    """The oldest first, as the documents of the command line."""
    await stored(world)
    answer = await world.root("GET", f"/v1/outbox{asked}")
    assert (answer.status, answer.json) == (200, {"messages": [message_document(each) for each in found]})
    assert b"canary" not in answer.body


@pytest.mark.parametrize(("body", "due"), [({}, 1), ({"id": "m1"}, 1), ({"id": "m2"}, 0), ({"queue": "nothing"}, 0)])
async def test_what_was_given_up_is_due_again(world: World, body: dict[str, str], due: int) -> None:
    """Of one queue; messages that wait for their next attempt stay as they are."""
    outbox = await stored(world)
    answer = await world.root("POST", "/v1/outbox:resend", {"queue": "webhook:shop", **body})
    assert (answer.status, answer.json) == (200, {"due": due})
    taken = await outbox.take("webhook:shop", time.time(), 4e9, 10)
    assert [each.id for each in taken] == ["m1"] * due
    assert [each.id for each in await outbox.list(given_up=True)] == (["m3"] if due else ["m1", "m3"])


async def test_a_root_key_of_one_owner_reaches_no_message(world: World) -> None:
    """The outbox is about all owners: such a caller sees none, and changes none."""
    outbox = await stored(world)
    bound = world.root.by(await world.root_key(*EVERYTHING, metadata={"owner": "acme"}))
    assert (await bound("GET", "/v1/outbox")).json == {"messages": []}
    assert (await bound("POST", "/v1/outbox:resend", {"queue": "webhook:shop"})).json == {"due": 0}
    assert list(await outbox.list()) == [LOST, WAITS, OTHER]


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/outbox"), ("POST", "/v1/outbox:resend")])
async def test_a_store_without_an_outbox_is_told(world: World, method: str, path: str) -> None:
    """A store of your own may keep none."""
    world.keys.outbox = None
    answer = await world.root(method, path, {"queue": "webhook:shop"} if method == "POST" else None)
    assert (answer.status, answer.json["code"]) == (409, "no_outbox")


async def test_a_name_that_no_database_can_hold_is_a_mistake(world: World) -> None:
    """PostgreSQL refuses NUL, so the answer would be that the store is down, and the client would ask again."""
    asked = await world.root("GET", "/v1/outbox?queue=%00")
    assert (asked.status, asked.json["parameter"]) == (422, "queue")
    for field in ("queue", "id"):
        answer = await world.root("POST", "/v1/outbox:resend", {"queue": "webhook:shop", field: "a\0b"})
        assert (answer.status, answer.json["pointer"]) == (422, f"/{field}")
