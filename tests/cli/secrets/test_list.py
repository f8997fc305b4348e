"""`secretsource list`: what the application needs, and where each of it may be; no provider is asked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.cli.conftest import CANARY

from secretsource.providers.env import EnvProvider
from secretsource.providers.file import FileProvider

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., Any]
    Judge = Callable[[str], bool]


def test_each_place_in_order(project: Path, command: Command) -> None:
    """A line for each declared secret, with its places in the order in which they are asked."""
    done = command("list")
    assert done.exit_code == 0
    assert done.stderr == f"configuration: {project}/secretsource.toml, environment 'test'\n"
    assert [line.split("\t") for line in done.stdout.splitlines()] == [
        ["name", "required", "description", "where"],
        ["SESSION_KEY", "yes", "Signs cookies", "env://SESSION_KEY, dotenv://SESSION_KEY, file://SESSION_KEY"],
        ["MAIL_PASSWORD", "yes", "", "env://MAIL_PASSWORD, dotenv://MAIL_PASSWORD, file://MAIL_PASSWORD"],
        ["TLS_KEY", "yes", "", "env://TLS_KEY, dotenv://TLS_KEY, file://TLS_KEY"],
        ["DEBUG_TOKEN", "no", "", "env://DEBUG_TOKEN, dotenv://DEBUG_TOKEN, file://DEBUG_TOKEN"],
    ]
    assert CANARY not in done.output


def test_no_provider_is_asked(project: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even for whether a secret is there."""

    def asked(*_: object, **__: object) -> None:
        raise AssertionError("a provider was asked")

    for driver in (EnvProvider, FileProvider):
        monkeypatch.setattr(driver, "fetch", asked)
    (project / ".env").unlink()
    assert command("list").exit_code == 0


MANAGERS = """\
[environments.production]
providers = ["env", "aws", "vault"]

[providers.aws]
region = "eu-west-1"
prefix = "prod/"

[providers.vault]
address = "https://vault.internal:8200"

[secrets."my/key"]
aws = "payments/stripe#secret_key"

[secrets."A=B"]
"""


def test_managers_without_credentials(folder: Path, command: Command) -> None:
    """The settings and the places of the configuration count, and a machine without credentials may list them."""
    (folder / "secretsource.toml").write_text(MANAGERS)
    document = json.loads(command("list", "--json").stdout)
    assert document["configuration"]["environment"] == "production"
    first, second = document["secrets"]
    assert first == {
        "name": "my/key",
        "required": True,
        "description": "",
        "places": [
            {"provider": "env", "where": "env://my/key", "site": None, "reason": None},
            {"provider": "aws", "where": "aws://payments/stripe#secret_key", "site": "eu-west-1", "reason": None},
            {
                "provider": "vault",
                "where": "vault://secret/my/key#value",
                "site": "vault.internal:8200, mount secret",
                "reason": None,
            },
        ],
    }
    assert second["places"][0] == {
        "provider": "env",
        "where": None,
        "site": None,
        "reason": "no variable can have this name",
    }
    assert "\taws://prod/A=B, vault://secret/A=B#value\n" in command("list").stdout


@pytest.mark.parametrize("text", [None, '[environments.x]\nproviders = ["env"]\n', "[server]\n"])
def test_nothing_is_declared(folder: Path, command: Command, is_one_sentence: Judge, text: str | None) -> None:
    """Without a declaration there is nothing to list, and the sentence says what to do."""
    if text is not None:
        (folder / "secretsource.toml").write_text(text)
    done = command("list")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "there is nothing to list" in done.stderr
    assert ("there is no secretsource.toml" in done.stderr) is (text is None)
    assert is_one_sentence(done.stderr)


def test_a_file_for_the_service_alone_is_not_called_absent(folder: Path, command: Command) -> None:
    """The chain follows from the environment, and the reason is the file."""
    file = folder / "secretsource.toml"
    file.write_text("[server]\n")
    said = command("explain", "SESSION_KEY").stderr
    assert said.startswith(f"configuration: none, because {file} has the table [server] alone: the chain follows from ")
