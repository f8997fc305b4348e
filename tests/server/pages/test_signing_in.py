"""A portal link signs a customer in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.server.pages.browser import Browser

from secretsource.issuing import OwnerEventKind
from secretsource.server.open_paths.links import WAYS_IN, new_link

if TYPE_CHECKING:
    from tests.server.conftest import World


async def test_a_link_shows_the_keys_of_its_customer(world: World, browser: Browser) -> None:
    """After signing in by a link, the customer sees its own keys."""
    await world.customer_key(owner="acme", name="Billing worker")
    await world.customer_key(owner="globex", name="Foreign worker")

    page = await browser.sign_in("acme")

    assert page.status == 200
    assert b"Billing worker" in page.body
    assert b"Foreign worker" not in page.body


async def test_a_purged_customer_is_signed_out(world: World, browser: Browser) -> None:
    """Its session ends with it: the open form makes no key for a customer that was deleted."""
    await browser.sign_in("acme")
    await browser.get("/portal/keys/new")
    await world.keys.purge(owner="acme")
    fields = {"name": "Back again", "environment": "live", "scopes": ["invoices:read"], "ends": "30"}
    answer = await browser.post("/portal/keys/new", fields)
    assert answer.status == 403
    assert not (await world.keys.list(owner="acme")).records


async def test_a_customer_is_signed_out_everywhere(world: World, browser: Browser) -> None:
    """Each browser and each open link of that customer, with one event; an operator and another customer stay in."""
    other, foreign, operator = (Browser(world.app, world.keys) for _ in range(3))
    for each in (browser, other):
        await each.sign_in("acme")
    await foreign.sign_in("globex")
    await operator.get("/operator/sign-in")
    assert (await operator.post("/operator/sign-in", {"key": world.root.key})).status == 303
    link = (await new_link(world.keys, "acme")).plaintext
    answer = await world.root("POST", "/v1/owners/acme:signOut", {"reason": "a lost phone"})
    assert (answer.status, answer.json) == (200, {"owner": "acme", "ended": 3})
    assert (await world.root("POST", "/v1/owners/acme:signOut")).json["ended"] == 0
    (event,) = await world.keys.owners.events("acme")
    told = (event.kind, event.actor, event.origin, event.reason)
    assert told == (OwnerEventKind.SIGNED_OUT, f"root key {world.root_key_id}", "192.0.2.7", "a lost phone")
    for each in (browser, other):
        assert (await each.get("/portal/keys")).status == 303
    assert (await foreign.get("/portal/keys")).status == 200
    assert (await operator.get("/operator/owners")).status == 200
    await other.get(f"/portal/sign-in?link={link}")
    assert (await other.post("/portal/sign-in", {"link": link})).status == 410
    assert (await browser.sign_in("acme")).status == 200
    assert (await world.root("POST", "/v1/owners/globex:signOut")).json["ended"] == 1


@pytest.mark.parametrize("moment", ["put", "take"])
async def test_no_session_slips_past_a_sign_out(
    world: World, browser: Browser, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Also not that of a link which is being spent at that moment: before its session is stored, or after."""
    link = (await new_link(world.keys, "acme")).plaintext
    await browser.get(f"/portal/sign-in?link={link}")
    passes = world.keys._parts.store.passes
    assert passes is not None
    real = getattr(passes, moment)

    async def meanwhile(*given: Any) -> Any:
        monkeypatch.setattr(passes, moment, real)
        await world.keys.owners.sign_out("acme", WAYS_IN)
        return await real(*given)

    monkeypatch.setattr(passes, moment, meanwhile)
    await browser.post("/portal/sign-in", {"link": link})
    assert (await browser.get("/portal/keys")).status == 303


async def test_a_sign_out_is_for_who_may_sign_in(world: World) -> None:
    """The scope is that of links; a root key of another customer sees nobody to sign out."""
    await world.keys.passes.issue("customer", "acme", expires_in=60)
    able, foreign = await world.root_key("owners:*"), await world.root_key("portal:write", metadata={"owner": "globex"})
    for key, status in ((able, 403), (foreign, 404)):
        assert (await world.root.by(key)("POST", "/v1/owners/acme:signOut")).status == status
    bound = world.root.by(await world.root_key("portal:write", metadata={"owner": "acme"}))
    assert (await bound("POST", "/v1/owners/acme:signOut")).json == {"owner": "acme", "ended": 1}


async def test_the_first_page_leads_to_the_way_in(browser: Browser) -> None:
    """`/portal` alone is a page: without a session it says how to sign in, and with one it leads to the keys."""
    sent = await browser.get("/portal")
    assert (sent.status, sent.headers["location"]) == (303, "/portal/sign-in")
    shown = await browser.get("/portal/sign-in")
    assert shown.status == 401
    assert b"You are not signed in. Open this page from your account." in shown.body
    await browser.sign_in("acme")
    sent = await browser.get("/portal")
    assert (sent.status, sent.headers["location"]) == (303, "/portal/keys")


async def test_a_slash_too_much_leads_to_the_page(browser: Browser) -> None:
    """By a path alone: a gateway may speak another scheme with the browser than with this process."""
    for asked, page in {
        "/portal/": "/portal",
        "/portal/sign-in/?link=a%20b": "/portal/sign-in?link=a%20b",
        "/operator//": "/operator",
    }.items():
        sent = await browser.get(asked)
        assert (sent.status, sent.headers["location"], sent.headers["cache-control"]) == (303, page, "no-store"), asked
    for target in ("/portal/nothing/", "/portal//evil.example/", "/static/"):
        assert (await browser.get(target)).status == 404, target
