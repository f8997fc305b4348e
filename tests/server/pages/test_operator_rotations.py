"""An operator rotates the key of a customer and finishes the rotation; the new text is shown once."""

from __future__ import annotations

from html import unescape
from re import search
from typing import TYPE_CHECKING

import pytest
from tests.server.pages.operators import operator

from secretsource.issuing import Status

if TYPE_CHECKING:
    from tests.server.conftest import World
    from tests.server.pages.browser import Browser


WEEK = {"overlap": "604800", "sure": "yes", "reason": "the customer lost it"}
SCOPE = "invoices:read"


@pytest.fixture
async def operating(world: World) -> Browser:
    """An operator that may do everything."""
    return await operator(world)


async def test_a_key_is_rotated_and_its_text_shown_once(world: World, operating: Browser) -> None:
    """Both keys work, the event has the operator and the reason, and a form that is sent again shows nothing."""
    old = await world.customer_key(name="Billing worker")
    path = f"/operator/keys/{old.record.key_id}"
    assert f'href="{path}/rotate"' in (await operating.get(path)).body.decode()
    await operating.get(f"{path}/rotate")
    made = await operating.post(f"{path}/rotate", WEEK)
    assert made.status == 201
    found = search(r'id="key-text"[^>]*>([^<]+)<', made.body.decode())
    assert found is not None
    text = unescape(found[1])
    for each in (text, old.plaintext):
        assert await world.keys.check(each, scope=SCOPE, fresh=True)
    record = await world.keys.get(old.record.key_id)
    assert record.status is Status.ROTATING
    event = (await world.keys.events(record.key_id))[-1]
    assert (event.kind, event.reason, event.origin) == ("rotated", "the customer lost it", "192.0.2.7")
    assert event.actor
    again = await operating.post(f"{path}/rotate", WEEK)
    assert (again.status, again.headers["location"]) == (303, path)
    assert text.encode() not in (await operating.get(path)).body
    assert text.encode() not in (await operating.get(f"/operator/keys/{record.successor}")).body


async def test_a_rotation_is_confirmed(world: World, operating: Browser) -> None:
    """Without the tick, with another overlap, or for a key that is switched off, a sentence says why it is refused."""
    old = await world.customer_key()
    path = f"/operator/keys/{old.record.key_id}/rotate"
    await operating.get(path)
    for fields, place in (
        ({**WEEK, "sure": ""}, "sure"),
        ({**WEEK, "overlap": "5"}, "overlap"),
    ):
        answer = await operating.post(path, fields)
        assert answer.status == 422
        assert f'id="{place}-error"' in answer.body.decode()
    await world.keys.disable(old.record.key_id)
    answer = await operating.post(path, WEEK)
    assert answer.status == 422
    assert "Nothing was changed" in answer.body.decode()
    assert (await world.keys.get(old.record.key_id)).successor is None


async def test_a_rotation_is_finished_after_its_users_were_shown(world: World, operating: Browser) -> None:
    """The page names the programs that still use the old key; it ends once the operator has confirmed it."""
    old = await world.customer_key()
    path = f"/operator/keys/{old.record.key_id}"
    rotated = await world.keys.rotate(old.record.key_id, overlap=3600)
    assert await world.keys.check(old.plaintext, scope=SCOPE, ip="203.0.113.9", agent="export/2")
    await world.keys.flush()
    page = (await operating.get(path)).body.decode()
    assert f'href="{path}/finish"' in page
    assert f'href="{path}/rotate"' not in page
    page = (await operating.get(f"{path}/finish")).body.decode()
    assert "<bdi>export/2</bdi>" in page
    assert '<code dir="ltr">203.0.113.9</code>' in page
    assert "Since its rotation began" not in page, "it says the same as the last day"
    assert (await operating.post(f"{path}/finish", {"reason": "moved"})).status == 422
    assert (await world.keys.get(old.record.key_id)).status is Status.ROTATING
    ended = await operating.post(f"{path}/finish", {"sure": "yes", "reason": "moved"})
    assert (ended.status, ended.headers["location"]) == (303, f"/operator/keys/{rotated.successor.key_id}")
    assert not await world.keys.check(old.plaintext, scope=SCOPE, fresh=True)
    assert await world.keys.check(rotated.plaintext or "", scope=SCOPE, fresh=True)
    assert (await world.keys.events(old.record.key_id))[-1].reason == "moved"


@pytest.mark.parametrize("page", ["finish", "revoke"])
async def test_a_page_about_a_rotating_key_flushes_once(
    world: World, operating: Browser, flushes: list[None], page: str
) -> None:
    """It asks for the last day and for the time since the rotation; a busy service has uses to store each time."""
    old = await world.customer_key()
    await world.keys.rotate(old.record.key_id, overlap=3600)
    assert (await operating.get(f"/operator/keys/{old.record.key_id}/{page}")).status == 200
    assert flushes == [None]


async def test_an_overlap_is_extended(world: World, operating: Browser) -> None:
    """The old key works for longer; a shorter time is refused in words, beside the open form."""
    old = (await world.customer_key()).record
    path = f"/operator/keys/{old.key_id}"
    assert "/extend" not in (await operating.get(path)).body.decode()
    rotated = await world.keys.rotate(old.key_id, overlap=86400)
    assert f'action="{path}/extend"' in (await operating.get(path)).body.decode()
    shorter = await operating.post(f"{path}/extend", {"overlap": "3600"})
    assert shorter.status == 422
    assert "works for longer already" in shorter.body.decode()
    assert "<details open>" in shorter.body.decode()
    assert (await world.keys.get(old.key_id)).overlap_ends == rotated.predecessor.overlap_ends
    longer = await operating.post(f"{path}/extend", {"overlap": "604800"})
    assert (longer.status, longer.headers["location"]) == (303, path)
    before, after = rotated.predecessor.overlap_ends, (await world.keys.get(old.key_id)).overlap_ends
    assert before is not None
    assert after is not None
    assert after > before + 500_000
    event = (await world.keys.events(old.key_id))[-1]
    assert (event.fields, event.origin) == (("overlap_ends_at",), "192.0.2.7")
    assert event.actor


async def test_a_key_that_does_not_rotate_is_not_extended(world: World, operating: Browser) -> None:
    """A form that was opened before the rotation ended changes nothing, and says so; a reader has no form."""
    old = (await world.customer_key()).record
    path = f"/operator/keys/{old.key_id}"
    await world.keys.rotate(old.key_id, overlap=86400)
    reading = await operator(world, "keys:read")
    assert "/extend" not in (await reading.get(path)).body.decode()
    await operating.get(path)
    await world.keys.finish_rotation(old.key_id)
    late = await operating.post(f"{path}/extend", {"overlap": "604800"})
    assert late.status == 422
    assert "Nothing was changed" in late.body.decode()
    assert (await world.keys.get(old.key_id)).status is Status.REVOKED


async def test_a_key_that_does_not_rotate_has_nothing_to_finish(world: World, operating: Browser) -> None:
    """The page says so, and a form that is sent anyway changes nothing."""
    key = (await world.customer_key()).record
    path = f"/operator/keys/{key.key_id}/finish"
    assert "nothing to finish" in (await operating.get(path)).body.decode()
    await operating.get("/operator/root-keys/new")
    assert (await operating.post(path, {"sure": "yes"})).status == 422
    assert (await world.keys.get(key.key_id)).status is Status.ACTIVE


async def test_an_operator_that_only_reads_has_no_buttons(world: World) -> None:
    """The links stand where the operator may follow them."""
    key = (await world.customer_key()).record
    reading = await operator(world, "keys:read")
    page = (await reading.get(f"/operator/keys/{key.key_id}")).body.decode()
    assert "/rotate" not in page
