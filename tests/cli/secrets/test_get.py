"""`secretsource get`: the value and nothing else."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., Any]
    Judge = Callable[[str], bool]

BINARY = b"\xff\x00\xfe"


def test_a_value_is_one_line(folder: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text goes to standard output with one line end, and nothing goes to standard error."""
    monkeypatch.setenv("TOKEN", "välue")
    done = command("get", "TOKEN")
    assert (done.exit_code, done.stdout_bytes, done.stderr) == (0, "välue\n".encode(), "")


def test_raw_adds_nothing(folder: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --raw, not even a line end is added."""
    monkeypatch.setenv("TOKEN", "value")
    assert command("get", "TOKEN", "--raw").stdout_bytes == b"value"


def test_an_empty_value_is_a_value(folder: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable is found."""
    monkeypatch.setenv("TOKEN", "")
    done = command("get", "TOKEN")
    assert (done.exit_code, done.stdout) == (0, "\n")


@pytest.mark.parametrize(
    ("options", "written"), [((), b64encode(BINARY) + b"\n"), (("--raw",), BINARY)], ids=["base64", "raw"]
)
def test_a_binary_value(project: Path, command: Command, options: tuple[str, ...], written: bytes) -> None:
    """Bytes are written as base64, or with --raw as they are."""
    (project / "mounted" / "TLS_KEY").write_bytes(BINARY)
    assert command("get", "TLS_KEY", *options).stdout_bytes == written


def test_json(project: Path, command: Command) -> None:
    """--json gives the value with where it came from."""
    document = json.loads(command("get", "MAIL_PASSWORD", "--json").stdout)
    assert document.pop("fetched_at").endswith("+00:00")
    assert document == {
        "name": "MAIL_PASSWORD",
        "value": "canary-4f1d9c-dotenv",
        "encoding": "text",
        "provider": "dotenv",
        "version": None,
        "served": "live",
        "expires_at": None,
    }


def test_json_of_a_binary_value(project: Path, command: Command) -> None:
    """--json tells base64 from text."""
    (project / "mounted" / "TLS_KEY").write_bytes(BINARY)
    document = json.loads(command("get", "TLS_KEY", "--json").stdout)
    assert (document["encoding"], document["value"]) == ("base64", b64encode(BINARY).decode())


@pytest.mark.parametrize("arguments", [("TOKEN", "--field", "key"), ("TOKEN#key",), ("env://TOKEN#key",)])
def test_a_field(folder: Path, command: Command, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]) -> None:
    """A field is named by the option, or in the reference."""
    monkeypatch.setenv("TOKEN", '{"key": "inner"}')
    assert command("get", *arguments).stdout == "inner\n"


def test_fresh(project: Path, command: Command) -> None:
    """--fresh asks the provider."""
    assert command("get", "MAIL_PASSWORD", "--fresh").stdout == "canary-4f1d9c-dotenv\n"


def test_a_version_that_is_not_there(project: Path, command: Command, is_one_sentence: Judge) -> None:
    """--version is handed to the provider, which may have none."""
    done = command("get", "SESSION_KEY", "--version", "7")
    assert done.exit_code == 1
    assert is_one_sentence(done.stderr)
    assert "keeps no versions" in done.stderr


def test_a_missing_secret(project: Path, command: Command, is_one_sentence: Judge) -> None:
    """A secret that nobody has is exit code 1, and the providers asked are named."""
    done = command("get", "NOWHERE")
    assert (done.exit_code, done.stdout) == (1, "")
    assert is_one_sentence(done.stderr)
    assert all(provider in done.stderr for provider in ("env", "dotenv", "file"))


def test_an_outage(folder: Path, command: Command, is_one_sentence: Judge) -> None:
    """A provider that cannot be asked is exit code 3."""
    (folder / "secretsource.toml").write_text(
        '[environments.test]\nproviders = ["aws"]\n'
        '[providers.aws]\nregion = "eu-west-1"\nendpoint_url = "http://127.0.0.1:9"\nattempts = 1\n',
        encoding="utf-8",
    )
    credentials = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in credentials.items():
            patch.setenv(name, value)
        done = command("get", "TOKEN")
    assert done.exit_code == 3
    assert is_one_sentence(done.stderr)


def test_raw_and_json_exclude_each_other(project: Path, command: Command, is_one_sentence: Judge) -> None:
    """Two ways to write the value at once are a mistake, and nothing is written."""
    done = command("get", "SESSION_KEY", "--raw", "--json")
    assert (done.exit_code, done.stdout) == (2, "")
    assert is_one_sentence(done.stderr)


def test_the_configuration_and_its_environment_can_be_named(folder: Path, command: Command) -> None:
    """--config and --env stand before the command."""
    for name in ("one", "two"):
        (folder / name).mkdir()
        (folder / name / "TOKEN").write_text(name, encoding="utf-8")
    (folder / "elsewhere.toml").write_text(
        'environment = "first"\n'
        '[environments.first]\nproviders = ["file://one"]\n[environments.second]\nproviders = ["file://two"]\n',
        encoding="utf-8",
    )
    assert command("--config", "elsewhere.toml", "get", "TOKEN").stdout == "one\n"
    assert command("--config", "elsewhere.toml", "--env", "second", "get", "TOKEN").stdout == "two\n"


def test_an_environment_without_a_configuration(folder: Path, command: Command, is_one_sentence: Judge) -> None:
    """--env means nothing where no file has environments."""
    done = command("--env", "production", "get", "TOKEN")
    assert done.exit_code == 2
    assert is_one_sentence(done.stderr)
    assert "secretsource init" in done.stderr


def test_a_failure_is_said_once(
    folder: Path, command: Command, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """By the command, with the name; the line of the log that a program would have is left out."""
    monkeypatch.setenv("TOKEN", "ref+nowhere")
    done = command("get", "TOKEN")
    assert "cannot get secret 'TOKEN'" in done.stderr
    assert caplog.messages == []
