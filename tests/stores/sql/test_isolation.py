"""Transactions see what was committed while they waited, whatever isolation the database has by default."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg
import pytest
from tests.stores.databases import PostgresDatabase
from tests.stores.sql.test_sessions import setting
from tests.waiting import wait_until

from secretsource.exceptions import PlanExceeded
from secretsource.issuing import ApiKeys
from secretsource.stores import sql
from secretsource.stores._sql.registers import _TURN
from secretsource.stores.base import HistoryQuery
from secretsource.testing._stores.samples import new

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PEPPERS = ["a pepper of the tests, long enough"]
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


@pytest.fixture(params=["read committed", "repeatable read", "serializable"])
def url(request: pytest.FixtureRequest, database_url: str) -> Iterator[str]:
    """Empty tables, for a user with this isolation by default."""
    PostgresDatabase(database_url)
    with setting(database_url, "default_transaction_isolation", request.param):
        yield f"{database_url}?timeout=60"


@pytest.fixture
def keys(url: str) -> Iterator[ApiKeys]:
    """Keys in it."""
    with closing(sql.PostgresStore.open(url)) as store, ApiKeys(store, peppers=PEPPERS) as opened:
        yield opened


def at_once(url: str, lock: str, values: list[Any], call: Callable[[], object]) -> list[object]:
    """Call twice, when both calls wait for a lock; return what they returned or raised."""
    server = url.partition("?")[0]

    def answer() -> object:
        try:
            return call()
        except PlanExceeded as error:
            return error

    with psycopg.connect(server) as holder, psycopg.connect(server, autocommit=True) as watcher:
        holder.execute(lock.encode(), values)
        with ThreadPoolExecutor(2) as threads:
            calls = [threads.submit(answer) for _ in range(2)]
            wait_until(lambda: watcher.execute(WAITING.encode()).fetchone() == (2,))
            holder.rollback()
            return [each.result() for each in calls]


def test_no_owner_has_more_keys_than_its_plan_allows(url: str, keys: ApiKeys) -> None:
    """Of two keys that are issued at once, the second is refused."""
    keys.plans.put("pro", max_keys=1)
    keys.owners.put("acme", plan="pro")
    lock = "SELECT id FROM secretsource_owners WHERE id = %s FOR UPDATE"
    issued = at_once(url, lock, ["acme"], lambda: keys.issue(owner="acme"))
    assert sorted(type(each).__name__ for each in issued) == ["Issued", "PlanExceeded"]
    assert len(keys.list(owner="acme")) == 1


def test_an_owner_is_registered_once(url: str, keys: ApiKeys) -> None:
    """Two calls at once return the same owner."""
    lock = "SELECT pg_advisory_xact_lock(%s)"
    put = at_once(url, lock, [_TURN], lambda: keys.owners.put("acme", name="Acme"))
    assert put == [keys.owners.get("acme")] * 2


def test_the_feed_is_read_behind_a_pooler(url: str, database_url: str) -> None:
    """Positions are given in transactions that begin with the settings of a session."""
    pooled = f"{url}&pooler=transaction&feed_url={quote(database_url, safe='')}"
    with closing(sql.PostgresStore.open(pooled)) as store:
        store.insert([new(1), new(2)])
        assert store.history is not None
        assert [event.position for event in store.history.read(HistoryQuery())] == [1, 2]
