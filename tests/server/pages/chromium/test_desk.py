"""An operator at the desk: a customer is suspended, a plan changed, a key rotated, and an alarm seen."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from tests.server.pages.chromium.programs import use
from tests.server.pages.chromium.window import WAYS

if TYPE_CHECKING:
    from tests.server.pages.chromium.conftest import Open
    from tests.server.pages.chromium.site import Site


@pytest.mark.parametrize("way", WAYS)
async def test_a_customer_is_suspended_and_resumed(site: Site, open_window: Open, owner: str, way: str) -> None:
    """Its keys are refused meanwhile, and work again; the customer is told on its pages."""
    await site.keys.owners.put(owner, name="Globex Ltd")
    key = (await site.key(owner)).plaintext
    window = await open_window(way)
    await window.sign_in(owner)
    await window.sign_in_as_operator()
    await window.go(f"/operator/owners?q={quote(owner)}")
    await window.press("Globex Ltd", role="link")
    assert await use(site, key) == 200

    await window.press("Suspend", role="link")
    assert "1 key that has not ended is affected" in await window.text()
    await window.press("Suspend", status=422)
    assert "Tick the box if you want this." in await window.text()
    await window.tick("Refuse every key of this customer")
    await window.write("Reason", "the invoice was not paid")
    await window.press("Suspend")
    assert "the invoice was not paid" in await window.text()
    assert await use(site, key) == 401
    await window.go("/portal/keys", 403)
    await window.picture("suspended")
    assert "Your access is suspended" in await window.text()

    await window.go(f"/operator/owner?id={quote(owner)}")
    await window.press("Resume")
    assert await use(site, key) == 200
    await window.go("/portal/keys")


@pytest.mark.parametrize("way", WAYS)
async def test_a_plan_is_changed_after_a_look_at_what_changes(
    site: Site, open_window: Open, owner: str, way: str
) -> None:
    """A mistake stands at its field; the new bound is shown beside the old one, and holds from the next request on."""
    plan = owner.replace("globex", "Business")
    await site.keys.plans.put(plan, rate_limit="1000/minute", quota="100000/month")
    await site.keys.owners.put(owner, plan=plan)
    key = (await site.key(owner)).plaintext
    window = await open_window(way)
    await window.sign_in_as_operator()
    assert await use(site, key, 3) == 200
    await window.press("Plans", role="link")
    await window.press(plan, role="link")
    await window.write("Rate limit", "twice")
    await window.press("Show what changes", status=422)
    assert "Write limits such as 1000/minute" in await window.page.locator("#rate_limit-error").inner_text()
    await window.write("Rate limit", "2/minute")
    await window.press("Show what changes")
    await window.picture("operator-plan-confirm")
    told = await window.page.locator("main").inner_text()
    assert "1 customer is on this plan." in told
    assert "1000/minute" in told
    assert (await site.keys.plans.get(plan)).rate_limit == "1000/minute"
    await window.press("Change the plan")
    assert (await site.keys.plans.get(plan)).rate_limit == "2/minute"
    assert await use(site, key, 3) == 429


@pytest.mark.parametrize("way", WAYS)
async def test_a_key_that_comes_back_is_an_alarm(site: Site, open_window: Open, owner: str, way: str) -> None:
    """The operator rotates a key and finishes; the old one is used again, and stands among the alarms."""
    issued = await site.key(owner, name="Ward round")
    window = await open_window(way)
    await window.sign_in_as_operator()
    await window.press("Keys", role="link")
    await window.press(issued.record.name, role="link")
    await window.press("Rotate", role="link")
    await window.press("Rotate", status=422)
    await window.tick("I can send the new key to the customer now")
    await window.press("Rotate", status=201)
    await window.picture("operator-key-once")
    new = await window.page.locator("#key-text").inner_text()
    assert [await use(site, each) for each in (issued.plaintext, new)] == [200, 200]
    await window.press("I have stored it", role="link")
    ends = (await site.keys.get(issued.record.key_id)).overlap_ends
    await window.way.hand.press(window.page.locator("summary", has_text="Extend the overlap"))
    await window.page.get_by_label("The old key works, from now, for").select_option("2592000")
    await window.press("Extend the overlap")
    later = (await site.keys.get(issued.record.key_id)).overlap_ends
    assert ends is not None
    assert later is not None
    assert later > ends + 1_000_000
    await window.press("Finish the rotation", role="link")
    await window.tick("Refuse the old key now")
    await window.press("Finish now")
    assert [await use(site, each) for each in (issued.plaintext, new)] == [401, 200]

    await site.keys.flush()
    await window.press("Attention", role="link")
    await window.press("Alarms", role="link")
    row = window.page.get_by_role("row", name=owner)
    assert "used after its rotation ended" in await row.inner_text()
    assert "203.0.113.7" in await row.inner_text()
    await window.press("Ward round", role="link")
    assert owner in await window.text()
