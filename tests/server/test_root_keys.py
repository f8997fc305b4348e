"""Root keys: refused wherever customers' keys are checked, and never broader than the key that makes them."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.exceptions import StoreError
from secretsource.issuing import NO_SCOPE, Admission, Admitted, ApiKeys, HttpAnswer, Reason
from secretsource.issuing._check.verifier import Verifier
from secretsource.server.rights import EVERYTHING, ROOT_OWNER, ROOT_PREFIX, RootCaller
from secretsource.stores.memory import MemoryStore

if TYPE_CHECKING:
    from tests.server.conftest import World

PEPPER = "a pepper of the tests, long enough"


def test_a_root_key_is_refused_wherever_keys_of_customers_are_checked() -> None:
    """By every call that checks, new to the process and from memory, and with any environment."""
    with ApiKeys(MemoryStore(), peppers=[PEPPER]) as keys:
        text = keys.issue(owner=ROOT_OWNER, prefix=ROOT_PREFIX, scopes=["keys:read"]).plaintext
        admission = Admission(keys, scope=NO_SCOPE, refuse_after=0)
        for _ in range(2):
            ways: list[dict[str, Any]] = [{}, {"environment": "live"}, {"prefix": "sk"}, {"fresh": True}]
            for asked in ways:
                verdict: Any = keys.check(text, scope=NO_SCOPE, **asked)
                assert verdict.reason is Reason.WRONG_KIND, asked
            assert keys.check(text, scope="keys:read", prefix=ROOT_PREFIX)
            glanced: Any = keys.glance(text, scope=NO_SCOPE)
            assert glanced.reason is Reason.WRONG_KIND
            let_in = admission.admit({"X-API-Key": text}, None, "GET", "/")
            assert isinstance(let_in, HttpAnswer)
            assert let_in.status == 401
        asked_for = Admission(keys, scope=NO_SCOPE, prefix=ROOT_PREFIX).admit({"X-API-Key": text}, None, "GET", "/")
        assert isinstance(asked_for, Admitted)


async def test_the_caller_is_told_with_its_address(world: World) -> None:
    """The record of the root key, for the events of what it does."""
    assert world.app.service is not None
    headers = [(b"authorization", f"Bearer {world.root.key}".encode())]
    caller = await world.app.service.root.authenticate(headers, "192.0.2.9", "keys:read")
    assert isinstance(caller, RootCaller)
    assert (caller.record.key_id, caller.ip, caller.owner) == (world.root_key_id, "192.0.2.9", None)


async def test_a_root_key_that_was_checked_is_let_in_at_a_glance(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """On no longer way, until it is revoked; a customer's key is refused there, however often it was checked."""
    assert world.app.service is not None
    root, customers = world.app.service.root, await world.customer_key(scopes=["keys:read"])
    made = await world.keys.issue(owner=ROOT_OWNER, prefix=ROOT_PREFIX, scopes=["keys:read"])

    async def reason(text: str) -> str | None:
        caller = await root.authenticate([(b"authorization", f"Bearer {text}".encode())], None, "keys:read")
        return None if isinstance(caller, RootCaller) else json.loads(caller.body)["code"]

    assert await reason(made.plaintext) is None
    for _ in range(2):
        assert await world.keys.check(customers.plaintext, scope="keys:read")
        assert await reason(customers.plaintext) == "invalid_key"
        assert not await world.keys.check(made.plaintext, scope="keys:read")
    with monkeypatch.context() as short:
        for longer in ("check", "recall", "look"):
            short.setattr(Verifier, longer, None)
        assert await reason(made.plaintext) is None
    await world.keys.revoke(made.record.key_id)
    assert await reason(made.plaintext) == "invalid_key"


async def test_a_bound_root_key_needs_no_registered_owner(world: World) -> None:
    """An owner that nobody registered is not suspended."""
    key = await world.root_key("keys:read", metadata={"owner": "acme"})
    assert (await world.root.by(key)("GET", "/v1/keys")).status == 200


@pytest.mark.parametrize("comes_back", [False, True])
async def test_a_bound_root_key_ends_with_its_customer(world: World, comes_back: bool) -> None:
    """A purge ends it, also of a suspended customer, and also if the id comes back; a newer root key works."""
    key = await world.root_key("keys:*", metadata={"owner": "acme"})
    await world.keys.owners.put("acme")
    await world.keys.owners.suspend("acme", reason="unpaid")
    await world.keys.purge(owner="acme")
    if comes_back:
        await world.keys.owners.put("acme")
    answer = await world.root.by(key)("POST", "/v1/keys", {"owner": "acme"})
    assert (answer.status, answer.json["code"]) == (401, "invalid_key")
    assert not (await world.keys.list(owner="acme")).records
    newer = await world.root_key("keys:*", metadata={"owner": "acme"})
    assert (await world.root.by(newer)("POST", "/v1/keys", {"owner": "acme"})).status == 201


async def test_a_bound_root_key_is_refused_while_its_owner_cannot_be_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be suspended: 503, and not a guess."""
    key = await world.root_key("keys:read", metadata={"owner": "acme"})

    async def broken(_: Any) -> Any:
        raise StoreError("the store is down")

    monkeypatch.setattr(world.keys.owners, "get", broken)
    answer = await world.root.by(key)("GET", "/v1/keys")
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")


@pytest.mark.parametrize(
    ("fields", "made"),
    [
        ({"scopes": ["keys:read"]}, 201),
        ({"scopes": ["keys:*"]}, 403),
        ({"scopes": ["owners:read"]}, 403),
        ({"scopes": ["keys:read"], "expires_in": 10}, 201),
        ({"scopes": ["keys:read"], "expires_in": 10**6}, 403),
        ({"scopes": ["keys:read"], "expires_at": "2200-01-01T00:00:00Z"}, 403),
        ({"scopes": ["keys:read"], "networks": ["192.0.2.0/25"]}, 201),
        ({"scopes": ["keys:read"], "networks": ["0.0.0.0/0"]}, 403),
        ({"scopes": ["keys:read"], "owner": "acme"}, 201),
        ({"scopes": ["keys:read"], "owner": "ajax"}, 403),
        ({"scopes": []}, 422),
        ({"scopes": ["invoices:read"]}, 422),
        ({"scopes": ["keys:read"], "prefix": "sk"}, 422),
    ],
)
async def test_a_root_key_makes_none_beyond_itself(world: World, fields: dict[str, Any], made: int) -> None:
    """Neither by scopes, nor by its end, its networks or its customer; what is left out is taken from the maker."""
    maker = await world.root_key(
        "root:write", "keys:read", metadata={"owner": "acme"}, expires_in=3600, networks=["192.0.2.0/24"]
    )
    given = {"networks": ["192.0.2.0/24"], **fields}
    answer = await world.root.by(maker)("POST", "/v1/root-keys", given)
    assert answer.status == made, answer.body
    if made == 201:
        assert answer.json["owner"] == "acme"
        assert answer.json["expires_at"] is not None
        used = await world.root.by(answer.json["key"])("GET", "/v1/keys")
        assert used.status == 200
    elif made == 403:
        assert answer.json["code"] == "beyond_caller"


async def test_a_root_key_is_changed_and_rotated_within_its_caller(world: World) -> None:
    """A change or a successor beyond the caller is refused; the old key stays as it was."""
    maker = await world.root_key("root:*", "keys:read", expires_in=3600)
    caller = world.root.by(maker)
    made = (await caller("POST", "/v1/root-keys", {"scopes": ["keys:read"], "name": "worker"})).json
    path = f"/v1/root-keys/{made['key_id']}"
    for beyond in ({"scopes": ["keys:*"]}, {"expires_at": None}, {"expires_at": "2200-01-01T00:00:00Z"}):
        assert (await caller("PATCH", path, beyond)).json["code"] == "beyond_caller"
    changed = await caller("PATCH", path, {"networks": ["192.0.2.0/24"], "name": None}, if_match='"1"')
    assert (changed.status, changed.json["networks"], changed.json["name"]) == (200, ["192.0.2.0/24"], "")
    assert (await caller("POST", f"{path}:rotate", {"overlap": 5, "expires_in": 7200})).status == 403
    rotated = await caller("POST", f"{path}:rotate", {"overlap": 5})
    assert rotated.status == 201
    assert rotated.json["expires_at"] == made["expires_at"]
    shorter = await caller("POST", f"/v1/root-keys/{rotated.json['key_id']}:rotate", {"overlap": 5, "expires_in": 60})
    assert shorter.status == 201


async def test_a_root_key_without_an_end_rotates_as_any_key(world: World) -> None:
    """It keeps its scopes, and its holder receives the new text."""
    answer = await world.root("POST", f"/v1/root-keys/{world.root_key_id}:rotate", {"overlap": 60})
    assert answer.status == 201
    assert answer.json["scopes"] == sorted(EVERYTHING)
    assert answer.json["rotated"]["status"] == "rotating"
    assert (await world.root.by(answer.json["key"])("GET", "/v1/root-keys")).status == 200


async def test_events_name_the_root_key_that_did_it(world: World) -> None:
    """With the address that the request came from, behind no gateway that is not trusted."""
    made = await world.root("POST", "/v1/keys", {"owner": "acme"}, x_forwarded_for="6.6.6.6")
    events = await world.keys.events(made.json["key_id"])
    assert (events[0].actor, events[0].origin) == (f"root key {world.root_key_id}", "192.0.2.7")
    assert events[0].time <= time.time()
