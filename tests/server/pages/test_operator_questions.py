"""How many questions a page of operators asks the store: as many for ten thousand keys as for ten."""

from __future__ import annotations

from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.engine import Engine
from tests.server.pages.operators import GETS, operator

from secretsource.server.rights import ROOT_OWNER, ROOT_PREFIX

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.server.conftest import World
    from tests.server.pages.browser import Browser

FEW, MANY, OWNERS = 10, 10_000, 1000
MOST_BYTES = 60 * 1024
SEARCHES = {
    "a search by characters": "/operator/keys?q=acme_live_7",
    "a search by name": "/operator/keys?q=worker",
    "a status": "/operator/keys?status=active",
    "a search for owners": "/operator/owners?q=o",
    "events of a kind": "/operator/events?kind=issued",
    "keys of an owner": "/operator/keys?owner={owner}",
    "events of an owner": "/operator/events?owner={owner}",
}


@contextmanager
def counted() -> Generator[list[str]]:
    """Count the statements that any store in SQL executes meanwhile."""
    asked: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def grow(world: World, keys: int, owners: int) -> None:
    """Make customers with one event each, and then keys of one customer: the newest events are about keys."""
    for number in range(owners):
        await world.keys.owners.put(f"o{number}", plan="basic")
    asked: list[Any] = [
        {"owner": "acme", "prefix": "acme", "name": "worker", "scopes": ["invoices:read"], "expires_in": 864000}
    ]
    await world.keys.issue_many(asked * keys)


async def questions(browser: Browser, ids: dict[str, str]) -> dict[str, int]:
    """The number of statements of each page, when the feed has placed what is new."""
    await browser.get("/operator/events")
    found: dict[str, int] = {}
    for name, target in {**GETS, **SEARCHES}.items():
        with counted() as asked:
            begun = perf_counter()
            answer = await browser.get(target.format(**ids))
            seconds = perf_counter() - begun
        assert answer.status == 200, name
        assert len(answer.body) < MOST_BYTES, (name, len(answer.body))
        found[name] = len(asked)
        print(f"{name:24} {len(asked):3} questions {seconds * 1000:7.1f} ms {len(answer.body):6} bytes")
    return found


async def test_a_page_asks_no_more_of_many_keys_than_of_few(world: World) -> None:
    """Every list has a bound, and no page asks for each line of it."""
    await world.keys.plans.put("basic", rate_limit="100/minute")
    await world.keys.owners.put("acme", plan="basic")
    await grow(world, FEW, FEW)
    key = (await world.keys.list(owner="acme")).records[0]
    root = await world.keys.issue(owner=ROOT_OWNER, prefix=ROOT_PREFIX, scopes=["keys:read"])
    ids = {"owner": "acme", "plan": "basic", "key": key.key_id, "root": root.record.key_id}
    browser = await operator(world)
    await questions(browser, ids)  # the first visit opens connections
    few = await questions(browser, ids)
    await grow(world, MANY, OWNERS)
    many = await questions(browser, ids)
    assert {name: many[name] for name in GETS} == {name: few[name] for name in GETS}
    assert all(many[name] <= few[name] + 1 for name in SEARCHES), "the store counts before it chooses its way"
    assert max(many.values()) <= 20
