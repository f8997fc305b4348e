"""A page that cannot be shown says so in words, and shows nothing of the error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from secretsource.exceptions import StoreError

if TYPE_CHECKING:
    from tests.server.conftest import World
    from tests.server.pages.browser import Browser

CANARY = "canary-4e1d text of an error"


async def test_a_store_that_is_down_is_told(world: World, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """503, with what to do; the session stays."""
    await browser.sign_in("acme")

    async def down(*_: Any, **__: Any) -> None:
        raise StoreError(CANARY)

    with monkeypatch.context() as broken:
        broken.setattr(world.keys._store, "list", down)
        answer = await browser.get("/portal/keys")
    assert answer.status == 503
    assert b"try again in a moment" in answer.body
    assert CANARY.encode() not in answer.body
    assert (await browser.get("/portal/keys")).status == 200


async def test_a_defect_is_a_page_without_its_error(
    world: World, browser: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """500, as a page with all its headers; the log has the place, and no text."""
    await browser.sign_in("acme")

    async def defective(*_: Any, **__: Any) -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr(world.keys._store, "list", defective)
    answer = await browser.get("/portal/keys")
    assert answer.status == 500
    assert b"has a defect" in answer.body
    assert CANARY.encode() not in answer.body
    assert answer.headers["cache-control"] == "no-store"
    assert "RuntimeError in test_failures.py" in caplog.text
    assert CANARY not in caplog.text


@pytest.mark.parametrize(
    "path", ["/portal/nothing", "/portal/keys/abc", "/portal/keys/new/more", "/static/unknown.css"]
)
async def test_an_unknown_path_is_a_page(browser: Browser, path: str) -> None:
    """404, in words."""
    await browser.sign_in("acme")
    answer = await browser.get(path)
    assert answer.status == 404
    assert b"There is nothing at this address." in answer.body


async def test_a_slash_too_many_leads_to_the_page(browser: Browser) -> None:
    """By the path alone, so that no scheme behind a gateway is named, and with the headers of every answer."""
    for path, place in (("/operator/", "/operator"), ("/portal/keys//", "/portal/keys")):
        answer = await browser.get(path)
        assert (answer.status, answer.headers["location"]) == (303, place)
        assert answer.headers["cache-control"] == "no-store"
        assert "content-security-policy" in answer.headers
    for path in ("/portal/keys/abc/", "/portal/sign-out/", "/portal//keys.evil.example/"):
        assert (await browser.get(path)).status == 404


async def test_a_wrong_method_is_refused(world: World, browser: Browser) -> None:
    """405, with the methods that there are; nothing is changed by a GET."""
    record = (await world.customer_key()).record
    await browser.sign_in("acme")
    answer = await browser.get(f"/portal/keys/{record.key_id}/finish")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    refused = await browser._ask("PUT", "/portal/keys/new", b"", {})
    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD, POST")
    assert await world.keys.get(record.key_id) == record


async def test_a_mistake_that_only_the_library_finds_is_told(world: World, browser: Browser) -> None:
    """A key too many for the plan: the form comes again with the sentence, and what was written stays."""
    await world.keys.plans.put("small", max_keys=1)
    await world.keys.owners.put("acme", plan="small")
    await world.customer_key()
    await browser.sign_in("acme")
    await browser.get("/portal/keys/new")
    form = {"name": "One more", "environment": "live", "scopes": "invoices:read", "ends": "90", "once": "a" * 32}
    answer = await browser.post("/portal/keys/new", form)
    assert answer.status == 422
    assert b"Your plan does not allow this key: revoke one that you do not need" in answer.body
    assert b'value="One more"' in answer.body


async def test_a_key_that_has_ended_is_not_rotated_or_edited(world: World, browser: Browser) -> None:
    """Each form says why; a revocation that is repeated changes nothing."""
    record = (await world.customer_key()).record
    await browser.sign_in("acme")
    ended = await world.keys.revoke(record.key_id)
    here = f"/portal/keys/{record.key_id}"
    await browser.get(f"{here}/edit")
    form = {"name": "n", "scopes": "invoices:read", "ends": "kept", "revision": ended.revision}
    for path, fields in (("edit", form), ("rotate", {"overlap": "3600", "sure": "yes"})):
        answer = await browser.post(f"{here}/{path}", fields)
        assert answer.status == 422
        assert b'role="alert"' in answer.body
    assert (await browser.post(f"{here}/revoke", {"sure": "yes"})).status == 303
    assert await world.keys.get(record.key_id) == ended
    assert (await browser.post(f"{here}/extend", {"overlap": "3600"})).status == 400
    assert (await browser.post(f"{here}/finish")).status == 400


async def test_a_rotation_that_was_made_meanwhile_is_shown(world: World, browser: Browser) -> None:
    """A form that is sent after another rotation makes no third key."""
    record = (await world.customer_key()).record
    await browser.sign_in("acme")
    await browser.get(f"/portal/keys/{record.key_id}/rotate")
    await world.keys.rotate(record.key_id, overlap=3600)
    answer = await browser.post(f"/portal/keys/{record.key_id}/rotate", {"overlap": "3600", "sure": "yes"})
    assert (answer.status, answer.headers["location"]) == (303, f"/portal/keys/{record.key_id}")
    assert len(await world.keys.list(owner="acme")) == 2
