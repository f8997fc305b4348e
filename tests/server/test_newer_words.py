"""A store in which a newer version writes, while this one still answers: words that only the newer one knows."""

from __future__ import annotations

import re
from ipaddress import ip_network
from time import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.server.pages.browser import Browser
from tests.server.pages.operators import GETS, operator

from secretsource.exceptions import InvalidRequest
from secretsource.issuing import EventKind, KeyEvent, OwnerEvent, OwnerEventKind, OwnerStatus, Status
from secretsource.server.settings import PagesSettings, ServerSettings
from secretsource.server.webhooks.events import type_of
from secretsource.stores.base import Change
from secretsource.stores.records import kept_word

if TYPE_CHECKING:
    from tests.server.conftest import World


@pytest.fixture
def settings() -> ServerSettings:
    """A service with pages, and one route for gateways."""
    gateway = ip_network("192.0.2.7/32")
    return ServerSettings(
        pages=PagesSettings(name="Acme API"), default_scope="invoices:read", trusted_proxies=(gateway,)
    )


async def write_key(world: World, key_id: str, **fields: Any) -> None:
    """Write a record as a newer version does, with an event of a kind of its own."""
    record = await world.keys.get(key_id)
    new = record._replace(revision=record.revision + 1, **fields)
    event = KeyEvent(key_id, new.revision, kept_word(EventKind, "quarantined"), time())
    store: Any = world.keys._parts.store
    assert await store.update_all([Change(new, event)])


async def write_owner(world: World, owner: str, **fields: Any) -> None:
    """Write an owner as a newer version does, with an event of a kind of its own."""
    record = await world.keys.owners.get(owner)
    event = OwnerEvent(owner, kept_word(OwnerEventKind, "paused"), time())
    store: Any = world.keys._parts.store
    await store.owners.put(record._replace(**fields), event)


async def verified(world: World, key: str) -> dict[str, Any]:
    """The verdict on a key, and the status of forward-auth."""
    verdict = (await world.root("POST", "/v1/keys:verify", {"key": key, "scope": "invoices:read"})).json
    gateway = await world.root.by(key)("GET", "/v1/forward-auth", x_forwarded_method="GET", x_forwarded_uri="/a")
    return {"reason": verdict["reason"], "status": gateway.status}


async def test_a_key_in_an_unknown_status_is_shown_refused_and_revoked(world: World) -> None:
    """It opens nothing; no move but an end can be made from it."""
    key = await world.customer_key()
    path = f"/v1/keys/{key.record.key_id}"
    await write_key(world, key.record.key_id, status=kept_word(Status, "quarantined"))
    assert (await world.root("GET", path)).json["status"] == "quarantined"
    assert [each["status"] for each in (await world.root("GET", "/v1/keys")).json["keys"]] == ["quarantined"]
    assert [each["kind"] for each in (await world.root("GET", f"{path}/events")).json["events"]][-1] == "quarantined"
    assert await verified(world, key.plaintext) == {"reason": "disabled", "status": 401}
    for move in ("rotate", "finish", "disable", "enable"):
        refused = await world.root("POST", f"{path}:{move}", {"overlap": 60} if move == "rotate" else {})
        assert (refused.status, refused.json["code"]) == (409, "invalid_transition"), move
    assert (await world.root("PATCH", path, {"name": "new"})).json["status"] == "quarantined"
    revoked = (await world.root("POST", "/v1/owners/acme:revokeKeys")).json["keys"]
    assert [(each["key_id"], each["status"]) for each in revoked] == [(key.record.key_id, "revoked")]


async def test_an_owner_in_an_unknown_status_is_shown_and_refused(world: World) -> None:
    """Its keys, its root key and its pages are closed, as those of a suspended one."""
    await world.keys.owners.put("acme")
    key, browser = await world.customer_key(), Browser(world.app, world.keys)
    bound = world.root.by(await world.root_key("keys:read", metadata={"owner": "acme"}))
    await browser.sign_in("acme")
    await write_owner(world, "acme", status=kept_word(OwnerStatus, "paused"))
    assert (await world.root("GET", "/v1/owners/acme")).json["status"] == "paused"
    assert await verified(world, key.plaintext) == {"reason": "owner_suspended", "status": 401}
    assert (await bound("GET", "/v1/keys")).status == 401
    assert (await browser.get("/portal/keys")).status == 403
    with pytest.raises(InvalidRequest, match="owner 'acme' is paused, and without the registration"):
        await world.keys.owners.delete("acme")
    assert (await world.root("POST", "/v1/owners/acme:resume")).json["status"] == "active"
    assert (await verified(world, key.plaintext))["status"] == 200


async def test_rules_of_an_unknown_form_are_shown_and_let_nothing_through(world: World) -> None:
    """Limits cannot be counted here, and networks hold no address; an owner that is suspended says so first."""
    await world.keys.owners.put("acme")
    key = await world.customer_key()
    await write_key(world, key.record.key_id, rate_limit="5/fortnight")
    assert (await world.root("GET", "/v1/keys")).json["keys"][0]["rate_limit"] == "5/fortnight"
    assert (await world.root("GET", f"/v1/keys/{key.record.key_id}/limits")).json == {"limits": []}
    assert await verified(world, key.plaintext) == {"reason": "limiter_unavailable", "status": 503}
    await write_owner(world, "acme", quota="7/eon")
    assert await verified(world, (await world.customer_key()).plaintext) == {
        "reason": "limiter_unavailable", "status": 503
    }  # fmt: skip
    closed = await world.customer_key("other")
    await write_key(world, closed.record.key_id, networks=("192.0.2.0-192.0.2.9",))
    assert await verified(world, closed.plaintext) == {"reason": "wrong_network", "status": 401}
    await world.keys.owners.suspend("acme")
    assert await verified(world, key.plaintext) == {"reason": "owner_suspended", "status": 401}


async def test_pages_and_feeds_show_unknown_words_as_they_are(world: World) -> None:
    """Each page of operators and of the customer, the feed of all events, and the types of webhooks."""
    await world.keys.plans.put("pro")
    await world.keys.owners.put("acme", plan="pro")
    key = await world.customer_key()
    root = (await world.root("POST", "/v1/root-keys", {"scopes": ["keys:read"]})).json["key_id"]
    await write_key(world, key.record.key_id, status=kept_word(Status, "quarantined"))
    await write_owner(world, "acme", name="Acme", quota="7/eon")
    happened = await world.keys.history()
    assert {"quarantined", "paused"} <= {event.kind.value for event in happened}
    assert {type_of(event) for event in happened if event.kind in {"quarantined", "paused"}} == {None}
    desk, customer = await operator(world), Browser(world.app, world.keys)
    ids = {"owner": "acme", "plan": "pro", "key": key.record.key_id, "root": root}
    for name, target in GETS.items():
        assert (await desk.get(target.format(**ids))).status in {200, 409}, name
    await desk.get("/operator/events")
    assert re.search("quarantined.*paused|paused.*quarantined", desk.page, re.DOTALL)
    await customer.sign_in("acme")
    for target in ("keys", f"keys/{key.record.key_id}", "events", "usage"):
        assert (await customer.get(f"/portal/{target}")).status == 200, target
        assert "quarantined" in customer.page or target == "usage"
