"""Imported keys are bound by the plans of their owners; ended keys and exported rows come in anyway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.issuing.conftest import PEPPER
from tests.issuing.test_chores import keys as shells

from secretsource.issuing import ApiKeys
from secretsource.issuing._transfer.imports import KNOWN
from secretsource.stores.memory import MemoryStore

if TYPE_CHECKING:
    from secretsource.testing import FakeClock

__all__ = ["shells"]

DAY = 86400.0
CROWDED = "its owner has as many keys as its plan allows: revoke some, or choose a larger plan"


def row(number: int, owner: str = "acme", **cells: Any) -> dict[str, Any]:
    """A key of another system."""
    return {"owner": owner, "plaintext": f"foreign-key-number-{number:04}", **cells}


def plan(keys: Any, **rules: Any) -> None:
    """Put acme on a plan."""
    keys.plans.put("pro", **rules)
    keys.owners.put("acme", plan="pro")


@pytest.mark.parametrize(
    ("rules", "cells", "reason"),
    [
        ({"scopes": ["a:*"]}, {"scopes": ["a:b", "c:d"]}, "does not have all of its scopes"),
        ({"environments": ["test"]}, {"environment": "live"}, "does not have its environment"),
        ({"max_life": 9 * DAY}, {"expires_at": 2e9}, "it would live longer than the plan of its owner allows"),
        ({"max_life": 9 * DAY}, {"created_at": 5.0}, "it is older than the plan of its owner lets a key become"),
        ({"max_keys": 1}, {}, CROWDED),
    ],
    ids=["scopes", "environment", "life", "age", "number"],
)
@pytest.mark.parametrize("dry_run", [False, True])
def test_a_row_beyond_the_plan_is_rejected(shells: Any, rules: Any, cells: Any, reason: str, dry_run: bool) -> None:
    """With one reason that quotes nothing; rows of other owners, and rows that fit, are stored."""
    plan(shells, **rules)
    good = {"environment": "test"} if "environments" in rules else {}
    rows = [row(1, **good), row(2, **cells), row(3, "other", **cells)]
    report = shells.import_rows(rows, dry_run=dry_run)
    (rejected,) = report.first_rejected
    assert (report.imported, rejected.number) == (2, 2)
    assert reason in rejected.reason
    assert "acme" not in rejected.reason
    assert "pro" not in rejected.reason
    assert len(shells.list()) == (0 if dry_run else 2)


def test_a_key_without_an_end_gets_the_latest_one(shells: Any, clock: FakeClock) -> None:
    """As a new key of the plan does, counted from its creation."""
    plan(shells, max_life=9 * DAY)
    shells.import_rows([row(1, created_at=clock.now().wall - DAY)])
    (record,) = shells.list()
    assert record.expires == clock.now().wall + 8 * DAY


def test_ended_keys_come_in_anyway(shells: Any) -> None:
    """Nobody can use them; they take no room either."""
    plan(shells, max_keys=1, scopes=["a:b"], max_life=DAY)
    rows = [row(1, status="revoked", scopes=["c:d"]), row(2, expires_at=5.0, created_at=1.0, scopes=["c:d"]), row(3)]
    assert shells.import_rows(rows).imported == 3


@pytest.mark.parametrize("dry_run", [False, True])
def test_keys_that_are_there_take_room(shells: Any, dry_run: bool) -> None:
    """The first rows come in, as many as the plan allows beside the living keys; a rotating pair is one."""
    plan(shells, max_keys=4)
    shells.rotate(shells.issue(owner="acme").record.key_id, overlap=60)
    shells.revoke(shells.issue(owner="acme").record.key_id)
    report = shells.import_rows([row(number) for number in range(5)], dry_run=dry_run)
    assert (report.imported, report.reasons) == (3, {CROWDED: 2})
    assert [rejected.number for rejected in report.first_rejected] == [4, 5]


def test_a_repeat_is_told_that_it_is_stored(shells: Any) -> None:
    """Not that there is no room; a new row is told the latter."""
    plan(shells, max_keys=2)
    shells.import_rows([row(1), row(2)])
    for dry_run in (True, False):
        report = shells.import_rows([row(1), row(2), row(3)], dry_run=dry_run)
        assert [rejected.reason for rejected in report.first_rejected] == [KNOWN, KNOWN, CROWDED]


def test_a_dry_run_counts_over_its_batches(shells: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what the import will say."""
    monkeypatch.setattr("secretsource.issuing._transfer.imports.BATCH", 2)
    plan(shells, max_keys=3)
    rows = [row(number) for number in range(5)]
    planned = shells.import_rows(rows, dry_run=True)
    done = shells.import_rows(rows)
    assert planned.reasons == done.reasons == {CROWDED: 2}
    assert planned.imported == done.imported == 3


def test_an_export_is_restored_whatever_the_plan_says(shells: Any, clock: FakeClock) -> None:
    """A backup brings back what there was; its keys take room from other rows of the batch."""
    with ApiKeys(MemoryStore(), peppers=[PEPPER], clock=clock) as before:
        for _ in range(3):
            before.issue(owner="acme", scopes=["c:d"])
        exported = list(before.export())
    plan(shells, max_keys=2, scopes=["a:b"])
    report = shells.import_rows([row(1), *exported])
    assert (report.imported, report.reasons) == (3, {CROWDED: 1})
    assert len(shells.list()) == 3
