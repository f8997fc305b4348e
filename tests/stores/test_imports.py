"""Imported keys in each store, by either shell: found, rehashed, revoked, moved from one store to another."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from tests.issuing.foreign_keys import CANARY, KINDS, ROWS, key
from tests.lengths import length
from tests.stores.databases import PostgresDatabase

from secretsource.issuing import NO_SCOPE, ApiKeys, AsyncApiKeys, EventKind
from secretsource.stores._registry import open_async_store, open_store
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PEPPER = "a pepper of the tests, long enough"
MANY, FEWER = length(3_000, 20_000), length(1_000, 3_000)


class Shell:
    """An `ApiKeys` or an `AsyncApiKeys` under one face; what is returned has been awaited."""

    def __init__(self, keys: ApiKeys | AsyncApiKeys, runner: asyncio.Runner | None) -> None:
        self._keys = keys
        self._runner = runner

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            answer = getattr(self._keys, name)(*arguments, **named)
            return answer if self._runner is None else self._runner.run(answer)

        return call

    def export(self) -> list[dict[str, Any]]:
        """All rows."""
        if isinstance(self._keys, ApiKeys):
            return list(self._keys.export())
        return self._runner.run(_listed(self._keys))  # type: ignore[union-attr]


async def _listed(keys: AsyncApiKeys) -> list[dict[str, Any]]:
    return [row async for row in keys.export()]


def empty(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a store without records."""
    if kind == "postgresql":
        return PostgresDatabase(request.getfixturevalue("database_url")).url
    return f"sqlite:///{tmp_path / 'keys.db'}?timeout=60" if kind == "sqlite" else "memory://"


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Each store."""
    return empty(request.param, request, tmp_path)


@pytest.fixture(params=["sqlite", "postgresql"])
def shared_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Each store that several processes may share."""
    return empty(request.param, request, tmp_path)


@pytest.fixture(params=["threads", "tasks"])
def keys(request: pytest.FixtureRequest, url: str) -> Iterator[Shell]:
    """Keys over the store, for threads and for tasks."""
    settings: dict[str, Any] = {"peppers": [PEPPER], "imported": True}
    if request.param == "threads":
        store = MemoryStore() if url == "memory://" else open_store(url)
        with ApiKeys(store, **settings) as keys:
            yield Shell(keys, None)
        store.close()
        return
    with asyncio.Runner() as runner:
        waiting = AsyncMemoryStore() if url == "memory://" else open_async_store(url)
        shell = Shell(AsyncApiKeys(waiting, **settings), runner)
        yield shell
        shell.close()
        runner.run(waiting.close())


def test_every_kind_of_key_lives_its_life(keys: Shell) -> None:
    """Imported, used, rehashed, used again from the store, refused with an ending, known again, revoked."""
    assert keys.import_rows(ROWS.values(), actor="operator").imported == len(KINDS)
    for kind in KINDS:
        for other in (key(kind) + "x", key(kind)[:-1]):
            assert not keys.check(other, scope=NO_SCOPE, fresh=True)
        assert keys.check(key(kind), scope=NO_SCOPE), kind
    keys.flush()
    for record in keys.list(limit=1000).records:
        assert (record.foreign, len(record.hash), len(record.lookup)) == (None, 32, 32)
        kinds = [event.kind for event in keys.events(record.key_id)]
        assert kinds[0] is EventKind.IMPORTED
        assert kinds[1:] in ([EventKind.REHASHED], [])
    for kind in KINDS:
        assert keys.check(key(kind), scope=NO_SCOPE, fresh=True), kind
        for other in (key(kind) + "x", key(kind)[:-1]):
            assert not keys.check(other, scope=NO_SCOPE, fresh=True)
    assert keys.import_rows(ROWS.values()).imported == 0
    assert len(keys.revoke_all(owner="acme")) == len(KINDS)
    assert keys.import_rows(ROWS.values()).imported == 0
    assert not any(keys.check(key(kind), scope=NO_SCOPE, fresh=True) for kind in KINDS)


def test_a_store_moves_into_another_one(keys: Shell, tmp_path: Path) -> None:
    """Field by field the same, and every key as good as before; this is how SQLite becomes PostgreSQL."""
    wanted = [{"owner": f"owner {number}", "scopes": ["a:*"], "metadata": {"n": number}} for number in range(1200)]
    issued = keys.issue_many(wanted)
    keys.revoke(issued[0].record.key_id)
    keys.import_rows(ROWS.values())
    rows = json.loads(json.dumps(keys.export()))
    with ApiKeys.open(f"sqlite:///{tmp_path / 'moved.db'}", peppers=[PEPPER], imported=True) as moved:
        assert moved.import_rows(rows).imported == len(issued) + len(KINDS)
        for records in (moved.list(limit=1000).records, keys.list(limit=1000).records):
            assert len(records) == 1000
        assert moved.list(limit=1000).records == keys.list(limit=1000).records
        assert not moved.check(issued[0].plaintext, scope="a:b")
        assert all(moved.check(key.plaintext, scope="a:b") for key in issued[1:50])
        assert all(moved.check(key(kind), scope=NO_SCOPE) for kind in KINDS)


@pytest.mark.timeout(400)
def test_many_rows(keys: Shell) -> None:
    """Some thousands, with some that cannot be; then the same again."""
    many = MANY if isinstance(keys._keys, ApiKeys) else FEWER

    def rows() -> Iterator[dict[str, Any]]:
        for number in range(many):
            broken = number % 1000 == 999
            yield {"owner": number % 500, "hash": "sha256$" + ("" if broken else f"{number:064x}")}

    told: list[int] = []
    report = keys.import_rows(rows(), on_batch=lambda batch: told.append(batch.last))
    assert (report.imported, report.rejected) == (many - many // 1000, many // 1000)
    assert told == list(range(1000, many + 1, 1000))
    again = keys.import_rows(rows())
    assert (again.imported, again.rejected) == (0, many)
    assert keys.count_by_pepper() == {"": report.imported}


def test_two_who_import_the_same_rows_import_them_once(shared_url: str) -> None:
    """At the same time: each row is one of theirs, and the other is told that it is there."""
    rows = [{"owner": "acme", "hash": f"sha256${number:064x}"} for number in range(3000)]
    with (
        ApiKeys.open(shared_url, peppers=[PEPPER]) as one,
        ApiKeys.open(shared_url, peppers=[PEPPER]) as other,
        ThreadPoolExecutor(2) as pool,
    ):
        reports = list(pool.map(lambda keys: keys.import_rows(rows), (one, other)))
    assert sum(report.imported for report in reports) == 3000
    assert sum(report.rejected for report in reports) == 3000


def test_no_hash_and_no_key_is_in_the_log_of_a_store(keys: Shell, caplog: Any) -> None:
    """Whether rows are stored, or are there already."""
    caplog.set_level("DEBUG")
    keys.import_rows(ROWS.values())
    keys.import_rows(ROWS.values())
    assert CANARY not in caplog.text
    assert ROWS["sha256"]["hash"].partition("$")[2] not in caplog.text
