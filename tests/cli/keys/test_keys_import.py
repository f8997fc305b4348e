"""`secretsource keys import`: files of every kind, what is rejected and kept, and what an interruption leaves."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.cli.conftest import CANARY, PEPPER

from secretsource.exceptions import StoreError
from secretsource.issuing._transfer import imports as _imports
from secretsource.stores.sql import SqlStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Keys = Callable[..., Any]
    Judge = Callable[[str], bool]

TEXT = f"legacy.{CANARY}-plaintext"
HASH = hashlib.sha256(TEXT.encode()).hexdigest()


def digest(number: int) -> str:
    """The hash of one of many keys."""
    return "sha256$" + hashlib.sha256(str(number).encode()).hexdigest()


def write_jsonl(file: Path, rows: list[Any]) -> None:
    """A file of JSON lines; what is no mapping is written as it is."""
    file.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))


def test_a_file_of_csv(keys: Keys, folder: Path) -> None:
    """The keys of all good rows work; those of the others are in a file, as they were, with the reason."""
    (folder / "old.csv").write_text(
        f"owner,hash,scopes,expires_at\nacme,sha256${HASH},invoices:read,\nacme,{CANARY},,\najax,{digest(1)},,soon\nx,y\n"
    )
    done = keys("import", "old.csv")
    assert done.exit_code == 4
    assert done.stdout == "rows\tnumber\nread\t4\nimported\t1\nrejected\t3\n"
    assert "the rejected rows are in 'old.csv.rejected.jsonl'" in done.stderr
    assert CANARY not in done.output
    file = folder / "old.csv.rejected.jsonl"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    rejected = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(row["_row"], row.get("owner"), row.get("_line")) for row in rejected] == [
        (2, "acme", None), (3, "ajax", None), (4, None, "x,y"),
    ]  # fmt: skip
    assert rejected[1] == {**rejected[1], "hash": digest(1), "scopes": "", "expires_at": "soon"}
    assert keys("verify", "--count", "--scope", "invoices:read", key=TEXT).exit_code == 0
    assert keys("verify", key=TEXT + "x").exit_code == 1
    assert sorted(path.name for path in folder.iterdir()) == ["keys.db", "old.csv", "old.csv.rejected.jsonl"]
    record = json.loads(keys("list", "--json").stdout)["keys"][0]
    (imported, rehashed) = json.loads(keys("events", record["key_id"], "--json").stdout)
    assert (imported["kind"], imported["actor"] is not None, rehashed["kind"]) == ("imported", True, "rehashed")


def test_rejected_rows_are_mended_and_imported(keys: Keys, folder: Path) -> None:
    """What the file says beside each row is passed over; what is there already is told apart."""
    write_jsonl(
        folder / "old.jsonl", [{"owner": "acme", "hash": digest(1), "scopes": ["bad scope"]}, {"hash": digest(2)}]
    )
    assert keys("import", "old.jsonl", "--rejects", "first.jsonl").exit_code == 4
    mended = (folder / "first.jsonl").read_text().replace("bad scope", "a:b")
    (folder / "mended.jsonl").write_text(mended)
    done = keys("import", "mended.jsonl", "--set", "owner=nobody", "--json")
    assert (done.exit_code, json.loads(done.stdout)["imported"]) == (0, 2)
    again = keys("import", "mended.jsonl", "--set", "owner=nobody", "--json")
    assert (again.exit_code, json.loads(again.stdout)["rejected"]) == (4, 2)
    assert "already imported" in next(iter(json.loads(again.stdout)["reasons"]))


def test_json_says_all_that_the_table_says(keys: Keys, folder: Path) -> None:
    """One document."""
    write_jsonl(folder / "a.ndjson", [{"id": "x.y", "name": "n", "revoked": "maybe", "more": 1}, "[" + CANARY])
    done = keys("import", "a.ndjson", "--format", "drf-api-key", "--json")
    assert done.exit_code == 4
    assert json.loads(done.stdout) == {
        "rows": 2, "imported": 0, "rejected": 2, "left_out": {}, "dry_run": False, "rejects": "a.ndjson.rejected.jsonl",
        "reasons": {"revoked is neither true nor false": 1, "the line is not a JSON object": 1},
    }  # fmt: skip
    assert CANARY not in done.output
    assert CANARY in (folder / "a.ndjson.rejected.jsonl").read_text()


def test_columns_of_another_table(keys: Keys, folder: Path) -> None:
    """Named on the command line; what has no place is told of."""
    (folder / "rows.csv").write_text(f"id,prefix,hashed_key,org,seats\nab.x,ab,sha512$${'0' * 128},42,7\n")
    done = keys("import", "rows.csv", "--format", "drf-api-key", "--column", "owner=org")
    assert (done.exit_code, "left out (number of rows): seats (1)" in done.stderr) == (0, True)
    assert json.loads(keys("list", "--json").stdout)["keys"][0]["owner"] == "42"
    (folder / "hex.csv").write_text(f"hash\n{HASH}\n")
    assert keys("import", "hex.csv", "--set", "algorithm=sha256", "--set", "owner=acme").exit_code == 0
    assert keys("verify", key=TEXT).exit_code == 0


def test_standard_input(keys: Keys, folder: Path) -> None:
    """It has no name, so its kind is said, and rejected rows are kept only where that is said."""
    lines = f'{{"owner": "acme", "plaintext": "{TEXT}"}}\n{{"owner": "{CANARY}"}}\n'
    done = keys("import", "-", "--type", "jsonl", key=lines)
    assert (done.exit_code, CANARY in done.output) == (4, False)
    assert [path.name for path in folder.iterdir()] == ["keys.db"]
    assert keys("verify", key=TEXT).exit_code == 0
    done = keys("import", "-", "--type", "jsonl", "--rejects", "kept.jsonl", key=lines)
    assert (done.exit_code, (folder / "kept.jsonl").read_text().count("\n")) == (4, 2)


def test_a_dry_run_leaves_nothing(keys: Keys, folder: Path) -> None:
    """But the tables of a store that it had to look into; it says what an import would say."""
    write_jsonl(folder / "old.jsonl", [{"owner": "acme", "hash": digest(1)}, {"owner": "acme"}])
    done = keys("import", "old.jsonl", "--dry-run")
    assert (done.exit_code, done.stdout) == (4, "rows\tnumber\nread\t2\nwould be imported\t1\nrejected\t1\n")
    assert json.loads(keys("list", "--json").stdout)["keys"] == []
    assert sorted(path.name for path in folder.iterdir()) == ["keys.db", "old.jsonl"]


BAD = [
    (["import", "missing.csv"], None, "No such file"),
    (["import", "."], None, "does not say its form"),
    (["import", "bad"], "x\n", "--type jsonl"),
    (["import", "bad.csv", "--format", "other"], "hash\n", "--format"),
    (["import", "bad.csv"], "", "it is empty"),
    (["import", "bad.csv"], f"{CANARY},{CANARY}\n1,2\n", "none of them is hash or plaintext"),
    (["import", "bad.csv", "--zone", "Nowhere"], "hash\n1\n", "no time zone"),
    (["import", "bad.csv"], "hash,onwer\n1,2\n", "did you mean 'owner'"),
    (["import", "bad.csv"], "hash,hash\n1,2\n", "one name"),
    (["import", "bad.csv", "--column", "owner=org"], "hash,name\n1,2\n", "no column 'org'"),
    (["import", "bad.csv", "--column", "owner"], "hash\n1\n", "owner=acme"),
    (["import", "bad.csv", "--set", "=acme"], "hash\n1\n", "owner=acme"),
    (["import", "bad.csv", "--set", "ownr=acme"], "hash\n1\n", "did you mean 'owner'"),
    (["import", "bad.csv", "--set", f"plaintext={CANARY}"], "hash\n1\n", "each key has its own"),
    (["import", "bad.jsonl"], '[{"owner": "acme"}]', "one object on each line"),
    (["import", "bad.jsonl"], "\0\0\0{", "UTF-8"),
    (["import", "bad.jsonl", "--resume"], "{}\n", "nothing to resume"),
    (["import", "bad.jsonl", "--resume", "--dry-run"], "{}\n", "--resume needs a FILE"),
    (["import", "-", "--resume", "--type", "csv"], None, "--resume needs a FILE"),
    (["import", "-"], None, "--type jsonl"),
    (["import", "bad.jsonl", "--rejects", "bad.jsonl"], "{}\n", "exists"),
    (["import", "bad.jsonl", "--store", "nonsense"], "{}\n", "URL"),
]


@pytest.mark.parametrize(
    ("arguments", "content", "said"), BAD, ids=[f"{said} {place}" for place, (_, _, said) in enumerate(BAD)]
)
def test_what_cannot_be_is_one_sentence(
    arguments: list[str], content: str | None, said: str, keys: Keys, folder: Path, is_one_sentence: Judge
) -> None:
    """And nothing is stored, nor left behind."""
    if content is not None:
        (folder / arguments[1]).write_text(content)
    done = keys(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert is_one_sentence(done.stderr)
    assert said in done.stderr
    assert [path.name for path in folder.iterdir()] == [arguments[1]] * (content is not None)


def test_without_a_pepper_nothing_is_imported(
    keys: Keys, folder: Path, monkeypatch: pytest.MonkeyPatch, is_one_sentence: Judge
) -> None:
    """One sentence, and no store is made."""
    monkeypatch.delenv("SECRETSOURCE_PEPPER")
    write_jsonl(folder / "old.jsonl", [{"owner": "acme", "hash": digest(1)}])
    done = keys("import", "old.jsonl")
    assert done.exit_code == 2
    assert is_one_sentence(done.stderr)
    assert "SECRETSOURCE_PEPPER" in done.stderr
    assert [path.name for path in folder.iterdir()] == ["old.jsonl"]


def test_an_interrupted_import_goes_on(keys: Keys, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it was: no row is read twice, the counts are those of all rows, rejected rows are in one file."""
    rows = [{"owner": "acme", "hash": digest(number)} if number % 10 else {} for number in range(2500)]
    write_jsonl(folder / "old.jsonl", rows)
    real, calls = SqlStore.insert, iter(range(10))

    def failing(store: SqlStore, changes: Any) -> Any:
        if next(calls) == 1:
            raise StoreError("the key store is gone: start it")
        return real(store, changes)

    monkeypatch.setattr(SqlStore, "insert", failing)
    done = keys("import", "old.jsonl")
    assert done.exit_code == 3
    assert done.stderr == "note: stopped after row 1000: go on with --resume\nerror: the key store is gone: start it\n"
    place = folder / "old.jsonl.progress"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert (folder / "old.jsonl.rejected.jsonl").read_text().count("\n") == 100
    assert keys("import", "old.jsonl").exit_code == 2  # the rejected rows of the first run would be lost
    read: list[Any] = []
    monkeypatch.setattr(_imports.Intake, "read", _noting(_imports.Intake.read, read))
    done = keys("import", "old.jsonl", "--resume", "--json")
    totals = json.loads(done.stdout)
    assert (done.exit_code, totals["rows"], totals["imported"], totals["rejected"]) == (4, 2500, 2250, 250)
    assert len(read) == 1500
    assert not place.exists()
    rejected = [json.loads(line)["_row"] for line in (folder / "old.jsonl.rejected.jsonl").read_text().splitlines()]
    assert rejected == list(range(1, 2501, 10))


def test_a_rejected_row_that_was_half_written_spoils_no_other(tmp_path: Path) -> None:
    """As by a full disk, or a kill: the row is written anew, on a line of its own."""
    from secretsource.cli.keys.transfer.rejects import Rejects
    from secretsource.issuing import RejectedRow

    place, rows = tmp_path / "rejected.jsonl", [RejectedRow(number, "no hash", {"name": "a"}) for number in (1, 2)]
    with Rejects(place, resume=False) as rejects:
        rejects.write(rows)
    os.truncate(place, place.stat().st_size - 10)
    with Rejects(place, resume=True) as rejects:
        rejects.write(rows[1:])
    first, torn, second = place.read_text().splitlines()
    assert [json.loads(line)["_row"] for line in (first, second)] == [1, 2]
    assert second.startswith(torn)


def _noting(real: Any, noted: list[Any]) -> Any:
    def read(intake: Any, row: Any) -> Any:
        noted.append(row)
        return real(intake, row)

    return read


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda place: place.write_text("{"), "nothing to resume"),
        (lambda place: place.write_text('{"rows": 1, "imported": "x", "reasons": {}}'), "nothing to resume"),
        (lambda place: place.with_name("old.jsonl").write_text("{}\n"), "another size and modified"),
        (lambda place: place.write_text(place.read_text().replace("keys.db", "other.db")), "another store"),
    ],
    ids=["torn", "of another form", "another file", "another store"],
)
def test_only_the_same_import_is_resumed(
    change: Any, said: str, keys: Keys, folder: Path, monkeypatch: pytest.MonkeyPatch, is_one_sentence: Judge
) -> None:
    """Of the same file, into the same store."""
    write_jsonl(folder / "old.jsonl", [{"owner": "acme", "hash": digest(number)} for number in range(1500)])
    real, calls = SqlStore.insert, iter(range(10))

    def interrupted(store: SqlStore, changes: Any) -> Any:
        if next(calls) == 1:
            raise KeyboardInterrupt
        return real(store, changes)

    monkeypatch.setattr(SqlStore, "insert", interrupted)
    assert keys("import", "old.jsonl").exit_code == 130
    change(folder / "old.jsonl.progress")
    done = keys("import", "old.jsonl", "--resume")
    assert done.exit_code == 2
    assert is_one_sentence(done.stderr)
    assert said in done.stderr


def test_the_place_of_an_import_names_no_password(tmp_path: Path) -> None:
    """Only where the store is."""
    from secretsource.cli.keys.transfer.checkpoint import Checkpoint
    from secretsource.issuing import ImportBatch

    (tmp_path / "a.csv").write_text("")
    checkpoint = Checkpoint(
        tmp_path / "a.csv", f"postgresql://user:{CANARY}@db.internal:5432/keys?x={CANARY}", "generic"
    )
    checkpoint.keep(ImportBatch(5, 5, ()))
    written = (tmp_path / "a.csv.progress").read_text()
    assert "postgresql://db.internal:5432/keys" in written
    assert CANARY not in written


def test_a_link_is_not_written_through(keys: Keys, folder: Path) -> None:
    """Neither for rejected rows nor for the place, whoever put it there."""
    write_jsonl(folder / "old.jsonl", [{"owner": "acme", "hash": digest(1)}, {}])
    (folder / "old.jsonl.rejected.jsonl").symlink_to("elsewhere")
    assert keys("import", "old.jsonl").exit_code == 2
    (folder / "old.jsonl.rejected.jsonl").unlink()
    (folder / "precious").write_text("precious")
    (folder / "old.jsonl.progress.new").symlink_to("precious")
    assert keys("import", "old.jsonl").exit_code == 4
    assert (folder / "precious").read_text() == "precious"
    assert not (folder / "elsewhere").exists()


def test_a_process_that_is_killed_is_resumed(folder: Path, environment: dict[str, str]) -> None:
    """With SIGKILL in the middle: nothing is lost, and at most one batch is found there already."""
    rows = [{"owner": "acme", "hash": digest(number)} for number in range(30_000)]
    write_jsonl(folder / "old.jsonl", rows)
    variables = {**environment, "SECRETSOURCE_PEPPER": PEPPER, "SECRETSOURCE_STORE": "sqlite:///keys.db"}
    command = [sys.executable, "-m", "secretsource", "keys", "import", "old.jsonl"]
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        until = time.monotonic() + 60
        while not (folder / "old.jsonl.progress").exists():
            assert time.monotonic() < until
            assert child.poll() is None
        child.send_signal(signal.SIGKILL)
    done = subprocess.run([*command, "--resume", "--json"], env=variables, capture_output=True, text=True, check=False)
    totals = json.loads(done.stdout)
    assert totals["rows"] == 30_000
    assert totals["rejected"] in (0, 1000)
    assert totals["imported"] + totals["rejected"] == 30_000
    count = subprocess.run(
        [*command[:-2], "stats", "--json"], env=variables, capture_output=True, text=True, check=True
    )
    assert {row["state"]: row["keys"] for row in json.loads(count.stdout)} == {"newest": 0, "not used yet": 30_000}


def test_a_terminal_shows_how_far_it_has_come(folder: Path, environment: dict[str, str]) -> None:
    """A bar on standard error, gone in the end; and no key in it, nor in the arguments."""
    write_jsonl(folder / "old.jsonl", [{"owner": "acme", "plaintext": f"{CANARY}.{number}"} for number in range(3000)])
    variables = {**environment, "SECRETSOURCE_PEPPER": PEPPER, "TERM": "xterm", "COLUMNS": "120"}
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "secretsource", "keys", "import", "old.jsonl"]
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=theirs) as child:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:  # EIO is how Linux says that nobody writes any more
            pass
        assert child.wait(60) == 0
    os.close(ours)
    assert b"importing" in shown
    assert b"3000 rows" in shown
    assert CANARY.encode() not in shown
