"""What operators do on their pages: each form works without a script, and says next to the field what is wrong."""

from __future__ import annotations

import re
import time
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from tests.server.pages.browser import Browser
from tests.server.pages.operators import operator

from secretsource.exceptions import KeyNotFound
from secretsource.issuing import ChoreReport, OwnerStatus, Status
from secretsource.server.chores.settings import ChoreSettings
from secretsource.server.rights import ROOT_OWNER, ROOT_PREFIX
from secretsource.server.settings import PagesSettings, ServerSettings
from secretsource.stores._sql import listing

if TYPE_CHECKING:
    from tests.server.conftest import World


def error_at(page: str, field: str) -> str:
    """The sentence next to a field; empty without one."""
    found = re.search(rf'id="{field}-error">([^<]*)<', page)
    return unescape(found[1]) if found else ""


@pytest.fixture
async def operating(world: World) -> Browser:
    """An operator that may do everything."""
    return await operator(world)


async def page_of(browser: Browser, target: str) -> str:
    """Open a page, and return its text."""
    answer = await browser.get(target)
    assert answer.status == 200, (target, answer.status)
    return unescape(answer.body.decode())


async def test_empty_lists_say_what_to_do(operating: Browser) -> None:
    """A new service has a sentence on each list."""
    for target, said in (
        ("/operator/owners", "No customer is registered"), ("/operator/plans", "There are no plans"),
        ("/operator/keys", "There are no keys"), ("/operator/attention", "No key expires soon"),
        ("/operator/attention/unused", "Every key is used"), ("/operator/attention/alarms", "There are no alarms"),
        ("/operator/attention/suspended", "No customer is suspended"),
        ("/operator/owners?q=x", "No customer was found"), ("/operator/keys?q=x", "No key was found"),
        ("/operator/events?actor=x", "No event was found"),
    ):  # fmt: skip
        assert said in await page_of(operating, target)


async def test_a_search_finds_what_is_typed_in_another_way(world: World, operating: Browser) -> None:
    """An id of a customer in decomposed letters, and a name that has the form of an id."""
    await world.keys.owners.put("Caf\u00e9 M\u00fcller")
    assert "Caf\u00e9 M\u00fcller" in await page_of(operating, f"/operator/owners?q={quote('Cafe' + chr(0x301))}")
    name = "BillingWorkerInBerlin7"
    assert len(name) == 22
    issued = await world.customer_key(name=name)
    assert issued.record.key_id in await page_of(operating, f"/operator/keys?q={name}")
    customer = Browser(world.app, world.keys)
    await customer.sign_in("acme")
    assert issued.record.key_id in await page_of(customer, f"/portal/keys?search={name}")


async def test_owners_are_searched_and_paged(world: World, operating: Browser) -> None:
    """By the beginning of an id; an id that is written whole comes first, and each owner comes once."""
    for number in range(120):
        await world.keys.owners.put(f"shop-{number:03}")
    await world.keys.owners.put("shop-0", name="Corner shop", plan=None)
    page = await page_of(operating, "/operator/owners?q=shop-0")
    found = re.findall(r"/operator/owner\?id=(shop-\d+)", page)
    assert found[0] == "shop-0"
    assert all(each.startswith("shop-0") for each in found)
    seen: list[str] = []
    target = "/operator/owners"
    for _ in range(5):
        page = await page_of(operating, target)
        seen += dict.fromkeys(re.findall(r"/operator/owner\?id=(shop-\d+)", page))
        following = re.search(r'rel="next" href="([^"]*)"', page)
        target = unescape(following[1]) if following else ""
    assert len(seen) == len(set(seen)) == 121
    assert target == ""


async def test_an_owner_of_any_id_has_its_page(world: World, operating: Browser) -> None:
    """Slashes, dots, signs of an address and of HTML, and letters from right to left."""
    for owner in ("a/b", "..", "x&id=y", "<b>bold</b>", "שלום", "50%25", "a b+c"):
        await world.keys.owners.put(owner, name=f"Shop {owner}")
        listed = (await operating.get("/operator/owners")).body.decode()
        links = [unescape(each) for each in re.findall(r'href="(/operator/owner\?id=[^"]*)"', listed)]
        titles = [await page_of(operating, each) for each in links]
        assert any(f"<bdi>Shop {owner}</bdi>" in each for each in titles), owner
        assert "<b>bold</b>" not in listed
        await operating.post("/operator/owner/edit", {"owner": owner, "name": "changed", "revision": "0"})
    assert (await operating.get("/operator/owner?id=nobody")).status == 404


async def test_a_customer_is_suspended_after_a_question_and_resumed(world: World, operating: Browser) -> None:
    """Without the tick nothing changes, and the mistake stands beside it."""
    await world.keys.owners.put("acme", name="Acme Ltd")
    key = await world.customer_key()
    assert "1 key that has not ended" in await page_of(operating, "/operator/owner/suspend?id=acme")
    answer = await operating.post("/operator/owner/suspend", {"owner": "acme", "reason": "unpaid"})
    assert answer.status == 422
    assert error_at(operating.page, "sure") == "Tick the box if you want this."
    assert (await world.keys.owners.get("acme")).status is OwnerStatus.ACTIVE
    answer = await operating.post("/operator/owner/suspend", {"owner": "acme", "reason": "unpaid", "sure": "yes"})
    assert answer.headers["location"] == "/operator/owner?id=acme"
    assert not await world.keys.check(key.plaintext, scope="invoices:read", fresh=True)
    page = await page_of(operating, "/operator/owner?id=acme")
    assert "unpaid" in page
    assert "root key " in page
    page = await page_of(operating, "/operator/attention/suspended")
    assert "Acme Ltd" in page
    assert "unpaid" in page
    await page_of(operating, "/operator/owner?id=acme")
    await operating.post("/operator/owner/resume", {"owner": "acme"})
    assert await world.keys.check(key.plaintext, scope="invoices:read", fresh=True)
    assert "Acme Ltd" not in await page_of(operating, "/operator/attention/suspended")


async def test_all_keys_of_a_customer_are_revoked_only_by_its_id(world: World, operating: Browser) -> None:
    """Another text revokes nothing."""
    keys = [await world.customer_key() for _ in range(3)]
    other = await world.customer_key(owner="globex")
    assert "3 keys that have not ended" in await page_of(operating, "/operator/owner/revoke-keys?id=acme")
    answer = await operating.post("/operator/owner/revoke-keys", {"owner": "acme", "confirmed": "Acme"})
    assert answer.status == 422
    assert "exactly as it stands above" in error_at(operating.page, "confirmed")
    assert (await world.keys.get(keys[0].record.key_id)).status is Status.ACTIVE
    fields = {"owner": "acme", "confirmed": "acme", "reason": "a breach"}
    answer = await operating.post("/operator/owner/revoke-keys", fields)
    assert "3 keys were revoked" in answer.body.decode()
    for each in keys:
        record = await world.keys.get(each.record.key_id)
        assert (record.status, record.status_reason) == (Status.REVOKED, "a breach")
    assert (await world.keys.get(other.record.key_id)).status is Status.ACTIVE


async def test_a_customer_is_put_on_a_plan(world: World, operating: Browser) -> None:
    """A mistake stands beside its field with what was written; a change by somebody else is not overwritten."""
    await world.keys.plans.put("pro")
    await world.customer_key()
    page = await page_of(operating, "/operator/owner/edit?id=acme")
    assert "Register a customer" in page
    wrong = {"owner": "acme", "revision": "0", "name": "Acme", "rate_limit": "many", "quota": "5/month"}
    answer = await operating.post("/operator/owner/edit", wrong)
    assert answer.status == 422
    assert error_at(operating.page, "rate_limit")
    assert 'value="many"' in operating.page
    assert not error_at(operating.page, "quota")
    answer = await operating.post("/operator/owner/edit", {**wrong, "rate_limit": "5/minute", "plan": "none such"})
    assert error_at(operating.page, "plan") == "There is no such plan."
    answer = await operating.post("/operator/owner/edit", {**wrong, "rate_limit": "5/minute", "plan": "pro"})
    assert answer.status == 303
    record = await world.keys.owners.get("acme")
    assert (record.name, record.plan, record.rate_limit, record.quota) == ("Acme", "pro", "5/minute", "5/month")
    await page_of(operating, "/operator/owner/edit?id=acme")
    stale = {"owner": "acme", "revision": str(record.revision - 1), "name": "Other"}
    assert (await operating.post("/operator/owner/edit", stale)).status == 422
    assert "Somebody else has changed this meanwhile" in operating.page
    assert (await world.keys.owners.get("acme")).name == "Acme"


async def test_a_plan_changes_after_what_changes_was_shown(world: World, operating: Browser) -> None:
    """The first form shows the old and the new values and the number of customers; the second one writes."""
    plan = await world.keys.plans.put("pro", rate_limit="10/minute", max_life=86400, scopes=["b:read", "a:read"])
    await world.keys.owners.put("acme", plan="pro")
    page = await page_of(operating, "/operator/plan?id=pro")
    assert 'value="10/minute"' in page
    assert 'value="a:read, b:read"' in page
    fields = {"plan": "pro", "revision": str(plan.revision), "rate_limit": "20/minute", "max_life": "1",
              "scopes": "a:read b:read", "max_keys": "", "quota": "", "environments": ""}  # fmt: skip
    answer = await operating.post("/operator/plan", fields)
    shown = operating.page
    assert answer.status == 200
    assert "1 customer is on this plan." in shown
    assert "10/minute" in shown
    assert "a:read" not in shown.replace('value="a:read b:read"', ""), "what stays is not shown"
    assert (await world.keys.plans.get("pro")).rate_limit == "10/minute"
    assert (await operating.post("/operator/plan", {**fields, "sure": "yes"})).status == 303
    changed = await world.keys.plans.get("pro")
    assert (changed.rate_limit, changed.max_life, changed.scopes) == ("20/minute", 86400, {"a:read", "b:read"})
    await page_of(operating, "/operator/plan?id=pro")
    assert (await operating.post("/operator/plan", {**fields, "sure": "yes"})).status == 422
    assert "Somebody else has changed this" in operating.page


async def test_a_wrong_plan_is_told_beside_each_field(world: World, operating: Browser) -> None:
    """Nothing is written, and a new plan needs an id that is free."""
    await page_of(operating, "/operator/plan")
    wrong = {"plan": "", "revision": "0", "rate_limit": "x", "quota": "y", "max_keys": "-1", "max_life": "soon",
             "scopes": "a b!", "environments": "LIVE"}  # fmt: skip
    assert (await operating.post("/operator/plan", {**wrong, "sure": "yes"})).status == 422
    for field in ("plan", "max_keys", "max_life"):
        assert error_at(operating.page, field), field
    fields = {**wrong, "plan": "pro", "max_keys": "", "max_life": "", "sure": "yes"}
    assert (await operating.post("/operator/plan", fields)).status == 422
    for field in ("rate_limit", "quota", "scopes", "environments"):
        assert error_at(operating.page, field), field
    assert list(await world.keys.plans.list()) == []
    await world.keys.plans.put("pro")
    taken = {"plan": "pro", "revision": "0", "rate_limit": "1/minute", "sure": "yes"}
    assert (await operating.post("/operator/plan", taken)).status == 422
    assert (await world.keys.plans.get("pro")).rate_limit is None


async def test_a_key_is_found_by_its_id_its_first_characters_and_its_name(world: World, operating: Browser) -> None:
    """And a root key by none of them."""
    keys = [await world.customer_key(owner=f"o{number}", name=f"worker {number}") for number in range(5)]
    root = await world.keys.get(world.root_key_id)
    one = keys[2].record
    for text in (one.key_id, one.display, one.display.removesuffix("…"), f"acme_live_{one.key_id[:8]}", "worker 2"):
        page = (await operating.get(f"/operator/keys?q={quote(text)}")).body.decode()
        assert re.findall(r'/operator/keys/([0-9A-Za-z]{22})"', page) == [one.key_id], text
    assert "Nothing on this page" not in page
    for text in (root.key_id, root.display, ""):
        page = (await operating.get(f"/operator/keys?q={quote(text)}")).body.decode()
        assert root.key_id not in page.replace(f'value="{root.key_id}"', ""), text
    assert (await operating.get(f"/operator/keys/{root.key_id}")).status == 404
    page = (await operating.get("/operator/keys?status=revoked")).body.decode()
    assert "No key was found" in page


async def test_a_page_that_stopped_early_leads_on(
    world: World, operating: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where few of many keys are wanted, a page may have none, and it does not say that there are none."""
    monkeypatch.setattr(listing, "LOOKED_AT", 3)
    monkeypatch.setattr(listing, "FEW", 1)
    ids = [(await world.customer_key()).record.key_id for _ in range(8)]
    links, pages, met = [f"/operator/keys?q=acme_live_{ids[0][:7]}"], 0, 0
    while links:
        page = (await operating.get(links[0].replace("&amp;", "&"))).body.decode()
        links = re.findall(r'href="(/operator/keys\?[^"]*after=[^"]*)"', page)
        assert "No key was found" not in page
        assert ids[0] in page or "Nothing on this page" in page or not links
        pages, met = pages + 1, met + page.count(f'/operator/keys/{ids[0]}"')
    assert (pages, met) == (3, 1)


async def test_a_key_is_revoked_after_its_users_were_shown(world: World, operating: Browser) -> None:
    """The page names its clients and says how often it was used; with its family it ends the successor, too."""
    issued = await world.customer_key()
    path = f"/operator/keys/{issued.record.key_id}"
    for ip, agent in (("203.0.113.9", "export/2"), ("198.51.100.2", "import/1")):
        assert await world.keys.check(issued.plaintext, scope="invoices:read", ip=ip, agent=agent)
    page = await page_of(operating, f"{path}/revoke")
    assert "<bdi>export/2</bdi>, <bdi>import/1</bdi>" in page
    assert '<code dir="ltr">198.51.100.2</code> <code dir="ltr">203.0.113.9</code>' in page
    assert "<dt>Last used</dt><dd><time" in page
    rotated = await world.keys.rotate(issued.record.key_id, overlap=3600)
    for _ in range(3):
        assert await world.keys.check(issued.plaintext, scope="invoices:read", ip="203.0.113.9", agent="export/2")
    await world.keys.flush()
    page = await page_of(operating, f"{path}/revoke")
    assert "5 accepted" in page
    assert "Since its rotation began, <b><bdi>export/2</bdi></b> used it from <b>203.0.113.9</b>" in page
    assert (await operating.post(f"{path}/revoke", {"reason": "leak"})).status == 422
    assert error_at(operating.page, "sure")
    assert (await operating.post(f"{path}/revoke", {"sure": "yes", "family": "yes", "reason": "leak"})).status == 303
    for key_id in (issued.record.key_id, rotated.successor.key_id):
        assert (await world.keys.get(key_id)).status is Status.REVOKED
    page = await page_of(operating, path)
    assert "leak" in page
    assert f"{path}/revoke" not in page, "it has ended"


async def test_a_key_is_switched_off_and_on(world: World, operating: Browser) -> None:
    """The button is the one that fits."""
    issued = await world.customer_key()
    path = f"/operator/keys/{issued.record.key_id}"
    for verb, status in (("disable", Status.DISABLED), ("enable", Status.ACTIVE)):
        page = await page_of(operating, path)
        assert f'action="{path}/{verb}"' in page
        assert (await operating.post(f"{path}/{verb}")).status == 303
        assert (await world.keys.get(issued.record.key_id)).status is status


async def test_the_use_of_a_rotated_key_is_an_alarm(world: World, operating: Browser) -> None:
    """With the key, the newest first."""
    issued = await world.customer_key()
    await world.keys.rotate(issued.record.key_id, overlap=0)
    assert not await world.keys.check(issued.plaintext, scope="invoices:read", fresh=True)
    await world.keys.flush()
    page = await page_of(operating, "/operator/attention/alarms")
    assert issued.record.key_id in page
    assert "used after its rotation ended" in page


async def test_events_are_filtered_and_paged(world: World, operating: Browser) -> None:
    """The newest first, each once; a filter of another customer's events leaves these out."""
    for number in range(60):
        await world.keys.owners.put("acme", name=f"name {number}")
    await world.keys.owners.put("globex", actor="ann")
    first = await page_of(operating, "/operator/events?owner=acme&kind=changed")
    assert first.count("<time") == 30
    assert "globex" not in first
    following = re.search(r'rel="next" href="([^"]*)"', first)
    assert following is not None
    second = await page_of(operating, unescape(following[1]))
    assert second.count("<time") == 29
    assert 'rel="next"' not in second
    assert "ann" in await page_of(operating, "/operator/events?actor=ann")
    assert (await operating.get(f"/operator/events?owner={ROOT_OWNER}")).status == 404


async def test_a_root_key_is_made_within_the_rights_of_its_maker(world: World) -> None:
    """Its text is shown once; scopes that the maker lacks are neither offered nor given."""
    maker = await operator(world, "root:*", "keys:*", metadata={"owner": "acme"}, expires_in=86400 * 10)
    page = await page_of(maker, "/operator/root-keys/new")
    assert 'value="keys:write"' in page
    assert 'value="plans:read"' not in page
    assert (await maker.post("/operator/root-keys/new", {"name": "x", "days": "soon"})).status == 422
    assert error_at(maker.page, "days")
    assert (await maker.post("/operator/root-keys/new", {"name": "x", "networks": "10.0.0.1/8"})).status == 422
    assert error_at(maker.page, "scopes")
    assert error_at(maker.page, "networks")
    for beyond in ({"scopes": "plans:read"}, {"scopes": "keys:read", "owner": "globex"},
                   {"scopes": "keys:read", "days": "20"}):  # fmt: skip
        await page_of(maker, "/operator/root-keys/new")
        answer = await maker.post("/operator/root-keys/new", {"name": "x", **beyond})
        assert answer.status == 403, beyond
        assert "cannot give more than it has" in answer.body.decode()
    await page_of(maker, "/operator/root-keys/new")
    made = await maker.post("/operator/root-keys/new", {"name": "worker", "scopes": "keys:read"})
    assert made.status == 201
    assert made.headers["cache-control"] == "no-store"
    text = re.search(r"root_live_[0-9A-Za-z]+", made.body.decode())
    assert text is not None
    listed = await world.root.by(text[0])("GET", "/v1/keys")
    assert listed.status == 200
    assert text[0] not in await page_of(maker, "/operator/root-keys")
    assert "worker" in maker.page


async def test_a_root_key_is_rotated_and_revoked(world: World, operating: Browser) -> None:
    """The successor is shown once; an operator that revokes the key of its own session is signed out."""
    issued = await world.keys.issue(owner=ROOT_OWNER, prefix=ROOT_PREFIX, scopes=["keys:read"], name="worker")
    path = f"/operator/root-keys/{issued.record.key_id}"
    assert "worker" in await page_of(operating, f"{path}/rotate")
    assert (await operating.post(f"{path}/rotate", {"overlap": "5"})).status == 422
    made = await operating.post(f"{path}/rotate", {"overlap": "0"})
    text = re.search(r"root_live_[0-9A-Za-z]+", made.body.decode())
    assert text is not None
    assert (await world.root.by(issued.plaintext)("GET", "/v1/keys")).status == 401
    assert (await world.root.by(text[0])("GET", "/v1/keys")).status == 200
    own = f"/operator/root-keys/{world.root_key_id}/revoke"
    await page_of(operating, own)
    assert (await operating.post(own)).status == 422
    assert (await world.keys.get(world.root_key_id)).status is Status.ACTIVE
    assert (await operating.post(own, {"sure": "yes"})).status == 303
    assert (await operating.get("/operator/owners")).headers["location"] == "/operator/sign-in"


async def test_a_link_for_support_opens_the_pages_of_the_customer(world: World, operating: Browser) -> None:
    """Once, and the events of the customer's pages name the operator."""
    await world.customer_key(name="Billing worker")
    await page_of(operating, "/operator/owner?id=acme")
    made = await operating.post("/operator/owner/link", {"owner": "acme"})
    assert made.status == 201
    link = re.search(r"/portal/sign-in\?link=([\w-]+)", made.body.decode())
    assert link is not None
    support = Browser(world.app, world.keys)
    await support.get(link[0])
    assert (await support.post("/portal/sign-in", {"link": link[1]})).status == 303
    assert b"Billing worker" in (await support.get("/portal/keys")).body
    other = Browser(world.app, world.keys)
    await other.get(link[0])
    assert (await other.post("/portal/sign-in", {"link": link[1]})).status == 410


async def test_an_operator_signs_a_customer_out(world: World, operating: Browser) -> None:
    """After the tick; the event names the operator, the place and the reason, and the page of the customer shows it."""
    await world.keys.owners.put("acme")
    customer = Browser(world.app, world.keys)
    await customer.sign_in("acme")
    assert "Sign the customer out" in await page_of(operating, "/operator/owner?id=acme")
    await page_of(operating, "/operator/owner/sign-out?id=acme")
    given = {"owner": "acme", "reason": "a lost phone"}
    assert (await operating.post("/operator/owner/sign-out", given)).status == 422
    assert (await customer.get("/portal/keys")).status == 200
    done = await operating.post("/operator/owner/sign-out", {**given, "sure": "yes"})
    assert (done.status, done.headers["location"]) == (303, "/operator/owner?id=acme")
    assert (await customer.get("/portal/keys")).status == 303
    _, event = await world.keys.owners.events("acme")
    told = (event.kind.value, event.actor, event.origin, event.reason)
    assert told == ("signed_out", f"root key {world.root_key_id}", "192.0.2.7", "a lost phone")
    assert "<b>signed out</b>" in await page_of(operating, "/operator/owner?id=acme")


async def test_the_health_names_the_parts_and_no_address(world: World, operating: Browser) -> None:
    """The version, the kind of the store, the peppers and the chores."""
    await world.customer_key()
    page = await page_of(operating, "/operator/health")
    assert "sqlite" in page
    assert "keys.db" not in page
    assert "canary-7c0e" not in page
    assert "The chores have told nothing yet." in page
    assert "This process has not finished a round yet." in page
    assert "<dt><code>" not in page


async def test_the_keys_under_a_pepper_are_counted_when_it_is_asked(world: World, operating: Browser) -> None:
    """The page has a link for it, since a count of all keys takes longer the more there are."""
    await world.customer_key()
    page = await page_of(operating, "/operator/health")
    assert '<a href="?count=peppers">Count them</a>' in page
    counted = await page_of(operating, "/operator/health?count=peppers")
    assert re.search(r"<dt><code>[^<]+</code></dt><dd>2</dd>", counted)
    assert "Count them" not in counted


async def test_the_health_shows_the_last_round_of_chores(world: World, operating: Browser) -> None:
    """Its numbers, or that it failed, or that another process had the turn."""
    assert world.app.service is not None
    figures = world.app.service.chores
    figures.note(ChoreReport(1200, {"expiring": 3, "unused": 4}, 5, 6, done=True), time.time())
    page = await page_of(operating, "/operator/health")
    assert re.search(r"The last round of this process: <time [^>]*>[^<]+</time>\.", page)
    shown = re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", page)
    assert {*shown} >= {
        ("Keys looked at", "1,200"), ("Notices told", "7"), ("Keys revoked", "5"), ("Keys deleted", "6"),
    }  # fmt: skip
    figures.note(None, time.time())
    page = await page_of(operating, "/operator/health")
    assert "It failed. The log says why, and the next round tries again." in page
    assert "Keys looked at" not in page
    figures.note(ChoreReport(busy=True), time.time())
    assert "Another process had the turn." in await page_of(operating, "/operator/health")


@pytest.mark.parametrize("settings", [ServerSettings(pages=PagesSettings(), chores=ChoreSettings(every=0))])
async def test_the_health_says_that_the_service_does_no_chores(operating: Browser) -> None:
    """Then somebody runs a timer, or nobody does."""
    assert "This service does no rounds of chores by itself." in await page_of(operating, "/operator/health")


async def test_a_key_without_a_record_is_not_there(world: World, operating: Browser) -> None:
    """An id that no key has, and one that is no id."""
    with pytest.raises(KeyNotFound):
        await world.keys.get("0" * 22)
    for target in ("/operator/keys/" + "0" * 22, "/operator/keys/short", "/operator/plan?id=none", "/operator/nothing"):
        assert (await operating.get(target)).status == 404, target


async def test_the_pages_speak_german(operating: Browser) -> None:
    """By the language that the browser asks for."""
    answer = await operating.get("/operator/owners", accept_language="de")
    assert "Kein Kunde ist eingetragen" in answer.body.decode()


async def test_an_event_names_the_key_and_its_customer(world: World, operating: Browser) -> None:
    """A root key is named by the beginning of its id alone, and leads to the list of root keys."""
    issued = await world.keys.issue(owner="acme", prefix="sk", name="Nightly export", scopes=["invoices:read"])
    page = await page_of(operating, "/operator/events")
    assert re.search(
        rf'href="/operator/keys/{issued.record.key_id}"><bdi>Nightly export</bdi></a>\s*<span class="dim">· <bdi>acme<',
        page,
    )
    assert ROOT_OWNER not in page
    root = (await world.keys.list(owner=ROOT_OWNER, prefix=ROOT_PREFIX)).records[0]
    assert f"/operator/keys/{root.key_id}" not in page
    assert re.search(rf'href="/operator/root-keys">Root key</a> <code dir="ltr">{root.key_id[:6]}…<', page)
