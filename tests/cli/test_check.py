"""`secretsource check`: whether every declared secret can be had; never its value."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.cli.conftest import CANARY
from tests.conformance.conftest import become_nobody

from secretsource.cli._exit_codes import MISSING, MISTAKE, UNAVAILABLE
from secretsource.cli.check import Finding, exit_code
from secretsource.config import SecretConfig
from secretsource.resolver._trace import Trace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., Any]
    Judge = Callable[[str], bool]


__all__ = ["become_nobody"]


def rows(done: Any) -> list[list[str]]:
    return [line.split("\t") for line in done.stdout.splitlines()]


def test_all_is_well(project: Path, command: Command) -> None:
    """Each declared secret has a line that says where it is, and an optional one may be missing."""
    done = command("check")
    assert (done.exit_code, done.stderr) == (0, "")
    version = rows(done)[3][4]
    assert rows(done) == [
        ["name", "required", "outcome", "provider", "version", "served", "where"],
        ["SESSION_KEY", "yes", "found", "env", "", "live", "env://SESSION_KEY"],
        ["MAIL_PASSWORD", "yes", "found", "dotenv", "", "fresh", "dotenv://MAIL_PASSWORD"],
        ["TLS_KEY", "yes", "found", "file", version, "fresh", "file://TLS_KEY"],
        ["DEBUG_TOKEN", "no", "not found", "", "", "", ""],
    ]
    assert version
    assert CANARY not in done.output


def test_json(project: Path, command: Command) -> None:
    """--json says the same, with a verdict and the warnings."""
    done = command("check", "--json")
    document = json.loads(done.stdout)
    assert (done.exit_code, document["ok"], document["warnings"]) == (0, True, [])
    first, *_, last = document["secrets"]
    assert first == {
        "name": "SESSION_KEY",
        "required": True,
        "description": "Signs cookies",
        "outcome": "found",
        "provider": "env",
        "version": None,
        "served": "live",
        "where": "env://SESSION_KEY",
        "error": None,
    }
    assert (last["outcome"], last["provider"], last["where"]) == ("not found", None, None)
    assert CANARY not in done.output


def test_a_required_secret_is_missing(project: Path, command: Command, is_one_sentence: Judge) -> None:
    """Exit code 1, and the one that is missing is named."""
    (project / ".env").unlink()
    done = command("check")
    assert done.exit_code == 1
    assert is_one_sentence(done.stderr)
    assert "MAIL_PASSWORD" in done.stderr
    assert ["MAIL_PASSWORD", "yes", "not found", "", "", "", ""] in rows(done)
    assert not json.loads(command("check", "--json").stdout)["ok"]


def test_what_is_stored_is_malformed(project: Path, command: Command) -> None:
    """Exit code 2, for every secret that the broken file stands in the way of, also an optional one."""
    (project / ".env").write_text(f"MAIL_PASSWORD='{CANARY}\n", encoding="utf-8")
    done = command("check")
    assert done.exit_code == 2
    assert [row[0] for row in rows(done) if row[2] == "malformed"] == ["MAIL_PASSWORD", "TLS_KEY", "DEBUG_TOKEN"]
    assert done.stderr.count("error: ") == 3
    assert CANARY not in done.output


@pytest.mark.parametrize("configured", [True, False])
def test_nothing_to_check(folder: Path, command: Command, is_one_sentence: Judge, configured: bool) -> None:
    """Where nothing is declared, a check that passes would mean nothing."""
    if configured:
        (folder / "secretsource.toml").write_text('[environments.x]\nproviders = ["env"]\n', encoding="utf-8")
    done = command("check")
    assert (done.exit_code, done.stdout) == (2, "")
    assert is_one_sentence(done.stderr)


def test_warnings_do_not_fail(project: Path, command: Command) -> None:
    """An unsafe .env file is warned of on standard error, or in the document."""
    (project / ".env").chmod(0o644)
    done = command("check")
    assert done.exit_code == 0
    assert done.stderr.startswith("warning: ")
    assert done.stderr.count("\n") == 1
    done = command("check", "--json")
    assert done.stderr == ""
    assert len(json.loads(done.stdout)["warnings"]) == 1


def test_a_file_that_may_not_be_read(project: Path, command: Command, become_nobody: Callable[[], None]) -> None:
    """A denial is exit code 1."""
    for path in (*project.rglob("*"), project, *list(project.parents)[:3]):
        path.chmod(path.stat().st_mode | 0o055)
    (project / "mounted" / "TLS_KEY").chmod(0)
    # Whoever has no rights may not be able to read the standard library either, so all of it is loaded before.
    assert command("check").exit_code in {0, 1}
    become_nobody()
    done = command("check")
    assert done.exit_code == 1
    assert "denied" in done.stdout


def finding(outcome: str, *, required: bool = True) -> Finding:
    return Finding(SecretConfig("NAME", required=required), Trace("NAME", outcome, None, ()))


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ([], 0),
        ([finding("found"), finding("not found", required=False)], 0),
        ([finding("not found")], MISSING),
        ([finding("denied", required=False)], MISSING),
        ([finding("timeout")], UNAVAILABLE),
        ([finding("timeout"), finding("deleted")], MISSING),
        ([finding("not found"), finding("throttled"), finding("misconfigured")], MISTAKE),
    ],
)
def test_the_exit_code_tells_what_stands_most_in_the_way(findings: list[Finding], code: int) -> None:
    """A mistake before a missing secret before an outage."""
    assert exit_code(findings) == code
