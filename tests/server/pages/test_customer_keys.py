"""A customer makes a key, uses it, rotates it, finishes the rotation, edits and revokes it, without a script."""

from __future__ import annotations

from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE
from html import unescape
from re import search
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.issuing import NO_SCOPE, Accepted, Reason, Rejected, Status
from secretsource.server.settings import PagesSettings, ServerSettings

if TYPE_CHECKING:
    from tests.server.asgi_client import Answer
    from tests.server.conftest import World
    from tests.server.pages.browser import Browser

    from secretsource.issuing import RecentUse

WEEK = "604800"
NEW: dict[str, Any] = {
    "name": "Nightly export", "environment": "live", "scopes": ["invoices:read"], "networks": "", "ends": "90",
}  # fmt: skip


def text_of(answer: Answer) -> str:
    """The text of a new key on the page that shows it."""
    found = search(r'id="key-text"[^>]*>([^<]+)<', answer.body.decode())
    assert found is not None, answer.body.decode()
    return unescape(found[1])


def id_of(answer: Answer) -> str:
    """The id of the key that a page leads to."""
    found = search(r'/portal/keys/([0-9A-Za-z]{22})"', answer.body.decode())
    assert found is not None
    return found[1]


def once(browser: Browser) -> str:
    """The token of the form of a new key."""
    found = search(r'name="once" value="([^"]+)"', browser.page)
    assert found is not None
    return found[1]


async def make(browser: Browser, **fields: Any) -> Answer:
    """Make a key by the form."""
    await browser.get("/portal/keys/new")
    return await browser.post("/portal/keys/new", {**NEW, "once": once(browser), **fields})


async def test_a_new_key_is_shown_once_and_works(world: World, browser: Browser) -> None:
    """Its text, a line for .env and a request stand in the answer; no later page has the text."""
    await browser.sign_in("acme")
    answer = await make(browser)
    assert answer.status == 201, answer.body
    text = text_of(answer)
    page = unescape(answer.body.decode())
    assert f"ACME_API_KEY={text}" in page
    assert '-H "Authorization: Bearer $ACME_API_KEY"' in page
    assert isinstance(await world.keys.check(text, scope="invoices:read"), Accepted)
    record = await world.keys.get(id_of(answer))
    assert (record.name, record.owner, record.environment, record.scopes) == (
        "Nightly export", "acme", "live", frozenset({"invoices:read"}),
    )  # fmt: skip
    event = (await world.keys.events(record.key_id))[0]
    assert (event.actor, event.origin) == ("customer acme", "192.0.2.7")
    for path in ("/portal/keys", f"/portal/keys/{record.key_id}"):
        later = await browser.get(path)
        assert record.display.encode() in later.body
        assert text.encode() not in later.body


@pytest.mark.parametrize(
    ("site", "variable"), [("3-scale", "_3_SCALE_KEY"), ("\u0645\u0641\u062a\u0627\u062d", "API_KEY")]
)
async def test_the_example_works_in_a_shell(world: World, browser: Browser, site: str, variable: str) -> None:
    """Whatever the name of the API, and an address with a query; curl is a function that shows its arguments."""
    address = "https://api.acme.example/v1/invoices?limit=1&sort=$up"
    world.app._load = lambda: ServerSettings(pages=PagesSettings(name=site, api=address, scopes=("invoices:read",)))
    world.app.reload()
    await browser.sign_in("acme")
    answer = await make(browser)
    lines = [search(rf'id="{each}-line"[^>]*>([^<]+)<', answer.body.decode()) for each in ("env", "curl")]
    script = "\n".join(["curl() { printf '%s|' \"$@\"; }", *(unescape(each[1]) for each in lines if each is not None)])
    shell = await create_subprocess_exec("sh", "-c", script, stdout=PIPE, stderr=PIPE)
    assert await shell.communicate() == (f"{address}|-H|Authorization: Bearer {text_of(answer)}|".encode(), b"")
    assert f"\n{variable}=" in script


async def test_a_form_that_is_sent_again_makes_no_second_key(world: World, browser: Browser) -> None:
    """A reload says that the text was shown before; a changed form asks to press the button again."""
    await browser.sign_in("acme")
    await browser.get("/portal/keys/new")
    form = {**NEW, "once": once(browser), "form_token": search(r'"form_token" value="([^"]+)"', browser.page)[1]}  # type: ignore[index]
    assert [(await browser.post("/portal/keys/new", form)).status for _ in range(2)] == [201, 409]
    changed = await browser.post("/portal/keys/new", {**form, "name": "Another"})
    assert changed.status == 422
    assert b"made by this form before" in changed.body
    assert len(await world.keys.list(owner="acme")) == 1


async def test_mistakes_stand_next_to_their_fields(world: World, browser: Browser) -> None:
    """Each field says in words what is wrong, what was written stays, and nothing is made."""
    await browser.sign_in("acme")
    answer = await make(browser, name="", scopes=["admin:*"], networks="10.0.0.0/99", ends="9999", environment="prod")
    assert answer.status == 422
    page = unescape(answer.body.decode())
    for name, said in (
        ("name", "Give the key a name"),
        ("scopes", "Choose from the list."),
        ("networks", "Write addresses or networks"),
        ("ends", "Choose from the list."),
        ("environment", "Choose from the list."),
    ):
        error = search(rf'<p class="error" id="{name}-error">([^<]*)</p>', page)
        assert error is not None, name
        assert said in error[1]
    assert "10.0.0.0/99</textarea>" in page
    assert len(await world.keys.list(owner="acme")) == 0


async def test_a_plan_bounds_what_a_customer_chooses(world: World, browser: Browser) -> None:
    """Scopes, environments and lives beyond the plan are neither offered nor accepted."""
    await world.keys.plans.put("free", scopes=["orders:read"], environments=["test"], max_life=40 * 86400)
    await world.keys.owners.put("acme", plan="free", name="Acme Ltd")
    await browser.sign_in("acme")
    await browser.get("/portal/keys/new")
    for word in ("orders:read", ">test<", ">30 days<", ">40 days<", "Acme Ltd"):
        assert word in browser.page, word
    for word in ("invoices:read", ">live<", ">90 days<", "no end"):
        assert word not in browser.page, word
    assert (await make(browser)).status == 422
    assert (await make(browser, environment="test", scopes=["orders:read"], ends="never")).status == 422
    assert (await make(browser, environment="test", scopes=["orders:read"], ends="40")).status == 201


async def test_a_rotation_from_its_beginning_to_its_end(world: World, browser: Browser) -> None:
    """The new key is shown once, the pair is one row with shares, and the evidence names the program until the end."""
    await browser.sign_in("acme")
    old_text = text_of(await make(browser))
    (old,) = (await world.keys.list(owner="acme")).records
    await browser.get(f"/portal/keys/{old.key_id}/rotate")
    assert (await browser.post(f"/portal/keys/{old.key_id}/rotate", {"overlap": WEEK})).status == 422
    answer = await browser.post(f"/portal/keys/{old.key_id}/rotate", {"overlap": WEEK, "sure": "yes"})
    assert answer.status == 201
    new_text = text_of(answer)

    for text, times in ((old_text, 1), (new_text, 3)):
        for _ in range(times):
            await world.keys.check(text, scope=NO_SCOPE, ip="203.0.113.7", agent="export-worker/2.1")
    page = (await browser.get("/portal/keys")).body.decode()
    assert page.count('<tr role="row" class="rotating">') == 1
    assert page.count("Nightly export") == 1
    assert "75% of requests use the new key" in unescape(page)

    page = (await browser.get(f"/portal/keys/{old.key_id}")).body.decode()
    for word in ("Not yet", "export-worker/2.1", "203.0.113.7", "25% · 1", "75% · 3"):
        assert word in unescape(page), word
    refused = await browser.post(f"/portal/keys/{old.key_id}/finish")
    assert refused.status == 422
    assert b"still in use: confirm" in refused.body
    assert (await browser.post(f"/portal/keys/{old.key_id}/finish", {"sure": "yes"})).status == 303
    verdict = await world.keys.check(old_text, scope=NO_SCOPE, fresh=True)
    assert isinstance(verdict, Rejected)
    assert verdict.reason is Reason.REVOKED
    assert isinstance(await world.keys.check(new_text, scope=NO_SCOPE, fresh=True), Accepted)


async def test_an_old_key_that_nobody_uses_may_go_at_once(world: World, browser: Browser) -> None:
    """The panel says yes, and no confirmation is asked for."""
    old = (await world.customer_key(name="Quiet")).record
    await world.keys.rotate(old.key_id, overlap=3600)
    await browser.sign_in("acme")
    page = await browser.get(f"/portal/keys/{old.key_id}")
    assert b"Nobody has used the old key." in page.body
    answer = await browser.post(f"/portal/keys/{old.key_id}/finish")
    assert answer.status == 303
    assert (await world.keys.get(old.key_id)).status is Status.REVOKED


async def test_an_overlap_is_extended(world: World, browser: Browser) -> None:
    """The old key works for longer; a shorter time is refused in words."""
    old = (await world.customer_key(name="Slow")).record
    rotated = await world.keys.rotate(old.key_id, overlap=86400)
    await browser.sign_in("acme")
    await browser.get(f"/portal/keys/{old.key_id}")
    shorter = await browser.post(f"/portal/keys/{old.key_id}/extend", {"overlap": "3600"})
    assert shorter.status == 422
    assert b"works for longer already" in shorter.body
    assert (await browser.post(f"/portal/keys/{old.key_id}/extend", {"overlap": WEEK})).status == 303
    before, after = rotated.predecessor.overlap_ends, (await world.keys.get(old.key_id)).overlap_ends
    assert before is not None
    assert after is not None
    assert after > before + 500_000


async def test_an_edit_keeps_what_changed_meanwhile(world: World, browser: Browser) -> None:
    """A form that was opened before another change is refused; sent anew, it changes the key."""
    record = (await world.customer_key(name="Old name")).record
    await browser.sign_in("acme")
    path = f"/portal/keys/{record.key_id}/edit"
    await browser.get(path)
    form = {
        "name": "New name",
        "scopes": "invoices:read",
        "networks": "203.0.113.0/24",
        "ends": "kept",
        "revision": "1",
    }
    await world.keys.update(record.key_id, name="Changed by another")
    late = await browser.post(path, form)
    assert late.status == 422
    assert b"has changed since you opened this page" in late.body
    for odd in ("9" * 5000, "02", "\u0662"):
        assert (await browser.post(path, {**form, "revision": odd})).status == 422
    assert (await browser.post(path, {**form, "revision": "2"})).status == 303
    changed = await world.keys.get(record.key_id)
    assert (changed.name, changed.networks, changed.expires) == ("New name", ("203.0.113.0/24",), record.expires)


async def test_a_key_keeps_a_scope_that_is_offered_no_more(world: World, browser: Browser) -> None:
    """An edit may keep it, and adds none that is not offered."""
    record = (await world.customer_key(scopes=["legacy:read"])).record
    await browser.sign_in("acme")
    path = f"/portal/keys/{record.key_id}/edit"
    await browser.get(path)
    form: dict[str, Any] = {"name": "n", "networks": "", "ends": "kept", "revision": "1"}
    assert (await browser.post(path, {**form, "scopes": ["legacy:read", "admin:*"]})).status == 422
    assert (await browser.post(path, {**form, "scopes": ["legacy:read", "invoices:read"]})).status == 303


async def test_a_revocation_says_who_breaks_and_is_confirmed(world: World, browser: Browser) -> None:
    """The page has the clients and the requests of the last day; without the confirmation nothing happens."""
    issued = await world.customer_key(name="Doomed")
    for ip, agent in (("203.0.113.7", "billing/1"), ("203.0.113.7", "billing/1"), ("198.51.100.9", "<b>nightly</b>")):
        await world.keys.check(issued.plaintext, scope=NO_SCOPE, ip=ip, agent=agent)
    await browser.sign_in("acme")
    path = f"/portal/keys/{issued.record.key_id}/revoke"
    page = await browser.get(path)
    assert b"3 accepted" in page.body
    assert b"<bdi>&lt;b&gt;nightly&lt;/b&gt;</bdi>, <bdi>billing/1</bdi>" in page.body
    assert b'<code dir="ltr">198.51.100.9</code> <code dir="ltr">203.0.113.7</code>' in page.body
    assert (await browser.post(path)).status == 422
    assert (await world.keys.get(issued.record.key_id)).status is Status.ACTIVE
    assert (await browser.post(path, {"sure": "yes"})).status == 303
    assert (await world.keys.get(issued.record.key_id)).status is Status.REVOKED

    await world.keys.check(issued.plaintext, scope=NO_SCOPE, fresh=True)
    page = await browser.get("/portal/keys")
    assert b"1 ended key" in page.body
    assert b"1 refused" in page.body


async def test_a_revocation_says_that_nobody_breaks_only_where_requests_are_counted(
    world: World, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without counts, the page warns: a program may have used the key without a trace."""
    path = f"/portal/keys/{(await world.customer_key()).record.key_id}/revoke"
    await browser.sign_in("acme")
    nobody = b"No request of the last 24 hours was accepted with this key."
    assert nobody in (await browser.get(path)).body
    recent_use = world.keys.recent_use

    async def uncounted(key_id: str) -> RecentUse:
        return (await recent_use(key_id))._replace(accepted=None, refused=None)

    monkeypatch.setattr(world.keys, "recent_use", uncounted)
    page = (await browser.get(path)).body
    assert nobody not in page
    assert b"Programs that send this key fail from now on." in page


async def test_keys_are_searched_and_paged(world: World, browser: Browser) -> None:
    """By name and by id; the environments are apart, and a page has thirty keys."""
    await world.keys.issue_many([{"owner": "acme", "name": f"key {number}"} for number in range(60)])
    await world.customer_key(environment="test", name="A test key")
    first = (await browser.sign_in("acme")).body.decode()
    assert first.count('class="lead"') == 30
    assert "A test key" not in first
    following = search(r'rel="next" href="([^"]+)"', first)
    assert following is not None
    second = (await browser.get(unescape(following[1]))).body.decode()
    assert second.count('class="lead"') == 30
    assert "A test key" in (await browser.get("/portal/keys?environment=test")).body.decode()
    found = (await browser.get("/portal/keys?search=key+7")).body.decode()
    assert found.count('class="lead"') == 1
    assert b"No key is called that" in (await browser.get("/portal/keys?search=nothing")).body
    assert b"No key here works" in (await browser.get("/portal/keys?after=forged")).body


async def test_a_suspended_customer_sees_no_key(world: World, browser: Browser) -> None:
    """Every page says that the access is suspended, until it is resumed."""
    await world.customer_key(name="Billing worker")
    await world.keys.owners.put("acme")
    await browser.sign_in("acme")
    await world.keys.owners.suspend("acme")
    answer = await browser.get("/portal/keys")
    assert answer.status == 403
    assert b"Billing worker" not in answer.body
    assert (await browser.post("/portal/keys/new", NEW)).status == 403
    await world.keys.owners.resume("acme")
    assert (await browser.get("/portal/keys")).status == 200


async def test_limits_are_named_in_the_language_of_the_page(world: World, browser: Browser) -> None:
    """Those of the key, of the customer and of the plan; credits have no period."""
    await world.keys.plans.put("basic", quota="500/day")
    await world.keys.owners.put("acme", plan="basic", rate_limit="40/10 seconds")
    record = (await world.customer_key(rate_limit="100/minute", credits=50)).record
    await browser.sign_in("acme")
    page = (await browser.get(f"/portal/keys/{record.key_id}", accept_language="de")).body.decode()
    for said in ("100 / Minute<", "40 / 10 Sekunden (alle Schlüssel)", "500 / Tageskontingent (Tarif)", "50 Guthaben"):
        assert said in page
    assert "quota" not in page
