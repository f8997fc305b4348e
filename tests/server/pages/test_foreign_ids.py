"""Every route of the pages of customers, asked with ids of another customer: nothing tells what is there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from secretsource.server.pages.app import VIEWS
from secretsource.server.pages.sessions import Role

if TYPE_CHECKING:
    from tests.server.conftest import World
    from tests.server.pages.browser import Browser

    from secretsource.server.pages.view import View

CUSTOMERS = [view for view in VIEWS if view.role is Role.CUSTOMER]
WITH_AN_ID = [view for view in CUSTOMERS if "{" in view.path]
FIELDS = {"sure": "yes", "overlap": "604800", "name": "Mine now", "revision": "1", "ends": "kept", "scopes": "a:b"}


def target(view: View, key_id: str) -> str:
    """The address of a view about a key."""
    return re.sub(r"\{key_id:key_id\}", key_id, view.path)


def bare(body: bytes, key_id: str) -> str:
    """A page without what differs between any two."""
    return body.decode().replace(key_id, "…")


def test_the_routes_with_an_id_are_found() -> None:
    """There are some, and each names a key."""
    assert len(WITH_AN_ID) >= 9
    assert all("{key_id:key_id}" in view.path for view in WITH_AN_ID)


@pytest.mark.parametrize("view", WITH_AN_ID, ids=lambda view: view.name)
async def test_a_key_of_another_customer_looks_as_if_it_were_not_there(
    world: World, browser: Browser, view: View
) -> None:
    """404, to the byte as for an id that nobody has; and the key stays as it was."""
    old = (await world.customer_key(owner="globex", name="Foreign worker")).record
    rotated = await world.keys.rotate(old.key_id, overlap=3600)
    old, new = rotated.predecessor, rotated.successor
    await browser.sign_in("acme")
    token = browser.page
    pages = {}
    for key_id in ("0" * 22, old.key_id, new.key_id, world.root_key_id):
        browser.page = token
        ask = browser.get(target(view, key_id)) if view.method == "GET" else browser.post(target(view, key_id), FIELDS)
        answer = await ask
        assert answer.status == 404, answer.body
        pages[key_id] = bare(answer.body, key_id)
    assert len(set(pages.values())) == 1
    assert [await world.keys.get(each.key_id) for each in (old, new)] == [old, new]


@pytest.mark.parametrize("view", CUSTOMERS, ids=lambda view: view.name)
async def test_nobody_sees_a_page_without_a_session(world: World, browser: Browser, view: View) -> None:
    """A page leads to the sign-in, a form is refused, and neither names the customer's key."""
    record = (await world.customer_key(name="Billing worker")).record
    path = target(view, record.key_id)
    answer = await browser.get(path) if view.method == "GET" else await browser.post(path, FIELDS)
    assert answer.status == (303 if view.method == "GET" else 403)
    assert answer.headers.get("location", "/portal/sign-in") == "/portal/sign-in"
    assert b"Billing worker" not in answer.body
    assert await world.keys.get(record.key_id) == record
