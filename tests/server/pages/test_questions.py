"""A page asks the store as often for ten keys as for a hundred thousand."""

from __future__ import annotations

from contextlib import contextmanager
from time import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from tests.server.pages.browser import Browser
from tests.server.pages.crowds import engine_of, multiply

from secretsource.server.pages.app import VIEWS
from secretsource.server.pages.sessions import Role
from secretsource.stores.base import Count

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.server.conftest import World

SHOWN = [view for view in VIEWS if view.role is Role.CUSTOMER and view.method == "GET"]
FEW, MANY = 10, 100_000
MORE = {"showKeys": 1}
"""Statements more for many keys: of over 2000 keys of an owner, the store counts one more condition of a list."""
MOST = 24
"""Statements of any page, the beginnings of transactions among them."""


@contextmanager
def statements(world: World) -> Generator[list[str]]:
    """The statements that the store executes meanwhile."""
    engine = engine_of(world)
    seen: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def furnish(world: World, owner: str, number: int) -> str:
    """Make keys of an owner, five of them rotating, with requests on each day; return the id of a rotating one."""
    await world.keys.owners.put(owner)
    issued = await world.keys.issue_many([{"owner": owner, "name": f"{owner} {each}"} for each in range(FEW)])
    ids = [each.record.key_id for each in issued]
    if number > FEW:
        multiply(world, ids[0], number - FEW)
    for key_id in ids[-5:]:
        await world.keys.rotate(key_id, overlap=86400)
    counts = world.keys._store.counts
    assert counts is not None
    today = int(time() // 60) * 60
    for day in range(3):
        await counts.add([Count(today - day * 86400, key_id, "accepted", 2) for key_id in ids])
    return ids[-1]


async def test_a_page_asks_as_often_for_many_keys(world: World) -> None:
    """The number of statements of each view is the same, but for a bounded count, and small."""
    asked: dict[str, list[list[str]]] = {view.name: [] for view in SHOWN}
    for owner, number in (("few", FEW), ("many", MANY)):
        key_id = await furnish(world, owner, number)
        browser = Browser(world.app, world.keys)
        await browser.sign_in(owner)
        for view in SHOWN:
            path = view.path.replace("{key_id:key_id}", key_id)
            await browser.get(path)  # the templates are compiled, and what is due once is done
            with statements(world) as seen:
                assert (await browser.get(path)).status == 200
            asked[view.name].append(seen)
    assert len((await world.keys.list(owner="many", limit=1000)).records) == 1000
    for name, (few, many) in asked.items():
        assert len(many) == len(few) + MORE.get(name, 0), (name, "\n".join(many))
        assert 0 < len(many) <= MOST, (name, "\n".join(many))
