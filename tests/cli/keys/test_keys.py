"""`secretsource keys`: the life of a key from the command line, on SQLite."""

from __future__ import annotations

import io
import json
import os
import re
import sqlite3
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.cli.conftest import PEPPER

from secretsource.cli.keys._terminal import handover, presented
from secretsource.exceptions import StoreError
from secretsource.stores.sql import SqlStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Keys = Callable[..., Any]
    Judge = Callable[[str], bool]

KEY = re.compile(r"[a-z0-9]+_[a-z]+_[0-9A-Za-z]{54}ss1[0-9A-Za-z]{6}")


class Terminal(io.StringIO):
    """Standard input of a person."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def issued(keys: Keys, folder: Path) -> Callable[..., tuple[dict[str, Any], str]]:
    """Issue a key; its record and its text."""
    numbers = iter(range(100))

    def issue(*arguments: str) -> tuple[dict[str, Any], str]:
        file = f"key-{next(numbers)}"
        done = keys("issue", "--owner", "acme", *arguments, "--out", file, "--json")
        assert (done.exit_code, done.stderr) == (0, "")
        text = (folder / file).read_text()
        assert text.strip() not in done.stdout
        return json.loads(done.stdout), text.strip()

    return issue


def test_a_key_is_issued_into_a_file(keys: Keys, folder: Path) -> None:
    """The file holds the key and nothing else, and only its owner may read it; the database likewise."""
    done = keys("issue", "--owner", "acme", "--scope", "a:b", "--scope", "c:*", "--out", "new.key")
    assert (done.exit_code, done.stderr) == (0, "")
    text = (folder / "new.key").read_text()
    assert KEY.fullmatch(text.removesuffix("\n"))
    assert text.strip() not in done.stdout
    assert "the key is in 'new.key'" in done.stdout
    assert "scopes\ta:b c:*\n" in done.stdout
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in ("new.key", "keys.db")} == {0o600}


def test_everything_that_a_key_may_have(issued: Any) -> None:
    """Each option is in the record."""
    record, text = issued(
        "--prefix", "pk", "--environment", "test", "--name", "billing", "--expires-in", "90d", "--not-before",
        "2027-01-01T00:00:00Z", "--rate-limit", "100/minute", "--quota", "5/day", "--network", "203.0.113.0/24",
        "--metadata", '{"plan": "pro"}',
    )  # fmt: skip
    assert text.startswith("pk_test_")
    assert (record["name"], record["rate_limit"], record["quota"]) == ("billing", "100/minute", "5/day")
    assert (record["networks"], record["metadata"]) == (["203.0.113.0/24"], {"plan": "pro"})
    assert (record["not_before"], record["expires_at"]) == ("2027-01-01T00:00:00Z", "2027-04-01T00:00:00Z")


def test_an_expiry_may_be_an_instant(issued: Any) -> None:
    """With its time zone."""
    assert issued("--expires-at", "2099-12-31T22:00:00-02:00")[0]["expires_at"] == "2100-01-01T00:00:00Z"


def test_without_a_terminal_a_key_needs_a_file(keys: Keys, folder: Path, is_one_sentence: Judge) -> None:
    """A pipe, a log or a CI job does not get a key by accident, and nothing is stored."""
    for arguments in (["--owner", "acme"], ["--owner", "acme", "--json"]):
        done = keys("issue", *arguments)
        assert (done.exit_code, done.stdout) == (2, "")
        assert is_one_sentence(done.stderr)
        assert "--out FILE" in done.stderr
    assert list(folder.iterdir()) == []


def test_on_a_terminal_the_key_is_shown_once(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a line of its own, with a word of warning; no other command shows it."""
    monkeypatch.setattr(handover, "is_terminal", lambda: True)
    done = keys("issue", "--owner", "acme")
    (line,) = [line for line in done.stdout.splitlines() if KEY.fullmatch(line)]
    assert "shown only once" in done.stderr
    assert "key" not in json.loads(keys("list", "--json").stdout)["keys"][0]
    for command in (["list"], ["list", "--json"], ["stats"]):
        assert line[12:] not in keys(*command).stdout
    document = json.loads(keys("issue", "--owner", "acme", "--json").stdout)
    assert KEY.fullmatch(document["key"])


def test_a_file_that_exists_is_not_overwritten(keys: Keys, folder: Path, is_one_sentence: Judge) -> None:
    """Nor is what a link leads to; nothing is stored."""
    (folder / "old.key").write_text("precious")
    (folder / "link.key").symlink_to("nowhere")
    for name in ("old.key", "link.key"):
        done = keys("issue", "--owner", "acme", "--out", name)
        assert done.exit_code == 2
        assert is_one_sentence(done.stderr)
        assert "exists" in done.stderr
    assert (folder / "old.key").read_text() == "precious"
    assert sorted(path.name for path in folder.iterdir()) == ["link.key", "old.key"]


def test_a_dash_names_no_file(keys: Keys, folder: Path, is_one_sentence: Judge) -> None:
    """It means standard output elsewhere, where no new key goes; nothing is stored."""
    done = keys("issue", "--owner", "acme", "--out", "-")
    assert (done.exit_code, done.stdout, list(folder.iterdir())) == (2, "", [])
    assert is_one_sentence(done.stderr)
    assert "--out must name a new file" in done.stderr


def test_a_file_that_cannot_be_written_is_noticed_first(
    keys: Keys, folder: Path, monkeypatch: pytest.MonkeyPatch, is_one_sentence: Judge
) -> None:
    """A folder that is not there, or a full disk: no key is made that nobody could be given."""
    done = keys("issue", "--owner", "acme", "--out", "nowhere/new.key")
    assert done.exit_code == 2
    assert is_one_sentence(done.stderr)

    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    done = keys("issue", "--owner", "acme", "--out", "new.key")
    assert done.exit_code == 2
    assert "'new.key': No space left" in done.stderr
    assert list(folder.iterdir()) == []


BAD = [
    (["--expires-in", "soon"], "length of time"),
    (["--expires-in", "999999999w"], "length of time"),
    (["--expires-in", "0s"], "before it is good"),
    (["--expires-at", "2027-01-31"], "time zone"),
    (["--expires-at", "tomorrow"], "time zone"),
    (["--expires-at", "2001-01-31T00:00:00Z"], "before it is good"),
    (["--expires-in", "1d", "--expires-at", "2099-01-31T00:00:00Z"], "not both"),
    (["--scope", "*"], "scope"),
    (["--scope", "a b"], "scope"),
    (["--rate-limit", "-5/minute"], "rate limit"),
    (["--rate-limit", "0/minute"], "1 to 1000000000"),
    (["--quota", "many"], "quota"),
    (["--network", "203.0.113.7/24"], "CIDR"),
    (["--prefix", "SK"], "cannot start"),
    (["--environment", "x"], "cannot start"),
    (["--name", "n" * 256], "255"),
    (["--name", "a\x1bb"], "without controls"),
    (["--metadata", "[1]"], "JSON object"),
    (["--metadata", "{"], "JSON object"),
    (["--metadata", "[" * 100_000], "JSON object"),
    (["--owner", ""], "owner"),
    (["--store", "nonsense"], "URL"),
    (["--store", "oracle://scott:tiger@host/db"], "known are"),
    (["sk_live_canary-4f1d9c"], "too many arguments"),
]


@pytest.mark.parametrize(("arguments", "said"), BAD, ids=[" ".join(arguments)[:40] for arguments, _ in BAD])
def test_what_cannot_be_is_one_sentence(
    keys: Keys, folder: Path, is_one_sentence: Judge, arguments: list[str], said: str
) -> None:
    """It says what is wrong, ends with 2, and leaves no key and no file behind."""
    done = keys("issue", "--owner", "acme", *arguments, "--out", "new.key")
    assert (done.exit_code, done.stdout) == (2, "")
    assert is_one_sentence(done.stderr)
    assert said in done.stderr
    assert "tiger" not in done.stderr
    assert not (folder / "new.key").exists()
    assert not (folder / "keys.db").exists() or json.loads(keys("list", "--json").stdout)["keys"] == []


def test_without_a_pepper_only_test_keys_are_made(
    keys: Keys, monkeypatch: pytest.MonkeyPatch, folder: Path, is_one_sentence: Judge
) -> None:
    """And these with a warning."""
    monkeypatch.delenv("SECRETSOURCE_PEPPER")
    done = keys("issue", "--owner", "acme", "--out", "new.key")
    assert done.exit_code == 2
    assert is_one_sentence(done.stderr)
    assert "SECRETSOURCE_PEPPER" in done.stderr
    done = keys("issue", "--owner", "acme", "--environment", "test", "--out", "new.key")
    assert done.exit_code == 0
    assert done.stderr.startswith("warning: there is no pepper")
    assert "no pepper" in keys("stats").stdout


def test_the_pepper_comes_from_the_configuration(keys: Keys, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As every secret does: from whichever provider has it; a short one is refused."""
    monkeypatch.delenv("SECRETSOURCE_PEPPER")
    (folder / "secretsource.toml").write_text('[environments.test]\nproviders = ["file"]\n[providers.file]\n'
                                              'directory = "mounted"\n')  # fmt: skip
    (folder / "mounted").mkdir()
    (folder / "mounted" / "SECRETSOURCE_PEPPER").write_text("canary-4f1d9c of a file, long enough")
    monkeypatch.setenv("SECRETSOURCE_ENV", "test")
    assert keys("issue", "--owner", "acme", "--out", "new.key").exit_code == 0
    (folder / "mounted" / "SECRETSOURCE_PEPPER").write_text("canary-4f1d9c")
    done = keys("verify", key=(folder / "new.key").read_text())
    assert (done.exit_code, "canary" in done.output) == (2, False)


def test_a_good_key_is_verified(keys: Keys, issued: Any) -> None:
    """With its scopes and its network; whatever space is around it."""
    record, text = issued("--scope", "invoices:*", "--network", "203.0.113.0/24")
    done = keys("verify", "--scope", "invoices:read", "--ip", "203.0.113.9", "--json", key=f"  {text}\r\n")
    assert done.exit_code == 0
    verdict = json.loads(done.stdout)
    assert (verdict["accepted"], verdict["reason"], verdict["record"]["key_id"]) == (True, None, record["key_id"])
    assert keys("verify", "--ip", "203.0.113.9", key=text).exit_code == 0


def test_a_bad_key_is_rejected_with_the_inner_reason(keys: Keys, issued: Any) -> None:
    """The operator may know it; the key is not echoed."""
    record, text = issued("--scope", "invoices:read")
    for key, arguments, reason in (
        (text[:-1] + ("a" if text[-1] != "a" else "b"), (), "bad_checksum"),
        ("nonsense", (), "malformed"),
        ("k" * 10_000_000, (), "malformed"),
        ("a\0b", (), "malformed"),
        (b"\xff\xfe", (), "malformed"),
        (text, ("--scope", "invoices:pay"), "insufficient_scope"),
    ):
        done = keys("verify", *arguments, key=key)
        assert (done.exit_code, done.stderr) == (1, "")
        assert done.stdout.splitlines()[0] == f"rejected: {reason}"
        assert text not in done.output
    keys("disable", record["key_id"])
    done = keys("verify", "--json", key=text)
    assert (done.exit_code, json.loads(done.stdout)["reason"]) == (1, "disabled")


def test_no_key_at_all_is_a_mistake(keys: Keys, is_one_sentence: Judge) -> None:
    """An empty pipe is more likely a wrong command than a wrong key."""
    for verb in (["verify"], ["whose"], ["revoke", "--stdin"]):
        done = keys(*verb, key="\n")
        assert done.exit_code == 2
        assert is_one_sentence(done.stderr)


def test_at_a_terminal_the_key_is_asked_for(keys: Keys, issued: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without echo; Ctrl-D gives up."""
    _, text = issued()

    asked: list[str] = []

    def typed(prompt: str) -> str:
        asked.append(prompt)
        if len(asked) > 1:
            raise EOFError
        return text

    monkeypatch.setattr(presented.sys, "stdin", Terminal())
    monkeypatch.setattr(presented.getpass, "getpass", typed)
    assert presented.presented_key() == text
    with pytest.raises(presented.typer.Abort):
        presented.presented_key()
    assert asked == ["API key: "] * 2


def test_a_store_that_cannot_be_written_to_tells_the_verdict(keys: Keys, issued: Any, folder: Path) -> None:
    """As a replica, or a file that another process writes to for long: only the use is not noted."""
    _, text = issued()
    writer = sqlite3.connect(folder / "keys.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    looked = keys("verify", "--json", "--store", "sqlite:///keys.db?timeout=0", key=text)
    done = keys("verify", "--count", "--json", "--store", "sqlite:///keys.db?timeout=0", key=text)
    writer.close()
    assert (looked.exit_code, looked.stderr) == (0, "")
    assert (done.exit_code, json.loads(done.stdout)["accepted"]) == (0, True)
    assert done.stderr.startswith("warning: the use was not noted: the key store sqlite:///keys.db is locked")


def test_an_outage_is_no_rejection(keys: Keys, issued: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit code says that it may work later."""

    def gone(*_: Any) -> None:
        raise StoreError("the key store is gone: start it")

    _, text = issued()
    monkeypatch.setattr(SqlStore, "get", gone)
    assert keys("verify", key=text).exit_code == 3
    monkeypatch.setattr(SqlStore, "list", gone)
    done = keys("list")
    assert (done.exit_code, done.stderr) == (3, "error: the key store is gone: start it\n")


def test_whose_key_it_is(keys: Keys, issued: Any, folder: Path) -> None:
    """From the key, or its identifier; no store is touched; a long name is matched."""
    record, text = issued()
    (folder / "keys.db").unlink()
    assert keys("whose", key=text).stdout == "owner\tkind\nacme\tslug\n"
    assert keys("whose", key=record["key_id"]).stdout == "owner\tkind\nacme\tslug\n"
    done = keys("whose", "--json", key="sk_live_nonsense")
    assert (done.exit_code, json.loads(done.stdout)) == (1, {"ours": False, "owner": None})
    assert keys("whose", key="sk_live_nonsense").stderr.startswith("not ours: ")
    assert not (folder / "keys.db").exists()
    _, long = issued("--owner", "Acme Corporation of Delaware")
    assert keys("whose", key=long).stdout == "owner\tkind\nnot among the given names\thashed\n"
    done = keys("whose", "--among", "Ajax", "--among", "Acme Corporation of Delaware", "--json", key=long)
    assert json.loads(done.stdout)["owner"] == {"kind": "hashed", "name": "Acme Corporation of Delaware"}


def test_a_rotation_with_an_overlap(keys: Keys, issued: Any, folder: Path) -> None:
    """Both keys work; who still uses the old one is shown; then it is finished."""
    record, old = issued("--scope", "invoices:read")
    done = keys("rotate", record["key_id"], "--overlap", "7d", "--reason", "yearly", "--out", "second.key", "--json")
    successor = json.loads(done.stdout)
    assert (successor["predecessor"], successor["rotated"]["status"]) == (record["key_id"], "rotating")
    new = (folder / "second.key").read_text()
    for key in (old, new):
        assert keys("verify", "--scope", "invoices:read", key=key).exit_code == 0  # leaves no trace
        assert keys("verify", "--count", "--scope", "invoices:read", "--ip", "203.0.113.7", key=key).exit_code == 0
    rotation = json.loads(keys("show", record["key_id"], "--json").stdout)["rotation"]
    assert (rotation["usage"]["requests"], [*rotation["usage"]["networks"]]) == (1, ["203.0.113.7"])
    assert ([*rotation["usage"]["agents"]], rotation["new_key_used"]) == (["secretsource keys verify"], True)
    page = keys("show", record["key_id"]).stdout
    assert "used since\tonce\nused from\t203.0.113.7\nused by\tsecretsource keys verify\n" in page
    longer = json.loads(keys("extend", record["key_id"], "--overlap", "30d", "--reason", "slow", "--json").stdout)
    assert (longer["status"], longer["overlap_ends_at"] > successor["rotated"]["overlap_ends_at"]) == ("rotating", True)
    assert "status\trotating\n" in keys("extend", record["key_id"], "--overlap", "31d").stdout
    shorter = keys("extend", record["key_id"], "--overlap", "1d")
    assert (shorter.exit_code, shorter.stderr.count("\n")) == (1, 1)
    refused = keys("finish", record["key_id"], "--quiet-for", "1d")
    assert (refused.exit_code, "still in use" in refused.stderr) == (1, True)
    assert json.loads(keys("finish", record["key_id"], "--json").stdout)["status"] == "revoked"
    assert "status\trevoked\n" in keys("finish", record["key_id"]).stdout
    assert keys("verify", key=old).exit_code == 1
    assert keys("verify", key=new).exit_code == 0
    assert "rotation" in json.loads(keys("show", successor["key_id"], "--json").stdout)


def test_a_rotation_says_until_when_the_old_key_works(keys: Keys, issued: Any) -> None:
    """And a second one with a shorter overlap ends it earlier."""
    record, old = issued()
    done = keys("rotate", record["key_id"], "--overlap", "7 days", "--out", "second.key")
    assert re.search(r"note: the old key sk_live_\w{4}… works until \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ\n", done.stderr)
    longer = keys("rotate", record["key_id"], "--overlap", "8d", "--out", "third.key")
    assert (longer.exit_code, "can be shortened only" in longer.stderr) == (1, True)
    done = keys("rotate", record["key_id"], "--overlap", "0s", "--reason", "leaked", "--out", "third.key")
    assert (done.exit_code, "no longer works" in done.stderr) == (0, True)
    assert keys("verify", key=old).exit_code == 1


def test_the_keys_of_an_owner_are_not_ended_unasked(keys: Keys, issued: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number is told first; without a terminal, --yes is needed."""
    _, text = issued()
    issued()
    done = keys("revoke", "--owner", "acme")
    assert (done.exit_code, "this ends 2 keys of 'acme': add --yes" in done.stderr) == (2, True)
    assert keys("verify", key=text).exit_code == 0
    assert keys("revoke", "--owner", "nobody").exit_code == 0
    monkeypatch.setattr(sys.modules["secretsource.cli.keys.revoke"], "is_asked", lambda: True)
    refused = keys("revoke", "--owner", "acme", key="n\n")
    assert (refused.exit_code, "End 2 keys of 'acme', for good?" in refused.stderr) == (130, True)
    assert keys("verify", key=text).exit_code == 0
    assert keys("revoke", "--owner", "acme", key="y\n").exit_code == 0
    assert keys("verify", key=text).exit_code == 1


def test_a_family_is_revoked(keys: Keys, issued: Any, folder: Path) -> None:
    """The key and its successor; --family says nothing of an owner."""
    record, _ = issued()
    keys("rotate", record["key_id"], "--overlap", "1h", "--out", "second.key")
    assert keys("revoke", record["key_id"], "--family").exit_code == 0
    assert keys("verify", key=(folder / "second.key").read_text()).exit_code == 1
    assert keys("revoke", "--owner", "acme", "--family", "--yes").exit_code == 2


def test_what_could_not_be_revoked_is_named(keys: Keys, issued: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an exit code that says so."""
    record, _ = issued()

    def locked(*_: Any) -> None:
        raise StoreError("its row is locked: try again")

    monkeypatch.setattr(SqlStore, "update", locked)
    done = keys("revoke", "--owner", "acme", "--yes")
    assert done.exit_code == 3
    assert done.stderr == f"error: key {record['key_id']} was not revoked: its row is locked: try again\n"


@pytest.mark.parametrize(
    "arguments",
    [["list"], ["show", "0" * 22], ["events", "0" * 22], ["stats"], ["verify"], ["revoke", "0" * 22], ["export"],
     ["revoke", "--owner", "acme", "--yes"], ["migrate"]],
)  # fmt: skip
def test_a_store_that_is_not_there_is_not_made(
    keys: Keys, folder: Path, arguments: list[str], is_one_sentence: Judge
) -> None:
    """A mistyped name is an error, and not a new store without keys."""
    done = keys(*arguments, "--store", "sqlite:///mistyped.db", key="k")
    assert (done.exit_code, done.stdout) == (2, "")
    assert is_one_sentence(done.stderr)
    assert "no key store at sqlite:///mistyped.db" in done.stderr
    assert list(folder.iterdir()) == []


def test_a_key_has_one_successor(keys: Keys, issued: Any, folder: Path) -> None:
    """Who rotates again is told so, and left without a file."""
    record, _ = issued()
    first = json.loads(keys("rotate", record["key_id"], "--overlap", "1h", "--out", "a.key", "--json").stdout)
    again = keys("rotate", record["key_id"], "--overlap", "1h", "--out", "b.key", "--json")
    assert json.loads(again.stdout)["key_id"] == first["key_id"]
    assert again.stderr.startswith("warning: the key was rotated before")
    assert keys("rotate", record["key_id"], "--overlap", "1h", "--out", "b.key").exit_code == 0
    assert not (folder / "b.key").exists()


def test_a_key_is_revoked_in_three_ways(keys: Keys, issued: Any) -> None:
    """By its identifier, with all of its owner's, or by possession; the events say who and why."""
    (one, _), (_, two), (_, three) = issued(), issued(), issued("--owner", "ajax")
    (revoked,) = json.loads(keys("revoke", one["key_id"], "--reason", "left", "--json").stdout)["keys"]
    assert (revoked["status"], revoked["status_reason"]) == ("revoked", "left")
    assert "revoked" in keys("revoke", "--stdin", "--reason", "found in a log", key=three).stdout
    assert len(json.loads(keys("revoke", "--owner", "acme", "--yes", "--json").stdout)["keys"]) == 1
    assert keys("verify", key=two).stdout.startswith("rejected: revoked\n")
    happened = json.loads(keys("events", one["key_id"], "--json").stdout)
    assert [event["kind"] for event in happened] == ["issued", "revoked"]
    assert (happened[1]["reason"], happened[1]["actor"] is not None) == ("left", True)
    assert keys("events", one["key_id"], "--after", "1").stdout.splitlines()[1].startswith("2\trevoked\t")


@pytest.mark.parametrize(
    "arguments", [[], ["--owner", "acme", "--stdin"], ["0" * 22, "--stdin"], ["0" * 22, "--owner", "a"]]
)
def test_a_revocation_names_one_thing(keys: Keys, is_one_sentence: Judge, arguments: list[str]) -> None:
    """Nothing is revoked by guessing what was meant."""
    done = keys("revoke", *arguments, key="k")
    assert done.exit_code == 2
    assert is_one_sentence(done.stderr)


def test_disable_and_enable(keys: Keys, issued: Any) -> None:
    """There and back; a revoked key does not come back."""
    record, text = issued()
    assert json.loads(keys("disable", record["key_id"], "--json").stdout)["status"] == "disabled"
    assert keys("verify", key=text).exit_code == 1
    assert "status\tactive\n" in keys("enable", record["key_id"]).stdout
    assert keys("verify", key=text).exit_code == 0
    keys("revoke", record["key_id"])
    done = keys("enable", record["key_id"])
    assert (done.exit_code, "it is revoked" in done.stderr) == (1, True)


@pytest.mark.parametrize("verb", ["show", "rotate", "extend", "finish", "revoke", "disable", "enable", "events"])
def test_a_whole_key_is_no_argument(keys: Keys, issued: Any, verb: str, is_one_sentence: Judge) -> None:
    """It is refused and not repeated; an identifier that no key has is refused too."""
    issued()
    more = {"rotate": ["--overlap", "1d", "--out", "new.key"], "extend": ["--overlap", "1d"]}.get(verb, [])
    done = keys(verb, "sk_live_canary-4f1d9c", *more)
    assert done.exit_code == 2
    assert is_one_sentence(done.stderr)
    assert "standard input" in done.stderr
    done = keys(verb, "0" * 22, *more)
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)


def test_a_list_is_narrowed_and_goes_on(keys: Keys, issued: Any) -> None:
    """Page by page, each key once; without a pepper."""
    for owner in ("a", "b", "a"):
        issued("--owner", owner)
    assert len(json.loads(keys("list", "--owner", "a", "--json").stdout)["keys"]) == 2
    assert json.loads(keys("list", "--status", "revoked", "--json").stdout)["keys"] == []
    done = keys("list", "--limit", "2")
    assert len(done.stdout.splitlines()) == 3
    cursor = done.stderr.split("--after ")[1].strip()
    rest = keys("list", "--limit", "2", "--after", cursor)
    assert (len(rest.stdout.splitlines()), rest.stderr) == (2, "")
    assert keys("list", "--limit", "0").exit_code == 2
    assert keys("list", "--status", "dead").exit_code == 2


def test_the_store_is_named_by_an_option_or_the_environment(
    keys: Keys, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The option wins."""
    monkeypatch.setenv("SECRETSOURCE_STORE", "sqlite:///mine.db")
    keys("issue", "--owner", "acme", "--out", "new.key")
    assert (folder / "mine.db").exists()
    assert json.loads(keys("list", "--store", "memory://", "--json").stdout)["keys"] == []
    assert len(json.loads(keys("list", "--json").stdout)["keys"]) == 1


def test_stats_say_which_pepper_may_go(keys: Keys, issued: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is used goes over to the newest pepper; a pepper that nobody has is noticed."""
    _, text = issued()
    monkeypatch.setenv("SECRETSOURCE_PEPPER", "canary-4f1d9c of another year")
    states = {row["state"]: row["keys"] for row in json.loads(keys("stats", "--json").stdout)}
    assert states == {"newest": 0, "not configured": 1}
    assert keys("verify", key=text).exit_code == 1
    assert keys("stats").stdout.startswith("pepper\tkeys\tstate\n")


def test_rules_for_scanners(keys: Keys, issued: Any) -> None:
    """Each rule finds a key, in the words that its scanner expects."""
    import tomllib

    _, text = issued()
    (rule,) = tomllib.loads(keys("rules", "--prefix", "sk", "--environment", "live").stdout)["rules"]
    assert re.search(rule["regex"], f'key = "{text}"')[0] == text  # type: ignore[index]
    github = dict(line.split(": ", 1) for line in keys("rules", "--for", "github").stdout.splitlines())
    assert re.fullmatch(github["secret format"], text)
    assert set(json.loads(keys("rules", "--json").stdout)) == {"gitleaks", "github"}
    assert keys("rules", "--prefix", "S K").exit_code == 2


def test_help_stands_in_for_a_missing_verb(keys: Keys) -> None:
    """As it does for the command itself."""
    done = keys()
    assert done.exit_code == 0
    assert "issue" in done.stdout


def test_an_operator_without_a_name_is_no_obstacle(keys: Keys, issued: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some containers run as a user that has none."""

    def nobody() -> str:
        raise OSError("No username set in the environment")

    monkeypatch.setattr("getpass.getuser", nobody)
    record, _ = issued()
    assert json.loads(keys("events", record["key_id"], "--json").stdout)[0]["actor"] is None


def test_a_missing_package_is_one_sentence(keys: Keys, monkeypatch: pytest.MonkeyPatch, is_one_sentence: Judge) -> None:
    """It says what to install."""
    monkeypatch.setitem(sys.modules, "cryptography", None)
    done = keys("issue", "--owner", "acme", "--out", "new.key")
    assert done.exit_code == 2
    assert is_one_sentence(done.stderr)
    assert "pip install 'secretsource[issuing]'" in done.stderr


def test_a_key_passes_through_processes(folder: Path, environment: dict[str, str]) -> None:
    """On a real terminal it is shown; through a pipe it is verified, with nothing of it in the arguments."""
    variables = {**environment, "SECRETSOURCE_PEPPER": PEPPER, "SECRETSOURCE_STORE": "sqlite:///keys.db"}
    command = [sys.executable, "-m", "secretsource", "keys"]
    ours, theirs = os.openpty()
    with subprocess.Popen([*command, "issue", "--owner", "acme"], env=variables, stdout=theirs, stderr=theirs) as child:
        assert child.wait(30) == 0
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    found = KEY.search(shown)
    assert found is not None
    done = subprocess.run(
        [*command, "verify", "--json"], env=variables, input=found[0], capture_output=True, text=True, check=False
    )
    assert json.loads(done.stdout)["accepted"] is True
