"""`secretsource keys chores` and `keys purge`: the work of a timer, and deleting an owner, from the command line."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.issuing import ApiKeys
from secretsource.issuing.documents import read_chores, read_purge

if TYPE_CHECKING:
    from collections.abc import Callable

    Keys = Callable[..., Any]

STORE = "sqlite:///keys.db"


@pytest.fixture
def done(keys: Keys) -> Keys:
    """Run a command that succeeds; what it writes as JSON."""

    def run(*arguments: str) -> Any:
        ran = keys(*arguments, "--json")
        assert ran.exit_code == 0, ran.stderr
        return json.loads(ran.stdout)

    return run


def test_chores_go_on_to_the_last_key(done: Keys) -> None:
    """Each notice once, over as many pieces as there are; a limit stops before."""
    for number in range(3):
        done("issue", "--owner", f"o{number}", "--expires-in", "10d", "--out", f"k{number}")
    part = read_chores(done("chores", "--expiring-within", "30d", "--limit", "2"))
    assert (part.seen, part.told, part.done) == (2, {"expiring": 2}, False)
    rest = read_chores(done("chores", "--expiring-within", "30d"))
    assert (rest.seen, rest.told, rest.done) == (1, {"expiring": 1}, True)
    assert done("chores", "--expiring-within", "30d", "--keep-ended", "1y")["told"] == {}


def test_more_keys_than_one_piece_are_added_up(done: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report is that of all pieces."""
    monkeypatch.setattr("secretsource.cli.keys.upkeep.chores.AT_ONCE", 2)
    for number in range(5):
        done("issue", "--owner", f"o{number}", "--expires-in", "10d", "--out", f"k{number}")
    assert done("chores", "--expiring-within", "30d") == {
        "seen": 5, "told": {"expiring": 5}, "revoked": 0, "deleted": 0, "done": True, "busy": False,
    }  # fmt: skip


def test_chores_show_a_table_and_how_to_go_on(keys: Keys, done: Keys) -> None:
    """What was told has a row; a run that stopped at its limit, and one that another process is about, say so."""
    for number in range(2):
        done("issue", "--owner", f"o{number}", "--expires-in", "10d", "--out", f"k{number}")
    shown = keys("chores", "--expiring-within", "30d", "--limit", "1")
    assert "seen\t1\nexpiring\t1\nrevoked\t0\ndeleted\t0\n" in shown.stdout
    assert "run it again to go on" in shown.stderr
    with ApiKeys.open(STORE, peppers=[]) as other:
        assert other._store.upkeep is not None
        other._store.upkeep.take("somebody", time.time(), time.time() + 60)
    assert "another process does the chores now: nothing was done" in keys("chores").stderr


@pytest.mark.parametrize(("option", "length"), [("--end-unused", "1h"), ("--keep-ended", "5m"), ("--unused-for", "0s")])
def test_a_rule_that_cannot_be_is_a_mistake(keys: Keys, option: str, length: str) -> None:
    """The sentence names it, and nothing is done."""
    keys("migrate", "--create")
    ran = keys("chores", option, length)
    assert (ran.exit_code, " must be " in ran.stderr) == (2, True)


def test_a_key_that_is_due_is_shown_so(keys: Keys, done: Keys) -> None:
    """In the list and on its page; the date is in the document, and an update moves or clears it."""
    record = done("issue", "--owner", "acme", "--rotate-every", "1s", "--out", "k")
    assert record["rotate_every"] == 1.0
    time.sleep(1.1)
    assert "\tactive, rotation due\t" in keys("list").stdout
    assert "rotation due at\t" in keys("show", record["key_id"]).stdout
    moved = done("update", record["key_id"], "--rotate-every", "90d")
    assert (moved["rotate_every"], moved["rotation_due_at"] > moved["created_at"]) == (90 * 86400, True)
    assert "rotation due\t" not in keys("list").stdout
    assert done("update", record["key_id"], "--clear", "rotate-every")["rotation_due_at"] is None


def test_purge_asks_and_deletes(keys: Keys, done: Keys) -> None:
    """Without a terminal it needs --yes, and says what it would end; a repeat changes nothing."""
    done("issue", "--owner", "acme", "--out", "k")
    refused = keys("purge", "--owner", "acme")
    assert (refused.exit_code, "ends 1 key of it: add --yes" in refused.stderr) == (2, True)
    assert len(done("list")["keys"]) == 1
    report = read_purge(done("purge", "--owner", "acme", "--yes", "--reason", "asked"))
    assert report == ("acme", 1, 1)
    assert "deleted\t0\n" in keys("purge", "--owner", "acme", "--yes").stdout
    assert done("list")["keys"] == []
    (event,) = done("history")
    assert (event["kind"], event["id"], event["reason"]) == ("purged", "acme", "asked")
