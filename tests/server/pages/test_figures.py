"""The figures above the keys of a customer are those of all its keys, not of the page."""

from __future__ import annotations

from html import unescape
from re import DOTALL, findall, sub
from time import time
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.issuing import NO_SCOPE
from secretsource.stores.base import Count

if TYPE_CHECKING:
    from tests.server.conftest import World
    from tests.server.pages.browser import Browser

pytestmark = pytest.mark.usefixtures("one_day")

DAY = 86400
KEYS = 40
"""More than a page has."""


def figures(page: str) -> dict[str, tuple[str, str]]:
    """The figures of a page: the value and the words under it, by their labels."""
    found = findall(r'<div class="figure">\s*<dt>(.*?)</dt>\s*<dd><b>(.*?)</b>(.*?)</dd>', page, DOTALL)
    return {label: (unescape(value), unescape(sub(r"<[^>]*>", "", under)).strip()) for label, value, under in found}


async def many(world: World) -> list[str]:
    """Make more keys than a page has, with requests of today, yesterday and of another customer; return their ids."""
    issued = await world.keys.issue_many([{"owner": "acme", "name": f"key {number}"} for number in range(KEYS)])
    ids = [each.record.key_id for each in issued]
    foreign = (await world.customer_key(owner="globex")).record.key_id
    today = int(time()) // DAY * DAY
    store: Any = world.keys._store
    await store.counts.add([Count(today, each, "accepted", 30) for each in ids])
    await store.counts.add([Count(today, ids[0], "rate_limited", 9), Count(today, ids[1], "wrong_network", 3)])
    await store.counts.add([Count(today - DAY, ids[0], "accepted", 7777), Count(today, foreign, "accepted", 8888)])
    return ids


async def test_the_figures_are_those_of_all_keys(world: World, browser: Browser) -> None:
    """Also of keys on later pages; other days and other customers are not in them."""
    ids = await many(world)
    await browser.sign_in("acme")
    page = (await browser.get("/portal/keys")).body.decode()
    assert sum(each in page for each in ids) == KEYS - 10
    assert figures(page) == {
        "Requests today": ("1,212", "all keys, in UTC"),
        "Refused": ("<1%", "9 limited · 3 other"),
        "Needs attention": ("0", "nothing ends within 14 days"),
    }


async def test_the_soonest_end_is_told(world: World, browser: Browser) -> None:
    """Of any key; a rotation is told as one."""
    ids = await many(world)
    await world.keys.update(ids[0], expires_at=time() + 6.5 * DAY)
    await browser.sign_in("acme")
    said = figures((await browser.get("/portal/keys")).body.decode())["Needs attention"]
    assert said == ("1", "a key ends in 6 days")
    await world.keys.rotate(ids[1], overlap=4.5 * DAY)
    page = (await browser.get("/portal/keys")).body.decode()
    assert figures(page)["Needs attention"] == ("2", "a rotation ends in 4 days")


async def test_the_share_of_the_quota_is_told(world: World, browser: Browser) -> None:
    """That of the customer or of its plan, of which the least is left, in the language of the reader."""
    await world.keys.plans.put("basic", quota="1000/month")
    await world.keys.owners.put("acme", plan="basic", quota="8/day")
    issued = await world.customer_key()
    for _ in range(2):
        await world.keys.check(issued.plaintext, scope=NO_SCOPE)
    await browser.sign_in("acme")
    value, under = figures((await browser.get("/portal/keys")).body.decode())["Requests today"]
    assert value == "2"
    assert under.startswith("day quota (all keys): 25% of 8 used, resets in ")
    german = figures((await browser.get("/portal/keys", accept_language="de")).body.decode())["Anfragen heute"]
    assert german[1].startswith("Tageskontingent (alle Schlüssel): 25\xa0% von 8 verbraucht, neu in ")


async def test_more_keys_than_are_looked_at_are_told(world: World, browser: Browser, monkeypatch: Any) -> None:
    """The number has a plus, and the page looks at no more."""
    monkeypatch.setattr("secretsource.server.pages.customer.keys.ENDING", 2)
    for _ in range(3):
        await world.customer_key(expires_in=3.5 * DAY)
    await browser.sign_in("acme")
    page = (await browser.get("/portal/keys")).body.decode()
    assert figures(page)["Needs attention"] == ("2+", "a key ends in 3 days")


async def test_the_figures_stand_on_the_first_page_alone(world: World, browser: Browser) -> None:
    """Later pages and searches have none, and neither has a customer without keys."""
    await browser.sign_in("acme")
    assert figures((await browser.get("/portal/keys")).body.decode()) == {}
    await many(world)
    first = (await browser.get("/portal/keys")).body.decode()
    following = unescape(first.partition('rel="next" href="')[2].partition('"')[0])
    for target in (following, "/portal/keys?search=key+7"):
        assert figures((await browser.get(target)).body.decode()) == {}
