"""Behind a pooler that shares sessions: all work is done, news is heard past it, and what is wrong is named."""

from __future__ import annotations

import asyncio
import threading
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
import pytest
from tests.servers.pgbouncer import needs_pgbouncer, pgbouncer
from tests.stores.databases import PostgresDatabase
from tests.waiting import wait_until

from secretsource.exceptions import StoreError
from secretsource.issuing import NO_SCOPE, ApiKeys, AsyncApiKeys
from secretsource.stores import sql
from secretsource.testing._stores.samples import new, record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.pgbouncer import Pgbouncer
    from tests.servers.postgres import Postgres

pytestmark = needs_pgbouncer
PEPPERS = ["a pepper of the tests, long enough"]
CLIENTS, ROUNDS = 8, 30


@pytest.fixture(scope="module")
def pooler(server: Postgres, database_url: str) -> Iterator[Pgbouncer]:
    """A pooler before the server of the tests."""
    assert database_url == server.url
    with pgbouncer(server) as running:
        yield running


@pytest.fixture
def url(pooler: Pgbouncer, database_url: str) -> str:
    """A store behind it, with empty tables, and news on another way."""
    PostgresDatabase(database_url)
    return f"{pooler.url}?pooler=transaction&feed_url={quote(database_url, safe='')}"


def test_all_work_of_all_clients_is_done(url: str) -> None:
    """Eight clients share four sessions: each issues, checks and revokes, and none of 240 rounds fails."""
    done: list[bool] = []

    def work() -> None:
        with ApiKeys.open(url, peppers=PEPPERS) as keys:
            for _ in range(ROUNDS):
                issued = keys.issue(owner="acme")
                accepted = bool(keys.check(issued.plaintext, scope=NO_SCOPE, fresh=True))
                keys.revoke(issued.record.key_id)
                done.append(accepted and not keys.check(issued.plaintext, scope=NO_SCOPE, fresh=True))

    threads = [threading.Thread(target=work) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [True] * CLIENTS * ROUNDS


async def test_all_work_of_a_loop_is_done(url: str) -> None:
    """Its look-ups as well, which go to the driver without a thread."""
    async with await AsyncApiKeys.open(url, peppers=PEPPERS) as keys:

        async def work() -> bool:
            issued = await keys.issue(owner="acme")
            return bool(await keys.check(issued.plaintext, scope=NO_SCOPE, fresh=True))

        for _ in range(5):
            assert all(await asyncio.gather(*(work() for _ in range(CLIENTS))))


def test_news_is_heard_past_the_pooler(url: str) -> None:
    """A revocation is heard long before the ttl, and health says that news arrives."""
    with ApiKeys.open(url, peppers=PEPPERS, ttl=600) as one, ApiKeys.open(url, peppers=PEPPERS, ttl=600) as other:
        issued = one.issue(owner="acme")
        assert other.check(issued.plaintext, scope=NO_SCOPE)
        wait_until(lambda: other.health().hears)
        assert other.check(issued.plaintext, scope=NO_SCOPE)
        one.revoke(issued.record.key_id)
        wait_until(lambda: not other.check(issued.plaintext, scope=NO_SCOPE))


@pytest.mark.parametrize("told", ["?pooler=transaction&timeout=0.3", "?timeout=0.3"], ids=["admitted", "hidden"])
@pytest.mark.parametrize("feed", ["", "feed_url"])
def test_a_feed_through_the_pooler_is_no_feed(pooler: Pgbouncer, told: str, feed: str) -> None:
    """Whether its URL says so or not: LISTEN is accepted, no notice arrives, and health says that."""
    beside = f"&{feed}={quote(pooler.url, safe='')}" if feed else ""
    with closing(sql.PostgresStore.open(f"{pooler.url}{told}{beside}")) as store:
        subscription = store.subscribe(lambda _: None)
        wait_until(lambda: subscription.health().trouble)
        health = subscription.health()
        subscription()
    assert not health.listening
    assert "feed_url=" in health.trouble


def test_what_the_pooler_does_not_do_is_named(pooler: Pgbouncer, url: str) -> None:
    """Prepared statements that are not there, and options that it does not take: the sentence says what to write."""
    assert url
    with (
        closing(sql.PostgresStore.open(f"{pooler.url}?options=-csearch_path%3Dpublic")) as store,
        pytest.raises(StoreError, match=r"takes no  options=  in its URL.*schema="),
    ):
        store.get(record(1).key_id)
    first, second = (sql.PostgresStore.open(pooler.url) for _ in range(2))

    def ask_in_turn() -> None:
        for store in (first, second) * 50:
            store.get(record(1).key_id)

    with closing(first), closing(second), pytest.raises(StoreError, match=r"pooler=transaction"):
        ask_in_turn()


def test_a_session_that_others_use_is_told_nothing_for_good(server: Postgres, database_url: str) -> None:
    """What a transaction or a look-up needs to know ends with it, on the only session that there is."""
    PostgresDatabase(database_url)
    show = "SELECT current_setting('search_path'), current_setting('statement_timeout')"
    with (
        pgbouncer(server, sessions=1) as pooler,
        closing(sql.PostgresStore.open(f"{pooler.url}?pooler=transaction")) as store,
        psycopg.connect(pooler.url, prepare_threshold=None, autocommit=True) as other,
    ):
        store.insert([new(1)])
        assert store.get(record(1).key_id) == record(1)
        assert store.get("absent") is None
        assert other.execute(show).fetchone() == ('"$user", public', "0")
        told = store.database.read(lambda connection: tuple(connection.exec_driver_sql(show).one()))
        assert told == ("pg_catalog, pg_temp", "5s")
        in_one_breath = psycopg.ClientCursor(other).execute(store.database.server.question(show), ())
        in_one_breath.nextset()
        assert in_one_breath.fetchone() == told
