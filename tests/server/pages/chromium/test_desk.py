"""An operator at the desk: a customer is suspended, a plan changed, and an alarm seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.server.pages.chromium.test_life import use

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.server.pages.chromium.site import Site
    from tests.server.pages.chromium.window import Window

    Open = Callable[..., Awaitable[Window]]


@pytest.mark.parametrize(("shape", "scripts"), [("desktop", True), ("phone", False)])
async def test_a_customer_is_suspended_and_resumed(site: Site, open_window: Open, shape: str, scripts: bool) -> None:
    """Its keys are refused meanwhile, and work again; the customer is told on its pages."""
    await site.keys.owners.put("globex", name="Globex Ltd")
    key = (await site.key()).plaintext
    window, customer = await open_window(shape, scripts=scripts), await open_window(shape, scripts=scripts)
    await customer.sign_in("globex")
    await window.sign_in_as_operator()
    await window.go("/operator/owners")
    await window.press("Globex Ltd", role="link")
    assert await use(customer, key) == 200

    await window.press("Suspend", role="link")
    await window.check()
    await window.press("Suspend")
    window.forgive(422)
    await window.check()
    await window.page.get_by_label("Refuse every key of this customer").check()
    await window.page.get_by_label("Reason").fill("the invoice was not paid")
    await window.press("Suspend")
    await window.check()
    assert "the invoice was not paid" in await window.text()
    assert await use(customer, key) == 401
    await customer.go("/portal/keys", 403)
    assert "Your access is suspended" in await customer.text()

    await window.press("Resume")
    assert await use(customer, key) == 200
    await customer.go("/portal/keys")


async def test_a_plan_is_changed_after_a_look_at_what_changes(site: Site, open_window: Open) -> None:
    """The new bound is shown beside the old one, and holds from the next request on."""
    await site.keys.plans.put("Free", rate_limit="1000/minute")
    await site.keys.owners.put("globex", plan="Free")
    key = (await site.key()).plaintext
    window = await open_window()
    await window.sign_in_as_operator()
    assert await use(window, key, 3) == 200
    await window.go("/operator/plan?id=Free")
    await window.page.get_by_label("Rate limit").fill("2/minute")
    await window.press("Show what changes")
    await window.check()
    assert "1000/minute" in await window.text()
    await window.press("Change the plan")
    await window.check()
    assert (await site.keys.plans.get("Free")).rate_limit == "2/minute"
    assert await use(window, key, 3) == 429


async def test_a_key_that_comes_back_is_an_alarm(site: Site, open_window: Open) -> None:
    """An old key that is used after its rotation stands among the alarms, with the address that used it."""
    issued = await site.key(name="Ward round")
    window = await open_window()
    await window.sign_in_as_operator()
    await window.go("/operator/attention/alarms")
    assert "used after its rotation" not in await window.page.locator("main").inner_text()
    await site.keys.rotate(issued.record.key_id, overlap=0)
    assert await use(window, issued.plaintext) == 401
    await site.keys.flush()
    await window.go("/operator/attention/alarms")
    row = window.page.get_by_role("row", name="used after its rotation ended")
    assert "203.0.113.7" in await row.inner_text()
    await row.get_by_role("link").click()
    await window.page.wait_for_load_state()
    await window.check()
    assert "Ward round" in await window.text()
