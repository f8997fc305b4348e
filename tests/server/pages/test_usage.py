"""The pages of usage and of events show a customer its own keys, and within bounds."""

from __future__ import annotations

import csv
import io
from time import time
from typing import TYPE_CHECKING, Any

from secretsource.stores.base import Count

if TYPE_CHECKING:
    from tests.server.conftest import World
    from tests.server.pages.browser import Browser

HOUR = 3600


async def counted(world: World, key_id: str, **outcomes: int) -> None:
    """Count requests of the present minute."""
    minute = int(time()) // 60 * 60
    store: Any = world.keys._store
    await store.counts.add([Count(minute, key_id, outcome, number) for outcome, number in outcomes.items()])


async def test_usage_is_told_by_key_and_outcome(world: World, browser: Browser) -> None:
    """The busiest key is first, a reason has its words, and keys of others are not counted."""
    quiet = (await world.customer_key(name="Quiet worker")).record.key_id
    busy = (await world.customer_key(name="Busy worker")).record.key_id
    await world.customer_key(name="Idle worker")
    foreign = (await world.customer_key(owner="globex", name="Foreign worker")).record.key_id
    await counted(world, quiet, accepted=2)
    await counted(world, busy, accepted=1200, rate_limited=34)
    await counted(world, foreign, accepted=70000)
    await browser.sign_in("acme")
    page = (await browser.get("/portal/usage")).body.decode()
    assert page.index("Busy worker") < page.index("Quiet worker")
    assert "1,236" in page
    assert "rate limit" in page
    assert "1 other key had no request" in page
    assert "Foreign worker" not in page
    assert "70,0" not in page


async def test_usage_can_be_saved(world: World, browser: Browser) -> None:
    """A row for each hour, key and outcome; the name of a key is never a formula of a spreadsheet."""
    key_id = (await world.customer_key(name="=cmd()")).record.key_id
    foreign = (await world.customer_key(owner="globex")).record.key_id
    await counted(world, key_id, accepted=3, revoked=1)
    await counted(world, foreign, accepted=5)
    await browser.sign_in("acme")
    answer = await browser.get("/portal/usage.csv?span=14d")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="usage-14d.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.body.decode())))
    assert [(row["key_id"], row["name"], row["outcome"], row["requests"]) for row in rows] == [
        (key_id, "'=cmd()", "accepted", "3"),
        (key_id, "'=cmd()", "revoked", "1"),
    ]
    assert rows[0]["start"].endswith("T00:00:00Z")


async def test_a_span_that_there_is_not_is_the_shortest(browser: Browser) -> None:
    """An address that somebody changed by hand still shows the page."""
    await browser.sign_in("acme")
    for query in ("?span=1000y", "?span=", "?after="):
        page = await browser.get(f"/portal/usage{query}")
        assert page.status == 200
        assert b"No request in this time" in page.body


async def test_events_tell_who_did_what_from_where(world: World, browser: Browser) -> None:
    """The newest is first, with the author, the place and the reason; those of others are not there."""
    key_id = (await world.customer_key(name="Billing worker", actor="mia", origin="203.0.113.7")).record.key_id
    await world.customer_key(owner="globex", name="Foreign worker", actor="nobody of ours")
    await world.keys.update(key_id, rate_limit="5/minute", actor="<b>leo</b>")
    await world.keys.revoke(key_id, reason="it was lost")
    await browser.sign_in("acme")
    page = (await browser.get("/portal/events")).body.decode()
    assert page.index("revoked") < page.index("it was lost") < page.index("edited") < page.index("issued")
    assert "rate limit" in page
    assert "203.0.113.7" in page
    assert "&lt;b&gt;leo" in page
    assert "nobody of ours" not in page


async def test_events_are_read_page_by_page(world: World, browser: Browser) -> None:
    """The link to the next page leads on to older events, up to the first one."""
    key_id = (await world.customer_key(name="Billing worker")).record.key_id
    for number in range(60):
        await world.keys.update(key_id, name=f"name {number}", reason=f"reason {number:02}")
    await browser.sign_in("acme")
    first = (await browser.get("/portal/events")).body.decode()
    assert "reason 59" in first
    assert "reason 09" not in first
    target = first.partition('rel="next" href="')[2].partition('"')[0]
    second = (await browser.get(f"/portal/events{target}")).body.decode()
    assert "reason 09" in second
    assert "issued" in second
    assert 'rel="next"' not in second


async def test_a_place_in_the_feed_that_is_none_is_the_beginning(world: World, browser: Browser) -> None:
    """An address that somebody changed by hand still shows the newest events."""
    await world.customer_key(name="Billing worker")
    await browser.sign_in("acme")
    for written in ("x", "-1", "9" * 30, "٣"):
        page = await browser.get(f"/portal/events?after={written}")
        assert page.status == 200
        assert b"Billing worker" in page.body
