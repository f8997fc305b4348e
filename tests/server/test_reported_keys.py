"""The route by which an operator reports a key that leaked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.server.test_access import bare

from secretsource.server.rights import EVERYTHING

if TYPE_CHECKING:
    from tests.server.conftest import World

PATH = "/v1/keys:reportLeak"


async def reported(world: World, key: str, **more: Any) -> Any:
    """Report a key."""
    return await world.root("POST", PATH, {"key": key, "source": "ops", "place": "https://paste.example/1", **more})


@pytest.mark.parametrize(("policy", "status"), [("revoke", "revoked"), ("rotate", "rotating"), ("tell", "active")])
async def test_a_reported_key_is_ended_as_the_policy_says(world: World, policy: str, status: str) -> None:
    """The history has the place; a repeat changes nothing more, and gives no text a second time."""
    issued = await world.customer_key()
    first, again = [await reported(world, issued.plaintext, policy=policy) for _ in range(2)]
    assert (first.status, first.json["key_id"], first.json["status"]) == (200, issued.record.key_id, status)
    assert (first.json["is_new"], again.json["is_new"]) == (True, False)
    assert (first.json["key"] is not None, again.json["key"]) == (policy == "rotate", None)
    if policy == "rotate":
        assert (await world.keys.identify(first.json["key"])).key_id == first.json["successor"]
    events = (await world.root("GET", f"/v1/keys/{issued.record.key_id}/events")).json["events"]
    exposed = [(each["actor"], each["origin"]) for each in events if each["kind"] == "exposed"]
    assert exposed == [("ops", "https://paste.example/1")]


@pytest.mark.parametrize(("policy", "kind"), [("revoke", "revoked"), ("rotate", "rotated"), ("tell", None)])
async def test_no_caller_signs_with_another_name(world: World, policy: str, kind: str | None) -> None:
    """The source is what the caller says; the history has the root key that did it, whatever the source is."""
    issued = await world.customer_key()
    answer = await world.root("POST", PATH, {"key": issued.plaintext, "source": "root key of ada", "policy": policy})
    assert answer.status == 200
    events = {each.kind.value: each for each in await world.keys.events(issued.record.key_id)}
    me = f"root key {(await world.keys.identify(world.root.key or '')).key_id}"
    exposed = events["exposed"]
    assert (exposed.actor, exposed.reason) == ("root key of ada", f"{policy}, reported by {me} from 192.0.2.7")
    if kind is not None:
        assert (events[kind].actor, events[kind].origin, events[kind].reason) == (me, "192.0.2.7", "leaked")


@pytest.mark.parametrize("word", ["https://git.example/" + "deeply/nested/" * 40, "found\nby mail", "a\ud800b", "\0"])
async def test_no_word_about_a_leak_lets_the_key_live(world: World, word: str) -> None:
    """The place, the source and the reason are cut and made legible; a refusal would leave the key good."""
    body = {"source": word, "place": word}
    for path, more in (("reportLeak", body), ("surrender", {"reason": word}), ("revoke", {"reason": word})):
        issued = await world.customer_key()
        text = issued.plaintext
        sent = json.dumps({**more, **({"key": text} if path == "reportLeak" else {})}).encode()
        key_id = f"/{issued.record.key_id}" if path == "revoke" else ""
        client = world.root.by(text) if path == "surrender" else world.root
        answer = await client("POST", f"/v1/keys{key_id}:{path}", body=sent, content_type="application/json")
        assert (answer.status, answer.json.get("status")) == (200, "revoked"), path


async def test_what_is_not_for_the_caller_looks_like_no_key(world: World) -> None:
    """A text of nobody, another customer's key and a root key are answered alike, to the byte."""
    stranger, root = await world.customer_key("ajax"), await world.root_key("root:read")
    bound = world.root.by(await world.root_key(*EVERYTHING, metadata={"owner": "acme"}))
    answers = [
        await bound("POST", PATH, {"key": text, "source": "ops"})
        for text in ("nonsense", stranger.plaintext, root, stranger.plaintext[:-1] + "!", "")
    ]
    assert {(each.status, bare(each.body)) for each in answers} == {(404, bare(answers[0].body))}
    assert answers[0].json["code"] == "key_not_found"
    assert (await world.keys.get(stranger.record.key_id)).status.value == "active"
    assert (await reported(world, root)).status == 404


async def test_no_answer_and_no_log_quotes_the_key(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Not even where the rest of the report is wrong."""
    issued = await world.customer_key()
    wrong: list[dict[str, Any]] = [{"policy": "burn"}, {"source": ""}, {"overlap": -1}, {"key": [issued.plaintext]}]
    for more in wrong:
        answer = await world.root("POST", PATH, {"key": issued.plaintext, "source": "ops", **more})
        assert answer.status == 422
        assert issued.plaintext[10:40] not in answer.body.decode() + caplog.text
    assert issued.plaintext[10:40] not in (await reported(world, issued.plaintext)).body.decode() + caplog.text
