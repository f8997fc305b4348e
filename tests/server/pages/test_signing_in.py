"""A portal link signs a customer in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.server.conftest import World
    from tests.server.pages.browser import Browser


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
