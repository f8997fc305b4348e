"""Every route of the document, asked by every kind of caller: nothing tells what is there."""

from __future__ import annotations

import re
import time
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from secretsource.server.api.document import management
from secretsource.server.rights import EVERYTHING, ROOT_OWNER, ROOT_PREFIX, ROOT_SCOPES
from secretsource.server.settings import PagesSettings, ServerSettings
from secretsource.stores.base import Change, EventKind, KeyEvent, Status

if TYPE_CHECKING:
    from tests.server.conftest import World

DOCUMENT: dict[str, Any] = management(None).openapi()  # type: ignore[arg-type]
ABSENT = {"key_id": "0" * 22, "owner": "nobody", "plan": "nothing"}


class Operation(NamedTuple):
    """One operation of the document."""

    name: str
    method: str
    path: str
    scopes: tuple[str, ...]
    body: dict[str, Any] | None


def operations() -> list[Operation]:
    """What root keys open, with a body of the required fields, by their examples."""
    found = []
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            scopes = next((each["rootKey"] for each in operation["security"] if "rootKey" in each), None)
            if scopes is None:
                continue
            body = None
            if operation.get("requestBody", {}).get("required"):
                reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
                schema = DOCUMENT["components"]["schemas"][reference.rpartition("/")[2]]
                body = {name: schema["properties"][name]["examples"][0] for name in schema.get("required", ())}
            assert scopes
            found.append(Operation(operation["operationId"], method.upper(), path, tuple(scopes), body))
    return found


OPERATIONS = operations()
WITH_AN_ID = [each for each in OPERATIONS if "{" in each.path]


def bare(text: bytes, *ids: str) -> str:
    """A body without what differs between any two requests."""
    shown = re.sub(r'"request_id": "[0-9a-f]{16}"', "", text.decode())
    for each in ids:
        shown = shown.replace(each, "…")
    return shown


class Ground:
    """A customer with a key and a plan, and a weak root key."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ids: dict[str, str] = {}

    async def make(self) -> None:
        """Make them."""
        keys = self.world.keys
        await keys.plans.put("basic")
        await keys.owners.put("acme", credits=10)
        key = await self.world.customer_key(credits=10)
        await keys.rotate(key.record.key_id, overlap=60)
        weak = await self.world.root("POST", "/v1/root-keys", {"scopes": ["keys:read"], "owner": "acme"})
        await keys.rotate(weak.json["key_id"], overlap=60)
        self.ids = {"key": key.record.key_id, "root": weak.json["key_id"], "owner": "acme", "plan": "basic"}
        self.customer_text = key.plaintext

    async def expired(self) -> str:
        """A root key that may do everything, and whose end has passed."""
        keys = self.world.keys
        issued = await keys.issue(owner=ROOT_OWNER, prefix=ROOT_PREFIX, scopes=EVERYTHING, expires_in=3600)
        record = issued.record._replace(expires=issued.record.created, revision=issued.record.revision + 1)
        event = KeyEvent(record.key_id, record.revision, EventKind.UPDATED, record.created)
        assert await keys._store.update(Change(record, event))
        assert (await keys.get(record.key_id)).status_at(time.time()) is Status.EXPIRED
        return issued.plaintext

    def target(self, operation: Operation, absent: bool = False) -> tuple[str, str]:
        """The path of an operation with an id, and that id."""
        name = (re.findall(r"{(\w+)}", operation.path) or [""])[0]
        own = "root" if "root-keys" in operation.path else "key"
        found = ABSENT.get(name, "") if absent else self.ids.get(own if name == "key_id" else name, "")
        return operation.path.replace(f"{{{name}}}", found), found

    async def ask(self, operation: Operation, key: str | None, *, absent: bool = False) -> Any:
        """Ask it; the owner of a new key is the customer, and a key that leaked is the customer's."""
        path, _ = self.target(operation, absent)
        body = operation.body
        if operation.name == "issueKey":
            body = {"owner": "acme"}
        elif operation.name == "reportLeak":
            body = {"key": self.customer_text, "source": "ops"}
        return await self.world.root.by(key)(operation.method, path, body)


@pytest.fixture
def settings() -> ServerSettings:
    """A service with pages, so that it makes links."""
    return ServerSettings(pages=PagesSettings())


@pytest.fixture
async def ground(world: World) -> Ground:
    """The customer and its things."""
    found = Ground(world)
    await found.make()
    return found


async def test_a_refused_caller_learns_nothing(ground: Ground) -> None:
    """Whoever is no caller gets one answer for all reasons, whether the thing is there or not."""
    world, keys = ground.world, ground.world.keys
    refused = [
        "root_live_" + "0" * 54 + "ss1" + "0" * 6,
        ground.customer_text,
        await world.root_key(*EVERYTHING, networks=["198.51.100.0/24"]),
        await world.root_key(*EVERYTHING, not_before=4e9),
    ]
    for move in (keys.revoke, keys.disable):
        issued = await world.root_key(*EVERYTHING)
        listed = await keys.list(prefix="root")
        await move(next(each.key_id for each in reversed(listed.records) if issued[:14] in each.display))
        refused.append(issued)
    await keys.owners.put("ended")
    refused.append(await world.root_key(*EVERYTHING, metadata={"owner": "ended"}))
    await keys.owners.suspend("ended")
    not_ours = await keys.issue(owner="mallory", prefix="root", scopes=EVERYTHING)
    refused.append(not_ours.plaintext)
    refused.append(await ground.expired())
    bodies = set()
    for operation in OPERATIONS:
        for text, absent in product(refused, (False, True)):
            answer = await ground.ask(operation, text, absent=absent)
            assert answer.status == 401, (operation.name, text[:14])
            bodies.add(bare(answer.body))
        missing = await ground.ask(operation, None)
        assert (missing.status, missing.json["code"]) == (401, "missing_key")
        assert missing.headers["www-authenticate"] == 'Bearer realm="management"'
    assert len(bodies) == 1


async def test_a_caller_without_the_scope_is_told_the_scope_alone(ground: Ground) -> None:
    """403 with the scopes that it needs, the same whether the thing is there or not."""
    for operation, missing in [(each, scope) for each in OPERATIONS for scope in each.scopes]:
        weak = await ground.world.root_key(*[scope for scope in ROOT_SCOPES if scope != missing])
        there, absent = [await ground.ask(operation, weak, absent=absent) for absent in (False, True)]
        assert (there.status, there.json["scope"]) == (403, " ".join(operation.scopes)), operation.name
        assert bare(there.body) == bare(absent.body)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
async def test_a_caller_with_the_scope_alone_is_let_in(operation: Operation, ground: Ground) -> None:
    """The scope of the document is enough, and the answer is one that the document has."""
    given = {"keys:read", "keys:verify"} if "root-keys" in operation.path else set()  # it may give what it has
    scopes = {*operation.scopes, *given}
    answer = await ground.ask(operation, await ground.world.root_key(*scopes))
    by_state = {409} if re.search(r":(rotate|disable|enable)$", operation.path) else set()
    assert answer.status in {200, 201} | by_state, answer.body


@pytest.mark.parametrize("operation", WITH_AN_ID, ids=lambda each: each.name)
async def test_a_caller_bound_to_another_customer_finds_nothing(operation: Operation, ground: Ground) -> None:
    """What belongs to another customer looks as if it were not there, to the byte."""
    other = await ground.world.root_key(*EVERYTHING, metadata={"owner": "ajax"})
    there, absent = [await ground.ask(operation, other, absent=absent) for absent in (False, True)]
    ids = [ground.target(operation, absent)[1] for absent in (False, True)]
    assert there.status == absent.status == 404
    assert bare(there.body, ids[0]) == bare(absent.body, ids[1])
    own = await ground.ask(operation, await ground.world.root_key(*EVERYTHING, metadata={"owner": "acme"}))
    assert own.status == (404 if "plan" in operation.path else own.status)
    assert own.status not in {401, 403}
    assert own.status != 404 or "plan" in operation.path


async def test_a_list_shows_a_bound_caller_its_customer_alone(ground: Ground) -> None:
    """No list names another customer, one of its keys, or where its things begin."""
    other = await ground.world.root_key(*EVERYTHING, metadata={"owner": "ajax"})
    await ground.world.keys.issue(owner="ajax")
    lists = [each for each in OPERATIONS if each.method == "GET" and each not in WITH_AN_ID]
    for operation in lists:
        answer = await ground.ask(operation, other)
        assert answer.status == 200
        assert not [each for each in ground.ids.values() if each in answer.body.decode()], operation.name
    assert [each.name for each in lists] == [
        "listKeys", "listOwners", "listPlans", "listEvents", "getUsage", "listMessages", "listRootKeys"
    ]  # fmt: skip


async def test_neither_kind_of_keys_is_reached_by_the_paths_of_the_other(ground: Ground) -> None:
    """A root key is no key of a customer, and the other way round."""
    ground.ids["key"], ground.ids["root"] = ground.ids["root"], ground.ids["key"]
    for operation in WITH_AN_ID:
        if "key_id" in operation.path:
            answer = await ground.ask(operation, ground.world.root.key)
            assert (answer.status, answer.json["code"]) == (404, "key_not_found"), operation.name


async def test_a_root_key_does_not_reach_a_stronger_one(ground: Ground) -> None:
    """To rotate a stronger one would be to receive its rights."""
    weak = await ground.world.root_key("root:read", "root:write")
    for operation in WITH_AN_ID:
        if "root-keys" in operation.path:
            answer = await ground.ask(operation, weak)
            assert (answer.status, answer.json["code"]) == (404, "key_not_found"), operation.name
