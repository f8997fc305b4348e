"""The torture notices what it is there for."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from tests.torture import judgement
from tests.torture.ledger import ISSUED, REVOKED, ROTATED, USED, WRONG, Claim, Ledger

from secretsource.exceptions import StoreError
from secretsource.issuing import NO_SCOPE, ApiKeys
from secretsource.stores.memory import MemoryStore
from secretsource.stores.sql import SqlStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def keys() -> Iterator[ApiKeys]:
    """Keys in memory."""
    with ApiKeys(MemoryStore(), peppers=["a pepper of the tests, long enough"]) as opened:
        yield opened


def test_a_ledger_is_read_by_others_as_it_was_written(tmp_path: Path) -> None:
    """Line by line, and from where it was left off; a line that is not whole yet is read later."""
    written, read = Ledger(tmp_path / "ledger"), Ledger(tmp_path / "ledger")
    written.write(ISSUED, "a", "text of a")
    written.write(ROTATED, "a", "b", "text of b")
    assert read.read() == {"a": Claim("text of a", successor="b"), "b": Claim("text of b")}
    written.write(USED, "b", 2.0)
    written.write(USED, "b", 1.0)
    written.write(REVOKED, "a")
    written.write(WRONG, "something")
    with (tmp_path / "ledger").open("ab") as file:
        file.write(b'["revoked", ')
    assert read.read() == {"a": Claim("text of a", True, "b"), "b": Claim("text of b", used=2.0)}
    assert read.recent(1) == ["a"]
    with (tmp_path / "ledger").open("ab") as file:
        file.write(b'"b"]\n')
    assert read.read()["b"].revoked
    assert (read.wrong, read.counts[REVOKED]) == (["something"], 2)


def test_what_is_so_is_not_complained_of(keys: ApiKeys) -> None:
    """A key that was issued, used, rotated and revoked as it was confirmed."""
    issued = keys.issue(owner="customer")
    assert keys.check(issued.plaintext, scope=NO_SCOPE)
    keys.flush()
    successor = keys.rotate(issued.record.key_id, overlap=3600).successor.key_id
    keys.revoke(issued.record.key_id)
    claim = Claim(issued.plaintext, True, successor, issued.record.created)
    assert judgement.all_lost(keys, {issued.record.key_id: claim, successor: Claim(None)}) == []


@pytest.mark.parametrize(
    ("claim", "complaint"),
    [
        (Claim(None, revoked=True), "was revoked, and is active"),
        (Claim(None, successor="another"), "was rotated to another, and has None"),
        (Claim(None, used=1.0), "was used at 1.0, and the store says None"),
    ],
)
def test_what_is_lost_is_said(keys: ApiKeys, claim: Claim, complaint: str) -> None:
    """Each thing that was confirmed, and is not so."""
    key_id = keys.issue(owner="customer").record.key_id
    assert [complaint in said for said in judgement.all_lost(keys, {key_id: claim})] == [True]


def test_a_revoked_key_that_is_accepted_is_said(keys: ApiKeys) -> None:
    """By its record, and by a check of the key itself."""
    issued = keys.issue(owner="customer")
    complaints = judgement.all_lost(keys, {issued.record.key_id: Claim(issued.plaintext, revoked=True)})
    assert [said.rpartition("and is ")[2] for said in complaints] == ["active", "accepted"]


def test_a_key_that_is_not_there_is_said(keys: ApiKeys) -> None:
    """It was issued, and another process has never heard of it."""
    complaints = judgement.all_lost(keys, {"0" * 22: Claim(None)})
    assert complaints == [f"{'0' * 22} was issued, and is not there"]


def test_an_event_that_is_lost_is_said(tmp_path: Path) -> None:
    """A record at a revision that no event has."""
    with closing(SqlStore.open(f"sqlite:///{tmp_path}/keys.db")) as store:
        keys = ApiKeys(store, peppers=["a pepper of the tests, long enough"])
        key_id = keys.issue(owner="customer").record.key_id
        assert list(judgement.lost_events(keys, key_id)) == []
        store.database.write(lambda connection: connection.exec_driver_sql("DELETE FROM secretsource_events"))
        assert list(judgement.lost_events(keys, key_id)) == [f"{key_id} is at revision 1, and has events of []"]
        keys.close()


def test_a_store_may_be_busy_and_not_damaged() -> None:
    """What a busy machine brings about is put off; anything else that a store says is a fault."""
    assert not judgement.is_fault(StoreError("the key store x is locked by another writer for too long: try again"))
    assert judgement.is_fault(StoreError("the key store x is not a database of ours, or is damaged"))
