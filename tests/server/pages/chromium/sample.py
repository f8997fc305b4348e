"""A customer with a life behind it: keys of each kind, three months of requests, and a rotation that goes on."""

from __future__ import annotations

import random
from time import time
from typing import TYPE_CHECKING, Any

from secretsource.issuing import AsyncApiKeys
from secretsource.server.rights import ROOT_OWNER, ROOT_PREFIX
from secretsource.stores.base import Count, Use
from secretsource.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ARABIC", "LONG", "OWNER", "filled"]

MINUTE, HOUR, DAY = 60, 3600, 86400
OWNER = "globex"
ARABIC = "مفتاح الفواتير"
LONG = "Warehouse import, pasted from PLAT-20241-migrate-the-export-of-everything_to_the_new_warehouse"
BY: dict[str, Any] = {"actor": "mia@globex.example", "origin": "203.0.113.7"}


async def filled(store: str, pepper: str) -> dict[str, str]:
    """Fill a store with the sample, as of now.

    Args:
        store: The URL of the store.
        pepper: The pepper of its keys.

    Returns:
        The ids of the keys, each by a word of its own, and the texts of those of the customer.
    """
    now, draw = time(), random.Random(20261129)
    clock = FakeClock(wall=now - 80 * DAY)
    keys = await AsyncApiKeys.open(store, peppers=[pepper], flush_every=3600, clock=clock)
    try:
        await keys.plans.put("Business", rate_limit="6000/minute", quota="100000/day", max_keys=20)
        await keys.owners.put(OWNER, name="Globex Ltd", plan="Business")
        ids = {**await _others(keys), **await _live(keys, clock)}
        counts = [*_counts(ids, now, draw)]
        for place in range(0, len(counts), 1000):
            await _stored(keys).counts.add(counts[place : place + 1000])
        await _stored(keys).record_uses([*_uses(ids, now)])
    finally:
        await keys.close()
    return ids


async def _others(keys: AsyncApiKeys) -> dict[str, str]:
    """Register other customers: one is suspended, and an old key of another is used after its rotation."""
    desk: dict[str, Any] = {"actor": "Front desk", "origin": "198.51.100.4"}
    await keys.plans.put("Free", rate_limit="60/minute", max_keys=2, scopes=["invoices:read"], **desk)
    await keys.owners.put("initech", name="Initech", plan="Free", **desk)
    await keys.owners.put("umbrella", name="Umbrella Health", plan="Business", **desk)
    await keys.owners.put("vandelay", name="Vandelay Industries, Import and Export of Latex and Related Goods", **desk)
    await keys.owners.put("مخبز", name="مخبز النور", plan="Free", **desk)
    await keys.issue(owner="initech", prefix="sk", name="Printer", scopes=["invoices:read"], expires_in=83 * DAY)
    await keys.owners.suspend("initech", reason="the invoice was not paid", **desk)
    issued = await keys.issue(owner="umbrella", prefix="sk", name="Ward round", scopes=["invoices:read"])
    rotated = await keys.rotate(issued.record.key_id, overlap=0, reason="it was in a public repository", **desk)
    await keys.check(issued.plaintext, scope="invoices:read", ip="192.0.2.66", agent="python-requests/2.32")
    await keys.flush()
    root: dict[str, Any] = {"owner": ROOT_OWNER, "prefix": ROOT_PREFIX, "name": "The shop", "networks": ["10.0.0.0/8"]}
    shop = await keys.issue(scopes=["keys:verify"], expires_in=365 * DAY, **root, **desk)
    return {"root": shop.record.key_id, "ward": issued.record.key_id, "ward-new": rotated.successor.key_id}


async def _live(keys: AsyncApiKeys, clock: FakeClock) -> dict[str, str]:
    """Issue, edit, rotate and revoke, with days between."""
    ids: dict[str, str] = {}

    async def issue(word: str, name: str, scopes: list[str], **more: Any) -> None:
        asked: dict[str, Any] = {"prefix": "sk", "name": name, "scopes": scopes, **BY, **more}
        issued = await keys.issue(owner=OWNER, **asked)
        ids[word], ids[f"{word}-text"] = issued.record.key_id, issued.plaintext

    await issue("old", "Old integration", ["orders:*"])
    await issue("billing", "Billing worker", ["invoices:read", "invoices:write"], expires_in=141 * DAY)
    clock.advance(20 * DAY)
    await issue("export", "Nightly export", ["exports:read"], rate_limit="100/minute")
    await issue("arabic", ARABIC, ["invoices:read"])
    clock.advance(25 * DAY)
    await issue("long", LONG, ["orders:*", "invoices:read", "invoices:write", "exports:read"])
    await issue("mobile", "Mobile backend", ["orders:*"], networks=["203.0.113.0/24"])
    await issue("test", "Continuous integration", ["invoices:read"], environment="test")
    clock.advance(20 * DAY)
    await keys.update(ids["billing"], rate_limit="600/minute", **BY)
    clock.advance(6 * DAY)
    await keys.revoke(ids["old"], reason="no longer in use", **BY)
    clock.advance(6 * DAY)
    await keys.disable(ids["long"], reason="under review", actor="operator", origin="198.51.100.4")
    rotated = await keys.rotate(ids["export"], overlap=7 * DAY, **BY)
    ids["successor"] = rotated.successor.key_id
    return ids


def _counts(ids: dict[str, str], now: float, draw: random.Random) -> Iterator[Count]:
    """Yield the requests of each hour, fewer at night and on days of rest, and some that were refused."""
    last = int(now) // HOUR
    for ago in range(80 * 24):
        start = (last - ago) * HOUR
        pace = (1.0 if 7 <= start // HOUR % 24 <= 19 else 0.3) * (0.4 if start // DAY % 7 in {2, 3} else 1.0)
        for word, most, since in (
            ("billing", 600, 80), ("export", 60, 60), ("arabic", 40, 60), ("mobile", 900, 35), ("successor", 240, 2),
        ):  # fmt: skip
            if ago < since * 24:
                yield Count(start, ids[word], "accepted", round(most * pace * draw.uniform(0.5, 1)) + 1)
        if draw.random() < 0.2:
            yield Count(start, ids["billing"], "rate_limited", draw.randint(5, 120))
        if draw.random() < 0.1:
            yield Count(start, ids["mobile"], "wrong_network", draw.randint(1, 30))
        if ago < 3 * 24 and draw.random() < 0.1:
            yield Count(start, ids["old"], "revoked", 1)


def _uses(ids: dict[str, str], now: float) -> Iterator[Use]:
    yield Use(ids["billing"], now - 2 * MINUTE)
    yield Use(ids["arabic"], now - 26 * HOUR)
    yield Use(ids["mobile"], now)
    yield Use(ids["old"], now - 9 * DAY)
    yield _by(ids["export"], now - 3 * HOUR, 214, "203.0.113.7", "export-worker/2.1")
    yield _by(ids["successor"], now - 4 * MINUTE, 975, "203.0.113.8", "export-worker/2.2")


def _by(key_id: str, at: float, requests: int, network: str, agent: str) -> Use:
    """Return the uses of one client."""
    return Use(key_id, at, requests, {network: at}, {agent: at})


def _stored(keys: AsyncApiKeys) -> Any:
    """The store, to put the past into it."""
    return keys._store
