"""`secretsource keys export` and `keys migrate`: a store is moved, and brought up to date."""

from __future__ import annotations

import json
import sqlite3
import stat
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from tests.cli.conftest import PEPPER

from secretsource.cli.keys.transfer import exporting
from secretsource.exceptions import StoreError
from secretsource.stores._sql.rows.tables import HEAD
from secretsource.stores.sql import SqlStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Keys = Callable[..., Any]
    Judge = Callable[[str], bool]


@pytest.fixture
def texts(keys: Keys, folder: Path) -> list[str]:
    """The texts of two keys that were issued."""
    for owner in ("acme", "ajax"):
        assert keys("issue", "--owner", owner, "--out", f"{owner}.key").exit_code == 0
    return [(folder / f"{owner}.key").read_text().strip() for owner in ("acme", "ajax")]


def test_a_store_moves_through_a_file(keys: Keys, texts: list[str], folder: Path) -> None:
    """0600, JSON lines, no key in it; in the other store every key works as before, and its record is the same."""
    done = keys("export", "--out", "all.jsonl")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "note: 2 keys were exported, into 'all.jsonl'\n"
    assert stat.S_IMODE((folder / "all.jsonl").stat().st_mode) == 0o600
    written = (folder / "all.jsonl").read_text()
    assert not any(text in written for text in texts)
    assert keys("import", "all.jsonl", "--store", "sqlite:///other.db").exit_code == 0
    assert keys("list", "--json").stdout == keys("list", "--json", "--store", "sqlite:///other.db").stdout
    for text in texts:
        assert keys("verify", "--store", "sqlite:///other.db", key=text).exit_code == 0


def test_an_export_names_what_it_leaves_out(keys: Keys, texts: list[str], command: Keys) -> None:
    """Owners and plans: without them the keys of a suspended owner are accepted in the other store."""
    assert command("owners", "put", "acme").exit_code == 0
    assert command("owners", "suspend", "acme").exit_code == 0
    for asked, is_told in ((), True), (("--owner", "acme"), True), (("--owner", "ajax"), False):
        done = keys("export", "--out", "-", *asked)
        assert ("a suspended owner's keys are accepted there" in done.stderr) is is_told
    assert command("owners", "delete", "acme").exit_code == 2
    for words in (("owners", "resume", "acme"), ("owners", "delete", "acme")):
        assert command(*words).exit_code == 0
    assert "owners" not in keys("export", "--out", "-").stderr
    assert command("plans", "put", "pro").exit_code == 0
    assert "owners and plans were not exported" in keys("export", "--out", "-").stderr


def test_an_export_through_a_pipe(keys: Keys, texts: list[str]) -> None:
    """Only one owner's, if that is asked for; the note is no part of it."""
    for arguments in ((), ("--out", "-")):
        done = keys("export", "--owner", "ajax", *arguments)
        (row,) = [json.loads(line) for line in done.stdout.splitlines()]
        assert (row["owner"], row["hash"].split("$")[0]) == ("ajax", "secretsource")
        assert done.stderr == "note: 1 key was exported\n"


def test_a_terminal_is_shown_no_hashes_by_accident(
    keys: Keys, texts: list[str], monkeypatch: pytest.MonkeyPatch, is_one_sentence: Judge
) -> None:
    """Who wants to see them says so."""
    monkeypatch.setattr(exporting, "is_terminal", lambda: True)
    done = keys("export")
    assert (done.exit_code, done.stdout) == (2, "")
    assert is_one_sentence(done.stderr)
    assert keys("export", "--out", "-").stdout.count("\n") == 2


def test_a_file_that_exists_is_not_overwritten(keys: Keys, texts: list[str], folder: Path) -> None:
    """And one that could not be finished is gone."""
    (folder / "all.jsonl").write_text("precious")
    assert keys("export", "--out", "all.jsonl").exit_code == 2
    assert (folder / "all.jsonl").read_text() == "precious"


def test_an_export_that_fails_leaves_no_file(keys: Keys, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of a store looks like a whole one."""

    def gone(*_: Any) -> None:
        raise StoreError("the key store is gone: start it")

    keys("migrate", "--create")
    monkeypatch.setattr(SqlStore, "list", gone)
    assert keys("export", "--out", "all.jsonl").exit_code == 3
    assert not (folder / "all.jsonl").exists()


def test_tables_are_made_and_brought_up_to_date(keys: Keys, folder: Path) -> None:
    """It says from where to where; looking first makes no file."""
    looked = keys("migrate", "--check", "--json")
    assert (looked.exit_code, json.loads(looked.stdout)) == (
        1, {"from": None, "to": HEAD, "needed": True, "migrated": False},
    )  # fmt: skip
    assert "run  secretsource keys migrate --create" in keys("migrate", "--check").stderr
    assert list(folder.iterdir()) == []
    assert "add --create" in keys("migrate").stderr
    done = keys("migrate", "--create")
    assert (done.exit_code, done.stdout, done.stderr) == (0, f"from\tto\nno tables\t{HEAD}\n", "")
    again = keys("migrate", "--json")
    assert json.loads(again.stdout) == {"from": HEAD, "to": HEAD, "needed": False, "migrated": False}
    assert keys("migrate", "--check").stderr == "note: the tables are already up to date\n"
    assert stat.S_IMODE((folder / "keys.db").stat().st_mode) == 0o600


@pytest.mark.parametrize("verb", [["migrate"], ["migrate", "--check"]])
def test_a_newer_database_is_refused(verb: list[str], keys: Keys, folder: Path, is_one_sentence: Judge) -> None:
    """By every verb; nothing is done to it."""
    keys("migrate", "--create")
    with closing(sqlite3.connect(folder / "keys.db")) as connection:
        connection.execute("UPDATE secretsource_schema SET version_num = '9999'")
        connection.commit()
    done = keys(*verb)
    assert (done.exit_code, done.stdout) == (2, "")
    assert is_one_sentence(done.stderr)
    assert "9999" in done.stderr
    (folder / "old.jsonl").write_text('{"owner": "acme", "plaintext": "some.thing"}\n')
    done = keys("import", "old.jsonl")
    assert (done.exit_code, "upgrade secretsource" in done.stderr) == (3, True)


@pytest.mark.parametrize(
    ("store", "said"),
    [
        ("memory://", "no tables"),
        ("sqlite://", "in memory"),
        ("nonsense", "URL"),
        ("sqlite:///no/folder/keys.db", "its folder"),
    ],
)
def test_a_store_that_cannot_be_migrated(store: str, said: str, keys: Keys, is_one_sentence: Judge) -> None:
    """One sentence says why."""
    done = keys("migrate", "--create", "--store", store)
    assert done.exit_code in (2, 3)
    assert is_one_sentence(done.stderr)
    assert said in done.stderr
    assert PEPPER not in done.stderr
