"""`secretsource explain`: how a name is resolved; never the value."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.cli.conftest import CANARY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., Any]


def columns(done: Any, *names: str) -> list[tuple[str, ...]]:
    """Some cells of each line."""
    head, *lines = [line.split("\t") for line in done.stdout.splitlines()]
    places = [head.index(name) for name in names]
    return [tuple(line[place] for place in places) for line in lines]


def test_each_provider_has_a_line(project: Path, command: Command) -> None:
    """Those asked before the one that answered, that one, and those that were not needed."""
    done = command("explain", "MAIL_PASSWORD")
    assert (done.exit_code, done.stderr) == (0, f"configuration: {project}/secretsource.toml, environment 'test'\n")
    assert columns(done, "provider", "outcome", "where") == [
        ("env", "not found", "env://MAIL_PASSWORD"),
        ("dotenv", "found", f"dotenv://MAIL_PASSWORD ({project}/.env)"),
        ("file", "not asked", ""),
    ]
    assert CANARY not in done.output


def test_without_a_configuration_the_evidence_is_explained(folder: Path, command: Command) -> None:
    """Each service that the environment gives no evidence of has a line that says so."""
    done = command("explain", "TOKEN")
    skipped = {
        provider: (outcome, reason) for provider, outcome, reason in columns(done, "provider", "outcome", "reason")
    }
    assert skipped["aws"][0] == skipped["vault"][0] == "skipped"
    assert "AWS_REGION" in skipped["aws"][1]


def test_a_secret_that_cannot_be_had(project: Path, command: Command) -> None:
    """What `get` would say is said too; the explanation itself succeeded."""
    done = command("explain", "NOWHERE")
    assert done.exit_code == 0
    _, sentence = done.stderr.splitlines()
    assert sentence.startswith("get would fail: secret 'NOWHERE' was not found")
    assert sentence.endswith("; create it there")


def test_a_field(project: Path, command: Command) -> None:
    """A field that cannot be had is a reason."""
    done = command("explain", "MAIL_PASSWORD", "--field", "inner")
    assert ("dotenv", "malformed") in columns(done, "provider", "outcome")
    assert CANARY not in done.output


def test_json(project: Path, command: Command) -> None:
    """--json says the same as one document."""
    done = command("explain", "MAIL_PASSWORD", "--json")
    document = json.loads(done.stdout)
    steps = document.pop("steps")
    assert document.pop("configuration")["file"] == str(project / "secretsource.toml")
    assert document == {
        "name": "MAIL_PASSWORD",
        "outcome": "found",
        "served": "live",
        "error": None,
        "not_asked": ["file"],
        "skipped": [],
    }
    assert [step["provider"] for step in steps] == ["env", "dotenv"]
    assert steps[1].pop("milliseconds") >= 0
    assert steps[1] == {
        "provider": "dotenv",
        "outcome": "found",
        "served": "live",
        "version": None,
        "where": "dotenv://MAIL_PASSWORD",
        "site": str(project / ".env"),
        "reason": None,
    }
    assert CANARY not in done.output


def test_json_of_what_was_skipped(folder: Path, command: Command) -> None:
    """The skipped providers are in the document, with the sentence that `get` would have said."""
    document = json.loads(command("explain", "TOKEN", "--json").stdout)
    assert {"provider", "reason"} == set(document["skipped"][0])
    assert "TOKEN" in document["error"]
