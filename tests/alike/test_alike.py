"""Memory, SQLite and PostgreSQL say the same to the same calls, in schedules that can be played again.

ALIKE_SEED=1234 python -m pytest tests/alike          # one schedule
ALIKE_SCHEDULES=1000 python -m pytest tests/alike     # more of them
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from tests.alike.acts import Act
from tests.alike.schedule import drawing, play
from tests.alike.world import Worlds
from tests.servers.postgres import postgres
from tests.stores.databases import PATIENCE, PostgresDatabase, do

from secretsource.issuing import NO_SCOPE
from secretsource.stores import sql
from secretsource.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from tests.alike.world import World

    from secretsource.stores.base import KeyStore

    MakeStores = Callable[[int], dict[str, KeyStore]]

SEED = os.environ.get("ALIKE_SEED", "")
SCHEDULES = int(os.environ.get("ALIKE_SCHEDULES", "24"))
PARTS = 2
ACTS = 60
DAY = 86400.0


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server with the tables of the newest version, which waits for a busy machine."""
    with postgres() as server:
        sql.migrate(server.url)
        yield f"{server.url}?timeout=60"


@pytest.fixture
def make_stores(url: str, tmp_path: Path) -> MakeStores:
    """Make the three stores of one schedule, empty."""

    def make(number: int) -> dict[str, KeyStore]:
        PostgresDatabase(url.partition("?")[0])
        do(url.partition("?")[0], "TRUNCATE secretsource_owner_events RESTART IDENTITY")
        return {
            "memory": MemoryStore(),
            "sqlite": sql.SqlStore.open(f"sqlite:///{tmp_path}/{number}.db?timeout={PATIENCE:.0f}"),
            "postgresql": sql.PostgresStore.open(url),
        }

    return make


def seeds(part: int) -> Iterable[int]:
    """The seeds of one part of all schedules; the one that was asked for comes alone."""
    if SEED:
        return [int(SEED)] if part == 0 else []
    return range(part, SCHEDULES, PARTS)


@pytest.mark.timeout(600)  # half a minute on a machine with nothing else to do
@pytest.mark.parametrize("part", range(PARTS))
def test_every_store_says_the_same(
    part: int, make_stores: MakeStores, record_property: Callable[[str, Any], None]
) -> None:
    """Every verb, odd texts, instants at the edges, and limits: each answer and each error is the same in all three."""
    for seed in seeds(part):
        try:
            play(make_stores(seed), seed, ACTS)
        except AssertionError as error:
            pytest.fail(f"ALIKE_SEED={seed} plays it again\n{error}")
    record_property("measured", f"stores alike: {SCHEDULES} schedules of {ACTS} acts, the same answers")


def _imported(world: World) -> str:
    """The one key of a world, used elsewhere before it was imported."""
    row = {"owner": "acme", "hash": "sha256$" + "0" * 64, "last_used_at": 1_600_000_000}
    world.keys.import_rows([row])
    return world.keys.list().records[0].key_id


def _deleted(world: World) -> Any:
    """A key that is deleted at the instant at which another one is made."""
    old = world.keys.issue(owner="acme", expires_in=1).record
    world.keys.issue(owner="acme")
    world.store.upkeep.delete([old], [])  # type: ignore[union-attr]
    world.keys.run_chores(keep_ended=DAY)
    return world.keys.history()


KNOWN: dict[str, Callable[[World], Any]] = {
    "use of an imported key": lambda world: world.keys.recent_use(_imported(world)),
    "unused imported key": lambda world: (_imported(world), world.keys.unused(for_=DAY)),
    "metadata with an escape": lambda world: (
        world.keys.issue(owner="acme", metadata={"team": "red", "path": "C:\\u0000"}),
        world.keys.list(owner="acme", metadata={"team": "red"}),
    ),
    "a deletion among other events": _deleted,
}
"""What once differed."""


@pytest.mark.parametrize("call", KNOWN.values(), ids=KNOWN)
def test_what_once_differed_is_the_same(call: Callable[[World], Any], make_stores: MakeStores) -> None:
    """Each sequence, in all three."""
    worlds = Worlds(make_stores(0), 1, 1_735_689_590.0)
    try:
        with drawing() as draw_from:
            worlds.do(Act("call", {}, call), draw_from)
    finally:
        worlds.close()
    assert worlds.told == ["call()"]


def test_a_difference_is_found(make_stores: MakeStores, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that forgets uses is named, with the place of the difference and the calls before it."""
    stores = make_stores(0)
    monkeypatch.setattr(stores["sqlite"], "record_uses", lambda uses: None)
    worlds = Worlds(stores, 1, 1_735_689_590.0)

    def use(world: World) -> Any:
        issued = world.keys.issue(owner="acme")
        world.keys.check(issued.plaintext, scope=NO_SCOPE)
        world.keys.flush()
        return world.keys.get(issued.record.key_id)

    said = r"call\(\)\nat .*last_used\nmemory: .*\nsqlite: None"
    try:
        with drawing() as draw_from, pytest.raises(AssertionError, match=said):
            worlds.do(Act("call", {}, use), draw_from)
    finally:
        worlds.close()
