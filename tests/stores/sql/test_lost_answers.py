"""The connection breaks between a commit and its answer: what was stored is whole, and asking again does no harm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.servers.wire import wire
from tests.stores.databases import PostgresDatabase

from secretsource.exceptions import StoreError
from secretsource.issuing import NO_SCOPE, ApiKeys, Status
from secretsource.stores import sql
from secretsource.stores._sql import transactions
from secretsource.stores.base import EventKind, KeyQuery, Usage, Use
from secretsource.testing._stores.samples import changed, new, record, rotated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.servers.postgres import Postgres
    from tests.servers.wire import Wire

PEPPERS = ["a pepper of the tests, long enough"]


@pytest.fixture
def line(server: Postgres, database_url: str) -> Iterator[Wire]:
    """A wire to a server with empty tables."""
    PostgresDatabase(database_url)
    with wire(server.port) as running:
        yield running


@pytest.fixture
def store(server: Postgres, line: Wire) -> Iterator[sql.PostgresStore]:
    """A store at the other end of it."""
    opened = sql.PostgresStore.open(server.url.replace(f":{server.port}", f":{line.port}"))
    assert opened.list(KeyQuery()).records == []
    yield opened
    opened.close()


def lose_the_answer(line: Wire, ask: Callable[[], object]) -> None:
    """Ask for something that is committed, and hear only that the connection is gone."""
    line.lose_answer_to(b"COMMIT\0")  # and not to the beginning of a transaction, which is READ COMMITTED
    with pytest.raises(StoreError, match="broke the connection"):
        ask()
    assert line.lost.is_set()


def test_an_insert_is_there(line: Wire, store: sql.PostgresStore) -> None:
    """With its events; asked for again, it is taken."""
    lose_the_answer(line, lambda: store.insert([new(1), new(2)]))
    assert store.list(KeyQuery()).records == [record(1), record(2)]
    assert [len(store.events(record(number).key_id)) for number in (1, 2)] == [1, 1]
    assert store.insert([new(1), new(2)]) == {record(1).key_id, record(2).key_id}


def test_a_change_is_there_once(line: Wire, store: sql.PostgresStore) -> None:
    """With its event; asked for again, somebody was quicker."""
    store.insert([new(1)])
    change = changed(record(1), name="stored")
    lose_the_answer(line, lambda: store.update(change))
    assert store.get(record(1).key_id) == change.record
    assert not store.update(change)
    assert len(store.events(record(1).key_id)) == 2


def test_a_rotation_is_there_once(line: Wire, store: sql.PostgresStore) -> None:
    """Both records and both events; asked for again, there is a successor."""
    store.insert([new(1)])
    rotation = rotated(record(1), 2)
    lose_the_answer(line, lambda: store.rotate(*rotation))
    assert [store.get(change.record.key_id) for change in rotation] == [change.record for change in rotation]
    assert not store.rotate(*rotation)
    assert not store.rotate(*rotated(record(1), 3))
    assert [len(store.events(record(number).key_id)) for number in (1, 2, 3)] == [2, 1, 0]


def test_uses_are_counted_again_and_never_lost(line: Wire, store: sql.PostgresStore) -> None:
    """The first transaction may be done twice; the one that counts, if it was cut off, adds its requests again."""
    store.insert([new(1)])
    use = Use(record(1).key_id, 5.0, 3, {"192.0.2.1": 5.0})
    lose_the_answer(line, lambda: store.record_uses([use]))  # after the last use, before it is counted
    assert store.usage(use.key_id) == Usage(5.0, 0, {"192.0.2.1": 5.0})
    store.record_uses([use])
    assert store.usage(use.key_id) == Usage(5.0, 3, {"192.0.2.1": 5.0})
    use = use._replace(last_used=6.0)
    store.record_uses([use._replace(requests=0, networks={})])  # so that one transaction is left
    lose_the_answer(line, lambda: _count(store, use))
    _count(store, use)
    assert store.usage(use.key_id) == Usage(6.0, 9, {"192.0.2.1": 5.0})


def _count(store: sql.PostgresStore, use: Use) -> None:
    store.database.write(lambda connection: transactions.count(connection, [use]))


@pytest.fixture
def keys(store: sql.PostgresStore) -> Iterator[ApiKeys]:
    """Keys that nobody tells of changes, so that they know only what they are answered."""
    with ApiKeys(Quiet(store), peppers=PEPPERS) as made:  # type: ignore[arg-type]
        yield made


class Quiet:
    """A store that keeps its news to itself."""

    def __init__(self, store: sql.PostgresStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        if name == "subscribe":
            raise AttributeError(name)
        return getattr(self._store, name)


def test_a_revoke_whose_answer_was_lost_is_called_again(line: Wire, keys: ApiKeys) -> None:
    """It finds the key revoked, says so, and what was cached here is forgotten; there is one event."""
    issued = keys.issue(owner="acme")
    assert keys.check(issued.plaintext, scope=NO_SCOPE)
    lose_the_answer(line, lambda: keys.revoke(issued.record.key_id))
    assert keys.revoke(issued.record.key_id).status is Status.REVOKED
    assert not keys.check(issued.plaintext, scope=NO_SCOPE)
    assert [event.kind for event in keys.events(issued.record.key_id)] == [EventKind.ISSUED, EventKind.REVOKED]


def test_a_rotate_whose_answer_was_lost_is_called_again(line: Wire, keys: ApiKeys) -> None:
    """There is one successor, whose text has reached nobody; it is rotated in its turn."""
    issued = keys.issue(owner="acme")
    lose_the_answer(line, lambda: keys.rotate(issued.record.key_id, overlap=3600))
    again = keys.rotate(issued.record.key_id, overlap=3600)
    assert again.plaintext is None
    assert again.successor.predecessor == issued.record.key_id
    known = keys.rotate(again.successor.key_id, overlap=0)
    assert known.plaintext is not None
    assert keys.check(known.plaintext, scope=NO_SCOPE)
    assert keys.check(issued.plaintext, scope=NO_SCOPE)
    assert len(keys.list(owner="acme").records) == 3
