"""What ``secretsource keys … --json`` prints is the documents, to the letter."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.documents.samples import DAY, HASH, NEW, NOW, OLD, USAGE, expected
from typer.testing import CliRunner

from secretsource.cli._commands import app
from secretsource.issuing import EventKind, KeyEvent
from secretsource.stores.base import Change, Use
from secretsource.stores.sql import SqlStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Printed = Callable[..., Any]


@pytest.fixture
def printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Printed:
    """What a command prints with --json, of a store with the two records of the expected files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.time", lambda: NOW)
    monkeypatch.setenv("SECRETSOURCE_PEPPER", "the pepper of these documents")
    monkeypatch.setenv("SECRETSOURCE_STORE", f"sqlite:///{tmp_path}/keys.db")
    store = SqlStore.open(f"sqlite:///{tmp_path}/keys.db")
    old = OLD._replace(revision=1, foreign=None, lookup=None)
    store.insert([_change(old, EventKind.ISSUED), _change(NEW, EventKind.ISSUED)])
    store.update(_change(old._replace(revision=2), EventKind.ROTATED))
    store.update(_change(old._replace(revision=3), EventKind.ENABLED))
    assert USAGE.last_used is not None
    store.record_uses([Use(OLD.key_id, USAGE.last_used - 0.5, 12, USAGE.networks, USAGE.agents)])
    store.close()

    def run(*words: str, key: str = "") -> Any:
        return json.loads(CliRunner().invoke(app, ["keys", *words, "--json"], input=key).stdout)

    return run


def _change(record: Any, kind: EventKind) -> Change:
    return Change(
        record,
        KeyEvent(
            OLD.key_id if record.key_id == OLD.key_id else NEW.key_id,
            record.revision,
            kind,
            NOW - DAY,
            "alice",
            "203.0.113.9",
            "yearly",
        ),
    )


def test_show_prints_the_record_and_the_rotation(printed: Printed) -> None:
    """`show` prints the document of the record, and those of its rotation and of its use in the last day."""
    document = printed("show", OLD.key_id)
    recent, sample = document.pop("recent_use"), expected("recent_use")
    assert (recent["accepted"], recent["networks"]) == (0, sample["networks"])
    assert recent["agents"] == expected("usage")["agents"]
    assert list(recent) == list(sample)
    rotation = document.pop("rotation")
    assert document.pop("limits") == [expected("limit") | {"remaining": 5000}]
    assert document == expected("record")
    assert rotation | {"usage": expected("usage")} == expected("rotation") | {"began_at": rotation["began_at"]}
    assert HASH.hex() not in json.dumps(rotation)


def test_list_prints_the_page(printed: Printed) -> None:
    """`list` prints the document of a page."""
    assert printed("list") == expected("page") | {"next": None}


def test_events_prints_the_events(printed: Printed) -> None:
    """`events` prints the document of each event."""
    assert printed("events", OLD.key_id)[1] == expected("event")


@pytest.mark.parametrize("verb", ["disable", "enable", "finish"])
def test_a_change_prints_a_record(printed: Printed, verb: str) -> None:
    """Each verb that changes one key prints the document of its record."""
    key_id = OLD.key_id if verb == "finish" else NEW.key_id
    assert list(printed(verb, key_id)) == list(expected("record"))


def test_revoke_prints_the_keys_and_what_is_left(printed: Printed) -> None:
    """`revoke` prints the records that it revoked, and the keys that it could not revoke."""
    document = printed("revoke", "--owner", OLD.owner, "--yes")
    assert list(document) == list(expected("revoked"))
    assert [list(record) for record in document["keys"]] == [list(expected("record"))] * 2


def test_a_new_key_prints_its_document(printed: Printed) -> None:
    """`issue` and `rotate` print the document of a new key, with the name of the file in place of the key."""
    issued = printed("issue", "--owner", "acme", "--out", "one.key")
    assert list(issued) == [*expected("issued"), "out"]
    assert (issued["key"], issued["out"]) == (None, "one.key")
    rotated = printed("rotate", issued["key_id"], "--overlap", "1d", "--out", "two.key")
    assert list(rotated) == [*expected("rotated"), "out"]


def test_stats_prints_the_peppers(printed: Printed) -> None:
    """`stats` prints a document for each pepper."""
    assert [list(row) for row in printed("stats")] == [list(expected("pepper"))] * 2


def test_verify_prints_the_verdict(printed: Printed) -> None:
    """`verify` prints the document of the verdict."""
    assert printed("verify", key="nonsense") == expected("verdict_unknown") | {"reason": "malformed"}
