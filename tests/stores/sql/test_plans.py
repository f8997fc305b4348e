"""How the databases answer what is listed and counted: along an index, and never by reading all keys."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from itertools import product
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from sqlalchemy import event
from tests.server.pages.asked import asked

from secretsource.stores import sql
from secretsource.stores._sql import listing
from secretsource.stores._sql.rows.tables import EVENTS, KEYS
from secretsource.stores.base import CountQuery, HistoryQuery, KeyQuery, OwnerEvent, OwnerEventKind, Page, Status, Unit
from secretsource.testing._stores.samples import new, record

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from tests.servers.postgres import Postgres

KEYS_THERE = 3000
"""Enough for PostgreSQL to prefer an index, and for a condition to pick more than `listing.FEW`."""
NOW = 10_000.0
LISTS = {
    **{f"owner {word}": KeyQuery(owner=word) for word in ("rare", "acme")},
    **{f"prefix {word}": KeyQuery(prefix=word) for word in ("rare", "sk")},
    **{f"environment {word}": KeyQuery(environment=word) for word in ("rare", "live")},
    **{f"pepper {word}": KeyQuery(pepper_version=word) for word in ("rare0000", "pepper00")},
    **{f"stored {status}": KeyQuery(status=status) for status in Status},
    **{f"now {status}": KeyQuery(status=status, now=NOW) for status in Status},
    "expires before": KeyQuery(expires_before=NOW),
    "expires soon": KeyQuery(expires_before=2 * NOW, now=NOW, living=True),
    "environment of an owner": KeyQuery("acme", "live", newest=True),
    "rotating, of acme": KeyQuery("acme", status=Status.ROTATING, now=NOW),
    "expires soon, of acme": KeyQuery("acme", expires_before=2 * NOW, now=NOW, living=True),
    "unused, of acme": KeyQuery("acme", unused_since=NOW, now=NOW, living=True),
    **{
        f"prefix {word}, {status}": KeyQuery(prefix=word, status=status, now=NOW)
        for word, status in product(("rare", "sk"), Status)
    },
    **{f"name {word!r}": KeyQuery(name=word) for word in ("rare", "")},
    "newest of acme": KeyQuery("acme", newest=True),
    "newest that live, behind": KeyQuery("acme", newest=True, now=NOW, living=True, after="5.0 " + "k" * 22),
    "labelled, of acme": KeyQuery("acme", label=("team", "red")),
    "labelled, of rare": KeyQuery("rare", label=("team", "red"), newest=True),
    "beginning of few": KeyQuery(beginning=f"{12:021}", newest=True),
    "beginning of all": KeyQuery(prefix="sk", beginning="0", newest=True),
    "beginning of few, of all": KeyQuery(beginning=f"{12:021}", prefix="sk", environment="live"),
    "unused of none": KeyQuery(unused_since=NOW, now=NOW, living=True),
    "all of it": KeyQuery("acme", "live", "sk", Status.ACTIVE, "pepper00", NOW, now=NOW),
}
"""What is listed; of some words there are few keys, and of some nearly all."""
OWN = {
    "environment": KeyQuery("acme", "live", newest=True),
    "status": KeyQuery("acme", status=Status.ROTATING, now=NOW),
    "expires": KeyQuery("acme", expires_before=2 * NOW, now=NOW, living=True),
}
"""Lists of one owner's keys, by the word that has an index together with the owner."""


def rows() -> Iterator[Any]:
    """Keys of which one in a thousand is unlike the others."""
    unlike: list[dict[str, Any]] = [
        {"owner": "rare"}, {"prefix": "rare"}, {"environment": "rare"}, {"pepper_version": "rare0000"},
        {"status": Status.REVOKED}, {"status": Status.EXPIRED}, {"status": Status.DISABLED}, {"expires": 5000.0},
        {"status": Status.ROTATING, "overlap_ends": 5000.0}, {"name": "rare"}, {"metadata": {"team": "red"}},
    ]  # fmt: skip
    for number in range(KEYS_THERE):
        place = number % 1000
        yield new(number, **(unlike[place] if place < len(unlike) else {}))


class Explained:
    """A store whose statements are explained as they were run.

    Args:
        store: The store.
    """

    def __init__(self, store: sql.SqlStore) -> None:
        self.store = store
        self._run: list[tuple[str, Any]] = []
        self._words: tuple[str, ...] = ("SELECT",)
        event.listen(store.database.open(), "before_cursor_execute", self._note)

    def _note(self, _: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if statement.startswith(self._words):
            self._run.append((statement, parameters))

    @contextmanager
    def everything(self) -> Generator[None]:
        """Note also what is changed and deleted."""
        self._words = ("SELECT", "UPDATE", "DELETE")
        yield
        self._words = ("SELECT",)

    def plans(self, explain: Any) -> list[str]:
        """The plans of what was run since the last call."""
        run, self._run = self._run, []
        return [explain(statement, parameters) for statement, parameters in run]


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Explained, Any]]:
    """A file with these keys, and how it explains a statement."""
    file: Path = tmp_path_factory.mktemp("plans") / "keys.db"
    with closing(sql.SqlStore.open(f"sqlite:///{file}")) as store, closing(sqlite3.connect(file)) as connection:
        store.insert(list(rows()))

        def explain(statement: str, parameters: Any) -> str:
            plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            return "\n".join(line[3] for line in plan)

        yield Explained(store), explain


@pytest.fixture(scope="module")
def postgres(server: Postgres) -> Iterator[tuple[Explained, Any]]:
    """A database of the server with these keys, and how it explains a statement."""
    url = server.url.rpartition("/")[0] + "/plans"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS plans WITH (FORCE)")
        connection.execute("CREATE DATABASE plans")
    sql.migrate(url)
    with closing(sql.PostgresStore.open(url)) as store, psycopg.connect(url, autocommit=True) as connection:
        store.insert(list(rows()))
        assert store.history is not None
        store.history.read(HistoryQuery(limit=1000))
        connection.execute("VACUUM ANALYZE")
        connection.execute("SET enable_seqscan = off")  # it reads a small table whole, wherever an index would do

        def explain(statement: str, parameters: Any) -> str:
            return "\n".join(line[0] for line in connection.execute(f"EXPLAIN {statement}".encode(), parameters))

        yield Explained(store), explain


@pytest.mark.parametrize("what", LISTS)
def test_sqlite_lists_along_an_index(sqlite: tuple[Explained, Any], what: str) -> None:
    """Each statement of a list that narrows searches an index; none goes through the keys."""
    explained, explain = sqlite
    explained.store.list(LISTS[what])
    plans = explained.plans(explain)
    assert plans
    assert not [plan for plan in plans if f"SCAN {KEYS.name}" in plan]


def test_sqlite_lists_all_in_the_order_of_an_index(sqlite: tuple[Explained, Any]) -> None:
    """A list of everything, and one by last use, stop with the last key of their page: nothing is sorted for them."""
    explained, explain = sqlite
    for query in (
        KeyQuery(),
        KeyQuery(newest=True),
        KeyQuery(unused_since=NOW, now=NOW, living=True),
        KeyQuery(after="5.0 " + "k" * 22),
    ):
        explained.store.list(query)
        plans = explained.plans(explain)
        assert len(plans) == (1 if query.unused_since is None else 2)
        for plan in plans:
            assert "INDEX secretsource_keys_by_age" in plan
            assert "TEMP B-TREE" not in plan


@pytest.mark.parametrize(("word", "query"), OWN.items())
def test_sqlite_narrows_the_keys_of_an_owner_along_one_index(
    sqlite: tuple[Explained, Any], word: str, query: KeyQuery
) -> None:
    """A customer's environment, status or end has an index with the owner, so other customers' keys are not read."""
    explained, explain = sqlite
    explained.plans(explain)
    explained.store.list(query)
    plans = explained.plans(explain)
    assert len(plans) == (2 if word == "expires" else 1)
    for plan in plans:
        assert f"INDEX secretsource_keys_by_owner_{word}" in plan
        assert "SCAN secretsource_keys" not in plan
    assert word == "expires" or "B-TREE" not in plans[-1]


def test_a_way_is_chosen_by_one_question(sqlite: tuple[Explained, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever condition picks few keys, or none does, the store asks as often; and the choice is the same."""
    explained, explain = sqlite
    explained.plans(explain)
    for few in (1, 2000, 10_000):
        monkeypatch.setattr(listing, "FEW", few)
        for query in (LISTS["all of it"], LISTS["prefix rare, active"], LISTS["expires soon, of acme"]):
            explained.store.list(query)
            assert len(explained.plans(explain)) == 2


def test_sqlite_looks_for_unused_keys_among_old_ones(sqlite: tuple[Explained, Any]) -> None:
    """Keys that are too young to be unused for so long are not read."""
    explained, explain = sqlite
    explained.store.list(KeyQuery(unused_since=NOW, now=NOW, living=True))
    place, page = explained.plans(explain)
    assert f"SEARCH {KEYS.name} USING COVERING INDEX secretsource_keys_by_age (created<?)" in place
    assert f"SEARCH {KEYS.name} USING INDEX secretsource_keys_by_age (created<?)" in page


SELDOM: dict[str, dict[str, Any]] = {
    "unused": {"last_used": 5.0},
    "labelled": {"metadata": {"team": "red"}},
    "begun": {"key_id": "z" * 22},
}
"""The fields of the last key, by a word for what is asked; no other key has them."""
ASKED = {
    "unused": KeyQuery(unused_since=1000.0, now=NOW, living=True),
    "labelled": KeyQuery("acme", label=("team", "red")),
    "begun": KeyQuery(prefix="sk", beginning="z"),
}


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sql.SqlStore]:
    """A store without keys, in each database."""
    if request.param == "postgres":
        yield request.getfixturevalue("postgres_store")
        return
    with closing(sql.SqlStore.open(f"sqlite:///{tmp_path}/keys.db")) as store:
        yield store


@pytest.mark.parametrize("newest", [False, True])
@pytest.mark.parametrize("what", ASKED)
def test_a_page_looks_at_a_bounded_number_of_keys(
    empty: sql.SqlStore, what: str, newest: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no index has what is asked, a page stops at its bound; with those behind it, each key comes once."""
    monkeypatch.setattr(listing, "LOOKED_AT", 7)
    monkeypatch.setattr(listing, "FEW", 1)
    seldom = {20: SELDOM[what]}
    empty.insert([new(number, **{"last_used": 2000.0, **seldom.get(number, {})}) for number in range(41)])
    pages = [*_pages(empty, ASKED[what]._replace(newest=newest))]
    assert [len(page) for page in pages] == [0, 0, 1, 0, 0, 0]
    assert [found.created for page in pages for found in page] == [20.0]


def test_sqlite_reads_no_more_of_many_keys_that_are_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of unused keys takes as many instructions among thousands of keys as among hundreds."""
    monkeypatch.setattr(listing, "LOOKED_AT", 100)
    steps: list[int] = []
    for number in (200, 2000):
        with closing(sql.SqlStore.open(f"sqlite:///{tmp_path}/{number}.db")) as store:
            store.insert([new(each, last_used=2 * NOW) for each in range(number)])
            with asked() as noted:
                page = store.list(KeyQuery(unused_since=NOW, now=NOW, living=True))
        assert (len(page), page.next) == (0, f"99.0_{99:022}")
        steps.append(noted.steps)
    assert steps[0] == pytest.approx(steps[1], rel=0.1)


def test_sqlite_counts_along_an_index(sqlite: tuple[Explained, Any]) -> None:
    """Keys are counted by their pepper in an index that has all of it; rows are read of those that have ended."""
    explained, explain = sqlite
    explained.store.count_by_pepper(NOW)
    [plan] = explained.plans(explain)
    scans = [line for line in plan.splitlines() if f"SCAN {KEYS.name}" in line]
    assert scans == [f"SCAN {KEYS.name} USING COVERING INDEX secretsource_keys_by_pepper"]


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_the_sum_over_an_owner_reads_no_count_of_a_key(request: pytest.FixtureRequest, database: str) -> None:
    """It reads the table of sums, of an owner or of the owners on a plan, and adds nothing up."""
    explained, explain = request.getfixturevalue(database)
    explained.plans(explain)
    all_keys = CountQuery(Unit.DAY, 0, 86400, per_key=False)
    for query in (all_keys._replace(owner="acme"), all_keys._replace(plan="pro")):
        explained.store.counts.read(query)
        [plan] = explained.plans(explain)
        assert "secretsource_sums" in plan
        assert "secretsource_counts" not in plan
        assert "SCAN secretsource_sums" not in plan
        assert "Seq Scan" not in plan


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_the_counts_of_several_keys_are_sought_one_by_one(request: pytest.FixtureRequest, database: str) -> None:
    """The index is searched by the start and the key, so the counts of the owner's other keys are not read."""
    explained, explain = request.getfixturevalue(database)
    explained.plans(explain)
    ids = tuple(record(number).key_id for number in range(50))
    explained.store.counts.read(CountQuery(Unit.DAY, 0, 14 * 86400, "acme", key_ids=ids))
    [plan] = explained.plans(explain)
    if database == "sqlite":
        assert "USING PRIMARY KEY (owner=? AND unit=? AND start=? AND key_id=?)" in plan
    else:
        [condition] = [line for line in plan.splitlines() if "Index Cond" in line]
        assert condition.count("= ANY") == 2


@pytest.mark.parametrize("what", LISTS)
def test_postgresql_lists_along_an_index(postgres: tuple[Explained, Any], what: str) -> None:
    """As SQLite does, where PostgreSQL has to take an index if one can serve."""
    explained, explain = postgres
    explained.store.list(LISTS[what])
    plans = explained.plans(explain)
    assert plans
    assert not [plan for plan in plans if f"Seq Scan on {KEYS.name}" in plan]


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_the_feed_is_read_along_its_positions(request: pytest.FixtureRequest, database: str) -> None:
    """A page of the feed, and the question whether there are events without a position, each search an index."""
    explained, explain = request.getfixturevalue(database)
    history = explained.store.history
    history.read(HistoryQuery(limit=1))
    explained.plans(explain)
    ways: tuple[tuple[dict[str, Any], str], ...] = (
        ({}, "position"),
        ({"kind": "revoked"}, "kind"),
        ({"actor": "nobody"}, "actor"),
    )
    for (words, along), newest in product(ways, (False, True)):
        found = history.read(HistoryQuery(after=500, limit=10, newest=newest, **words))
        assert len(found) == (0 if words else 10)
        last, keys, owners, new, *_ = explained.plans(explain)
        assert "secretsource_events_by_position" in last
        assert f"secretsource_events_by_{along}" in keys
        assert f"secretsource_owner_events_by_{along}" in owners
        assert "secretsource_events_without_position" in new
        assert not [plan for plan in (keys, owners, new) if "B-TREE" in plan or "Sort" in plan]
    for top in (HistoryQuery(limit=1000), HistoryQuery(after=1000, limit=1000)):
        history.read(top)
    assert not [
        plan for plan in explained.plans(explain) if f"SCAN {EVENTS.name}\n" in f"{plan}\n" or "Seq Scan" in plan
    ]


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_the_feed_of_an_owner_is_found_by_its_keys(request: pytest.FixtureRequest, database: str) -> None:
    """The events of few keys are found by the keys, and those of many along the positions; both are the same."""
    explained, explain = request.getfixturevalue(database)
    history = explained.store.history
    history.read(HistoryQuery(limit=1))
    explained.plans(explain)
    found = history.read(HistoryQuery(owner="rare"))
    _, count, keys, *_ = explained.plans(explain)
    assert len(found) == KEYS_THERE // 1000
    assert "secretsource_keys_by_owner" in count
    assert "secretsource_keys_by_owner" in keys
    assert "secretsource_events_by_position" not in keys
    assert found == [event for event in _whole(history) if event.owner == "rare"]
    explained.plans(explain)
    history.read(HistoryQuery(owner="acme", after=500, limit=10))
    _, _, keys, *_ = explained.plans(explain)
    assert "secretsource_events_by_position" in keys


def _pages(store: sql.SqlStore, query: KeyQuery) -> Iterator[Page]:
    """Every page of a list."""
    while True:
        page = store.list(query)
        yield page
        if page.next is None:
            return
        query = query._replace(after=page.next)


def _whole(history: Any) -> list[Any]:
    """Every event of a feed."""
    found: list[Any] = []
    while more := history.read(HistoryQuery(after=len(found), limit=1000)):
        found += more
    return found


def test_few_and_many_are_listed_alike(sqlite: tuple[Explained, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever way a page is found, it has the same keys in the same order."""
    store = sqlite[0].store
    few = {what: store.list(query) for what, query in LISTS.items()}
    monkeypatch.setattr(listing, "FEW", 1)
    assert {what: store.list(query) for what, query in LISTS.items()} == few
    assert [found.key_id for found in few["prefix rare"]] == [record(number).key_id for number in (1, 1001, 2001)]
    sqlite[0].plans(sqlite[1])


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_chores_and_purges_go_along_an_index(request: pytest.FixtureRequest, database: str) -> None:
    """No statement of a round, of a deletion and of a purge goes through the keys, their events or the counts."""
    explained, explain = request.getfixturevalue(database)
    store = explained.store
    explained.plans(explain)
    with explained.everything():
        assert store.upkeep.take("t", 1.0, 2.0) is not None
        page = store.list(KeyQuery(after="5.0 " + "k" * 22, limit=10))
        assert store.upkeep.delete(page.records[:1], []) == {page.records[0].key_id}
        assert store.upkeep.purge("nobody", OwnerEvent("nobody", OwnerEventKind.PURGED, 1.0), always=False)
        store.upkeep.leave("t", "")
    plans = [plan for plan in explained.plans(explain) if plan]
    assert len(plans) > 8
    small = ("secretsource_chores", "secretsource_owner_events", "SCAN CONSTANT ROW", "SCAN (subquery-")  # bound values
    for plan in plans:
        for line in plan.splitlines():
            goes_through = (line.strip().startswith("SCAN ") and "INDEX" not in line) or "Seq Scan" in line
            assert not goes_through or any(table in line for table in small), plan
