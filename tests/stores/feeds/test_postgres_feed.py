"""News from PostgreSQL: junk does not silence it, and it is believed only where a notice to itself arrives."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from tests.stores.databases import PostgresDatabase, do
from tests.stores.ears import Ear
from tests.waiting import wait_until

from secretsource.issuing import NO_SCOPE, ApiKeys
from secretsource.stores import sql
from secretsource.stores._feed.news import GAP
from secretsource.stores._sql import transactions
from secretsource.stores._sql.connections.postgres import Server
from secretsource.stores._sql.feed import PostgresFeed
from secretsource.stores.base import KeyChange, OwnerRecord, PlanRecord, Subscription
from secretsource.testing._stores.owners import event, registers, stored
from secretsource.testing._stores.samples import changed, new, record, rotated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    from secretsource.stores._feed.listening import Listening

PEPPERS = ["a pepper of the tests, long enough"]
ONE = KeyChange("a" * 22, 2)


@pytest.fixture
def store(database_url: str) -> Iterator[sql.PostgresStore]:
    """A store with empty tables."""
    PostgresDatabase(database_url)
    opened = sql.PostgresStore.open(database_url)
    yield opened
    opened.close()


@pytest.fixture
def listen(store: sql.PostgresStore) -> Iterator[Callable[..., tuple[Listening, Ear]]]:
    """Listen with a feed; the subscription ends after the test."""
    made: list[Listening] = []

    def begin(announce: Callable[[str], None] | None = None) -> tuple[Listening, Ear]:
        ear, server = Ear(), Server(store.database.address._replace(timeout=1.0))
        if announce is not None:
            server.announce = announce  # type: ignore[assignment, method-assign]
        made.append(PostgresFeed(server, 1.0).listen(ear))
        return made[-1], ear

    yield begin
    for listening in made:
        listening()


@pytest.mark.parametrize("payload", ["", "x", ONE.key_id, f"{ONE.key_id}:٣", "x:" + "9" * 4301, "\x01:1", "a" * 7000])
def test_junk_is_a_gap(payload: str, database_url: str, listen: Callable[..., tuple[Listening, Ear]]) -> None:
    """Whoever may connect to the database can empty caches, and silences nobody."""
    _, ear = listen()
    assert ear.next() == GAP
    do(database_url, f"SELECT pg_notify('secretsource_keys', '{payload}')")
    do(database_url, f"SELECT pg_notify('secretsource_keys', '{ONE.key_id}:2')")
    assert [ear.next(), ear.next()] == [GAP, ONE]


def test_it_proves_itself_again_and_again(listen: Callable[..., tuple[Listening, Ear]]) -> None:
    """With notices that no listener hears of."""
    listening, ear = listen()
    assert ear.next() == GAP
    wait_until(lambda: listening.health().listening)
    first = listening.health()
    wait_until(lambda: listening.health().heard != first.heard)
    assert listening.health().since == first.since
    assert ear.is_quiet(0)


def test_a_notice_that_does_not_arrive_is_no_feed(
    store: sql.PostgresStore, listen: Callable[..., tuple[Listening, Ear]]
) -> None:
    """Behind a pooler, or at another server: it says so, connects again, and believes it once a notice arrives."""
    is_lost = threading.Event()
    is_lost.set()

    def announce(channel: str) -> None:
        if not is_lost.is_set():
            store.database.server.announce(channel)

    listening, ear = listen(announce)
    assert [ear.next(), ear.next()] == [GAP, GAP]
    health = listening.health()
    assert not health.listening
    assert "feed_url=" in health.trouble
    is_lost.clear()
    wait_until(lambda: listening.health().listening)
    assert listening.health().trouble == ""


def test_a_notice_that_cannot_be_sent_keeps_the_connection(
    database_url: str, listen: Callable[..., tuple[Listening, Ear]]
) -> None:
    """The server may be out of connections: what listens goes on to hear, and says that this is in doubt."""

    def announce(_: str) -> None:
        raise OSError

    listening, ear = listen(announce)
    assert ear.next() == GAP
    wait_until(lambda: listening.health().trouble)
    assert not listening.health().listening
    do(database_url, f"SELECT pg_notify('secretsource_keys', '{ONE.key_id}:2')")
    assert ear.next() == ONE


def test_a_connection_that_is_cut_is_a_gap(database_url: str, listen: Callable[..., tuple[Listening, Ear]]) -> None:
    """It is had again, and proved again."""
    listening, ear = listen()
    assert ear.next() == GAP
    wait_until(lambda: listening.health().listening)
    do(
        database_url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND pid <> pg_backend_pid()",
    )
    assert ear.next() == GAP
    wait_until(lambda: listening.health().listening)


def test_keys_say_whether_they_hear(database_url: str, store: sql.PostgresStore) -> None:
    """Not before the first key needs the store, and not after they are closed."""
    end = store.subscribe(lambda _: None)
    assert isinstance(end, Subscription)
    end()
    with ApiKeys.open(database_url, peppers=PEPPERS) as keys:
        (before,) = keys.health().feeds
        assert (before.listening, keys.health().hears) == (False, False)
        assert keys.check(keys.issue(owner="acme").plaintext, scope=NO_SCOPE)
        wait_until(lambda: keys.health().hears)
        (feed,) = keys.health().feeds
        assert feed.name.startswith("postgresql://127.0.0.1:")
        assert "password" not in str(keys.health())
        assert keys.health().failed_flushes == 0
    assert not keys.health().hears


def test_every_change_of_a_batch_is_told(
    store: sql.PostgresStore, listen: Callable[..., tuple[Listening, Ear]]
) -> None:
    """Of a thousand keys that are made in one transaction, and of both keys of a rotation."""
    _, ear = listen()
    assert ear.next() == GAP
    store.insert([new(number) for number in range(1, 1001)])
    assert {ear.next() for _ in range(1000)} == {KeyChange(record(number).key_id, 1) for number in range(1, 1001)}
    assert store.rotate(*rotated(record(1), 1001))
    assert {ear.next(), ear.next()} == {KeyChange(record(1).key_id, 2), KeyChange(record(1001).key_id, 1)}


def test_owners_and_plans_that_change_are_told(
    store: sql.PostgresStore, listen: Callable[..., tuple[Listening, Ear]]
) -> None:
    """Each by its name, whatever characters are in it."""
    _, ear = listen()
    assert ear.next() == KeyChange(None, 0)
    owners, plans = registers(store)
    stored(plans, PlanRecord("größer: 50 %", 5.0))
    owner = stored(owners, OwnerRecord("株" * 255, 5.0))
    owners.delete(owner, event(owner.id))
    told = [ear.next() for _ in range(3)]
    assert told == [KeyChange(None, 0, plan="größer: 50 %"), *[KeyChange(None, 0, owner="株" * 255)] * 2]


def test_news_comes_after_the_commit(
    database_url: str, store: sql.PostgresStore, listen: Callable[..., tuple[Listening, Ear]]
) -> None:
    """Whoever hears it reads the change; while the transaction is open, and when it is rolled back, nothing is told."""
    _, ear = listen()
    assert ear.next() == GAP
    store.insert([new(1)])
    assert ear.next() == KeyChange(record(1).key_id, 1)
    change = changed(record(1), name="later")

    def rolled_back(connection: Connection) -> None:
        transactions.update(connection, change)
        assert ear.is_quiet(0.3)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.database.write(rolled_back)
    assert ear.is_quiet(0.3)
    assert store.database.write(lambda connection: (transactions.update(connection, change), ear.is_quiet(0.3))[1])
    assert ear.next() == KeyChange(record(1).key_id, 2)
    assert store.get(record(1).key_id) == change.record
