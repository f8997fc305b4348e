"""`secretsource copy`: from any provider to any that can write; shows what it would do, and no value."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.cli.conftest import CANARY
from tests.servers.openbao import OpenBao, bao

from secretsource.cli._terminal.exit_codes import MISSING, MISTAKE, UNAVAILABLE
from secretsource.cli.secrets._writing import Content, Item, exit_code
from secretsource.providers.base import NotFound, Occupied
from secretsource.providers.file import FileProvider
from secretsource.testing.servers import aws_server

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., Any]

__all__ = ["bao"]

HEAD = ["name", "action", "from", "to"]


def rows(done: Any) -> list[list[str]]:
    head, *rest = [line.split("\t") for line in done.stdout.splitlines()]
    assert head == HEAD
    return rest


def test_shows_what_it_would_do(project: Path, command: Command) -> None:
    """Without --apply nothing is written, and a note says so."""
    done = command("copy", "--from", "dotenv", "--to", "file", "MAIL_PASSWORD")
    assert rows(done) == [["MAIL_PASSWORD", "create", "dotenv://MAIL_PASSWORD", "file://MAIL_PASSWORD"]]
    assert done.exit_code == 0
    assert "--apply" in done.stderr
    assert not (project / "mounted" / "MAIL_PASSWORD").exists()
    assert CANARY not in done.output


def test_writes_and_then_has_nothing_to_do(project: Path, command: Command) -> None:
    """--apply writes; after it, the same command says that both have the same."""
    first = command("copy", "--from", "dotenv", "--to", "file", "MAIL_PASSWORD", "--apply")
    assert (first.exit_code, first.stderr, rows(first)[0][1]) == (0, "", "created")
    assert (project / "mounted" / "MAIL_PASSWORD").read_text() == f"{CANARY}-dotenv"
    second = command("copy", "--from", "dotenv", "--to", "file", "MAIL_PASSWORD", "--apply")
    assert (second.exit_code, rows(second)[0][1]) == (0, "same")
    assert CANARY not in first.output + second.output


def test_stops_before_a_different_value(project: Path, command: Command) -> None:
    """A different value stops everything, also the names that could be written, until it is named by --overwrite."""
    (project / "mounted" / "MAIL_PASSWORD").write_text("another")
    names = ("copy", "--from", "env", "--to", "file://mounted", "SESSION_KEY")
    copying = ("copy", "--from", "dotenv", "--to", "file", "MAIL_PASSWORD", "--apply")
    done = command(*copying)
    assert (done.exit_code, rows(done)[0][1]) == (MISTAKE, "different")
    assert "--overwrite MAIL_PASSWORD" in done.stderr
    assert done.stderr.endswith("note: nothing was written\n")
    assert (project / "mounted" / "MAIL_PASSWORD").read_text() == "another"
    misspelt = command(*copying, "--overwrite", "MAIL_PASWORD")
    assert misspelt.exit_code == MISTAKE
    assert "--overwrite MAIL_PASWORD: that is not among the names to copy" in misspelt.stderr
    assert (project / "mounted" / "MAIL_PASSWORD").read_text() == "another"
    again = command(*copying, "--overwrite", "MAIL_PASSWORD")
    assert (again.exit_code, rows(again)[0][1]) == (0, "overwritten")
    assert (project / "mounted" / "MAIL_PASSWORD").read_text() == f"{CANARY}-dotenv"
    assert rows(command(*names))[0][1] == "create"


def test_one_that_is_missing_stops_the_others(project: Path, command: Command) -> None:
    """A name that the source has not is exit code 1, and nothing is written."""
    done = command("copy", "--from", "env", "--to", "dotenv", "SESSION_KEY", "DEBUG_TOKEN", "--apply")
    assert [row[1] for row in rows(done)] == ["create", "not found"]
    assert done.exit_code == MISSING
    assert "SESSION_KEY" not in (project / ".env").read_text()


def test_all_declared_as_json(project: Path, command: Command) -> None:
    """--all-declared takes every declared name; --json says the same."""
    done = command("copy", "--from", "env", "--to", "dotenv", "--all-declared", "--json")
    document = json.loads(done.stdout)
    assert (document["ok"], document["applied"]) == (False, False)
    assert [secret["name"] for secret in document["secrets"]] == [
        "SESSION_KEY",
        "MAIL_PASSWORD",
        "TLS_KEY",
        "DEBUG_TOKEN",
    ]
    assert document["secrets"][0] == {
        "name": "SESSION_KEY",
        "action": "create",
        "from": "env://SESSION_KEY",
        "to": "dotenv://SESSION_KEY",
        "reason": None,
    }
    assert CANARY not in done.output


def test_a_value_that_points_elsewhere_is_not_copied(project: Path, command: Command) -> None:
    """A reference in .env is no value."""
    with (project / ".env").open("a") as file:
        file.write("POINTER='ref+file://TLS_KEY'\n")
    done = command("copy", "--from", "dotenv", "--to", "file", "POINTER", "--apply")
    assert (done.exit_code, rows(done)[0][1]) == (MISTAKE, "misconfigured")


def test_a_name_that_the_target_cannot_have(project: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said before anything is written."""
    monkeypatch.setenv("../UP", "x")
    done = command("copy", "--from", "env", "--to", "file", "../UP", "--apply")
    assert (done.exit_code, rows(done)[0][1]) == (MISTAKE, "misconfigured")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--from", "dotenv", "--to", "env", "A"), "'env' cannot be written to"),
        (("--from", "dotenv", "--to", "aws", "A"), "--env"),
        (("--from", "dotenv", "--to", "dotenv", "A"), "same provider"),
        (("--from", "dotenv", "--to", "file"), "--all-declared"),
        (("--from", "dotenv", "--to", "file", "A", "--all-declared"), "--all-declared"),
        (("--from", "dotenv", "--to", "file", "env://A"), "bare name"),
    ],
)
def test_mistakes(
    arguments: tuple[str, ...], word: str, project: Path, command: Command, is_one_sentence: Callable[[str], bool]
) -> None:
    """What cannot be is one sentence and exit code 2, before anybody is asked."""
    done = command("copy", *arguments)
    assert done.exit_code == MISTAKE
    assert word in done.stderr
    assert is_one_sentence(done.stderr)


def test_without_a_configuration(folder: Path, command: Command) -> None:
    """A provider may be named by its scheme, or by a URL."""
    (folder / ".env").write_text(f"TOKEN={CANARY}\n")
    (folder / "mounted").mkdir()
    assert rows(command("copy", "--from", "dotenv", "--to", "file://mounted", "TOKEN"))[0][1] == "create"
    assert rows(command("copy", "--from", "file://mounted", "--to", "dotenv", "TOKEN"))[0][1] == "not found"


def test_a_folder_that_is_not_there(project: Path, command: Command) -> None:
    """What fails while it is written is told with what to do."""
    done = command("copy", "--from", "dotenv", "--to", "file://nowhere", "MAIL_PASSWORD", "--apply")
    assert (done.exit_code, rows(done)[0][1]) == (MISTAKE, "misconfigured")


def test_somebody_else_was_faster(project: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that appears between look and write is left alone."""
    monkeypatch.setattr(FileProvider, "store", lambda *_, **__: Occupied())
    done = command("copy", "--from", "dotenv", "--to", "file", "MAIL_PASSWORD", "--apply")
    assert (done.exit_code, rows(done)[0][1]) == (MISTAKE, "different")


def test_a_target_that_fails(project: Path, command: Command) -> None:
    """A target that cannot be looked at stops the copy."""
    (project / "mounted" / "MAIL_PASSWORD").mkdir()
    done = command("copy", "--from", "dotenv", "--to", "file", "MAIL_PASSWORD")
    assert (done.exit_code, rows(done)[0][1]) == (MISTAKE, "misconfigured")


@pytest.mark.parametrize("call", ["fetch", "store"])
def test_a_driver_that_raises(call: str, project: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its author is named as the one to tell, and not what it raised, which may hold the value."""

    def raises(*_: object, **__: object) -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr(FileProvider, call, raises)
    done = command("copy", "--from", "dotenv", "--to", "file", "MAIL_PASSWORD", "--apply")
    assert (done.exit_code, rows(done)[0][1]) == (MISTAKE, "malformed")
    assert "report it to the driver's author" in done.stderr
    assert CANARY not in done.output


def test_an_outage_is_exit_code_3() -> None:
    """What may pass by itself is told apart, and comes last."""
    nothing = Content("", NotFound())
    down = Item("A", "unavailable", nothing, nothing)
    assert exit_code([down]) == UNAVAILABLE
    assert exit_code([down, Item("B", "denied", nothing, nothing)]) == MISSING


def test_to_aws_and_from_there_to_vault(
    project: Path, command: Command, monkeypatch: pytest.MonkeyPatch, bao: OpenBao
) -> None:
    """A value goes from .env to AWS and from there to Vault, each under the name it has there."""
    with aws_server() as server:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        monkeypatch.setenv("VAULT_TOKEN", bao.root)
        aws = f"aws://?region={server.region}&endpoint_url={server.endpoint_url}&prefix=prod/"
        vault = f"vault://secret?address={bao.address}&prefix=copied/"
        first = command("copy", "--from", "dotenv", "--to", aws, "MAIL_PASSWORD", "--apply")
        assert rows(first) == [["MAIL_PASSWORD", "created", "dotenv://MAIL_PASSWORD", "aws://prod/MAIL_PASSWORD"]]
        second = command("copy", "--from", aws, "--to", vault, "MAIL_PASSWORD", "--apply")
        assert rows(second)[0][1] == "created", second.output
    stored = bao.do("GET", "secret/data/copied/MAIL_PASSWORD")
    assert stored["data"]["data"] == {"value": f"{CANARY}-dotenv"}
    assert CANARY not in first.output + second.output
