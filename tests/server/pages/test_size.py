"""A page and all that it loads is small, also with as many keys as a page shows that were used on each day."""

from __future__ import annotations

import random
import re
from time import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.server.pages.wire import NO_PAGE

from secretsource.server.pages.app import VIEWS
from secretsource.server.pages.sessions import Role
from secretsource.stores.base import Count

if TYPE_CHECKING:
    from tests.server.conftest import World
    from tests.server.pages.browser import Browser

MOST = 60 * 1024
"""Bytes of a page, its style sheets, its script and its icon together, as they are without compression."""
SHOWN = [view for view in VIEWS if view.role is Role.CUSTOMER and view.method == "GET" and view.name not in NO_PAGE]
HOUR = 3600


async def furnish(world: World, owner: str) -> str:
    """Make sixty keys with names of some length and requests of each outcome, and return the id of one."""
    draw, now = random.Random(7), int(time()) // HOUR * HOUR
    scopes = ["invoices:read", "invoices:write", "customers:read"]
    asked: Any = [
        {"owner": owner, "prefix": "acme", "name": f"The export of the nightly report, number {each}", "scopes": scopes}
        for each in range(60)
    ]
    ids = [issued.record.key_id for issued in await world.keys.issue_many(asked)]
    counts = [
        Count(now - hours * HOUR, key_id, outcome, draw.randint(1, 99999))
        for key_id in ids
        for hours in (*range(0, 48, 7), *range(48, 14 * 24, 24))
        for outcome in ("accepted", "rate_limited", "wrong_network")
    ]
    counts += [Count(now - hours * HOUR, ids[-1], "accepted", draw.randint(1, 99999)) for hours in range(1, 48, 2)]
    store: Any = world.keys._store
    for place in range(0, len(counts), 1000):
        await store.counts.add(counts[place : place + 1000])
    for key_id in ids[:5]:
        await world.keys.update(key_id, rate_limit="100/minute", actor="mia@globex.example", origin="203.0.113.7")
    return ids[-1]


@pytest.mark.parametrize("view", SHOWN, ids=lambda view: view.name)
async def test_a_page_is_small(world: World, browser: Browser, view: Any, record_property: Any) -> None:
    """Within sixty kilobytes, styles included."""
    key_id = await furnish(world, "acme")
    await browser.sign_in("acme")
    page = await browser.get(view.path.replace("{key_id:key_id}", key_id))
    assert page.status == 200
    sizes = [len(page.body)]
    for each in set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page.body.decode())):
        sizes.append(len((await browser.get(each)).body))
    record_property("measured", f"bytes of {view.name}, with styles and script: {sum(sizes):,}")
    assert sum(sizes) <= MOST, sizes
