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
