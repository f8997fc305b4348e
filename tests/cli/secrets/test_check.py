"""`secretsource check`: whether every declared secret can be had; never its value."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.cli.conftest import CANARY
from tests.conformance.conftest import become_nobody

from secretsource.cli._terminal.exit_codes import MISSING, MISTAKE, UNAVAILABLE
from secretsource.cli._terminal.table import _style
from secretsource.cli._terminal.urgent import Urgent
from secretsource.cli.secrets._checked_secrets import CheckedSecret, exit_code
from secretsource.config import SecretConfig
from secretsource.providers.base import Failed, FailureCode
from secretsource.providers.file import FileProvider
from secretsource.resolver._walk.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., Any]
    Judge = Callable[[str], bool]


__all__ = ["become_nobody"]


def in_force(project: Path) -> str:
    """The line that every check begins with."""
    return f"configuration: {project}/secretsource.toml, environment 'test'\n"


def asked(project: Path, name: str) -> str:
    """The places where a name is looked for."""
    return f"env://{name}, dotenv://{name} ({project}/.env), file://{name} (mounted)"


def rows(done: Any) -> list[list[str]]:
    return [line.split("\t") for line in done.stdout.splitlines()]


def test_all_is_well(project: Path, command: Command) -> None:
    """Each declared secret has a line that says where it is, and an optional one may be missing."""
    done = command("check")
    assert (done.exit_code, done.stderr) == (0, in_force(project) + "total: 4 secrets: 3 found, 1 optional not found\n")
    version = rows(done)[3][4]
    assert rows(done) == [
        ["name", "required", "outcome", "provider", "version", "served", "where"],
        ["SESSION_KEY", "yes", "found", "env", "", "live", "env://SESSION_KEY"],
        ["MAIL_PASSWORD", "yes", "found", "dotenv", "", "fresh", f"dotenv://MAIL_PASSWORD ({project}/.env)"],
        ["TLS_KEY", "yes", "found", "file", version, "fresh", "file://TLS_KEY (mounted)"],
        ["DEBUG_TOKEN", "no", "not found", "", "", "", asked(project, "DEBUG_TOKEN")],
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
        "empty": False,
        "error": None,
    }
    assert (last["outcome"], last["provider"], last["where"]) == ("not found", None, asked(project, "DEBUG_TOKEN"))
    assert document["totals"] == {
        "secrets": 4, "found": 3, "failed": 0, "required": {}, "optional": {"not found": 1}
    }  # fmt: skip
    assert document["configuration"] == {
        "file": str(project / "secretsource.toml"), "environment": "test", "not_read": [], "passed_over": []
    }  # fmt: skip
    assert done.stderr == ""
    assert CANARY not in done.output


def test_a_required_secret_is_missing(project: Path, command: Command) -> None:
    """Exit code 1, and the one that is missing is named, with the places where it was looked for."""
    (project / ".env").unlink()
    done = command("check")
    assert done.exit_code == 1
    first, error, total = done.stderr.splitlines(keepends=True)
    assert first == in_force(project)
    assert error == (
        "error: secret 'MAIL_PASSWORD' was not found at 'env', 'dotenv' (there is no .env file from the working "
        "directory up to the repository's root), 'file' (mounted/MAIL_PASSWORD does not exist); "
        "create it there\n"
    )
    assert total == "total: 4 secrets: 2 found, 1 required not found, 1 optional not found\n"
    places = "env://MAIL_PASSWORD, dotenv://MAIL_PASSWORD, file://MAIL_PASSWORD (mounted)"
    assert ["MAIL_PASSWORD", "yes", "not found", "", "", "", places] in rows(done)
    document = json.loads(command("check", "--json").stdout)
    assert not document["ok"]
    assert "default" not in document["secrets"][1]["error"]


def test_what_fails_is_red() -> None:
    """On a terminal, a required secret that is missing is told from an optional one by its colour."""
    assert [_style(finding("not found", required=need).row()[2]) for need in (True, False)] == ["red", "yellow"]
    assert [_style(finding("timeout", required=need).row()[2]) for need in (True, False)] == ["red", "red"]
    assert isinstance(finding("not found").row()[2], Urgent)


def test_one_line_for_what_one_provider_says_of_many(project: Path, command: Command) -> None:
    """Names that fail alike share a line, and others have their own."""
    with (project / "secretsource.toml").open("a") as file:
        file.write("[secrets.B]\n[secrets.C]\n")
    (project / "mounted" / "C").mkdir()
    done = command("check")
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.exit_code == MISTAKE
    assert len(errors) == 2
    assert "error: secret 'B' was not found at" in done.stderr
    assert "error: cannot get secret 'C' from provider 'file'" in done.stderr
    (project / "mounted" / "C").rmdir()
    errors = [line for line in command("check").stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert errors[0].startswith("error: secrets 'B', 'C' were not found at 'env', 'dotenv'")


def test_one_line_where_names_are_kept_at_places_of_their_own(project: Path, command: Command) -> None:
    """The place that an error names is its secret's alone: the trouble is one even so, and all places are named."""
    (project / "secretsource.toml").write_text(
        '[environments.x]\nproviders = ["env"]\n[providers.env]\nprefix = "APP_"\n[secrets.B]\n[secrets.C]\n'
    )
    errors = [line for line in command("check").stderr.splitlines() if line.startswith("error: ")]
    assert errors == ["error: secrets 'B', 'C' were not found at 'env' (env://APP_B, env://APP_C); create it there"]


def test_an_empty_secret(project: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A required one that is there and empty is warned of; an optional one may be."""
    monkeypatch.setenv("SESSION_KEY", "")
    monkeypatch.setenv("DEBUG_TOKEN", "")
    done = command("check")
    assert done.exit_code == 0
    (warning,) = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
    assert warning.startswith("warning: required secret 'SESSION_KEY' is empty at env://SESSION_KEY: ")
    document = json.loads(command("check", "--json").stdout)
    assert [secret["empty"] for secret in document["secrets"]] == [True, False, False, True]


def test_a_provider_that_is_down(project: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails the check of what is required, and warns of what is optional."""
    monkeypatch.setattr(FileProvider, "fetch", lambda *_, **__: Failed(FailureCode.UNAVAILABLE, "it is down"))
    done = command("check")
    assert done.exit_code == UNAVAILABLE
    assert done.stderr.splitlines()[1:] == [
        "error: cannot get secret 'TLS_KEY' from provider 'file' (mounted): it is down; "
        "check that it is up and reachable",
        "warning: cannot get secret 'DEBUG_TOKEN' from provider 'file' (mounted): it is down; "
        "check that it is up and reachable (optional, so the check passes)",
        "total: 4 secrets: 2 found, 1 required unavailable, 1 optional unavailable",
    ]
    monkeypatch.setenv("TLS_KEY", "here")
    done = command("check")
    assert done.exit_code == 0
    assert "error: " not in done.stderr
    assert "warning: cannot get secret 'DEBUG_TOKEN'" in done.stderr


def test_which_file_is_in_force(project: Path, command: Command) -> None:
    """A table in pyproject.toml beside it is not, and each command says so."""
    (project / "pyproject.toml").write_text('[tool.secretsource.environments.x]\nproviders = ["env"]\n')
    note = (
        f"note: {project}/secretsource.toml is in force, and not {project}/pyproject.toml, "
        "whose [tool.secretsource] counts only without it\n"
    )
    for words in (("check",), ("doctor",), ("explain", "SESSION_KEY")):
        assert command(*words).stderr.startswith(in_force(project) + note)
        document = json.loads(command(*words, "--json").stdout)
        assert document["configuration"]["file"] == str(project / "secretsource.toml")
        assert document["configuration"]["not_read"] == [str(project / "pyproject.toml")]


def test_a_file_that_is_passed_over(
    project: Path, command: Command, spawn: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command says so once, and why."""
    below = project / "below"
    below.mkdir()
    (project / ".git").mkdir()
    project.chmod(0o777)
    monkeypatch.chdir(below)
    monkeypatch.delenv("SECRETSOURCE_CONFIG", raising=False)
    files = [project / "secretsource.toml", project / ".env"]
    for words in (("doctor",), ("explain", "SESSION_KEY")):
        done = command(*words)
        warnings = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
        assert warnings == [
            f"warning: {file} is ignored, because every user may write to {project} (mode 0777)" for file in files
        ]
        assert done.stderr.startswith("configuration: none")
        document = json.loads(command(*words, "--json").stdout)
        assert [seen["file"] for seen in document["configuration"]["passed_over"]] == list(map(str, files))
    assert spawn("doctor").stderr.count("is ignored") == 2  # the library's log does not say it once more
    done = command("check")
    assert done.exit_code == MISTAKE
    assert "secretsource.toml is ignored, because every user may write to" in done.stderr


def test_what_is_stored_is_malformed(project: Path, command: Command) -> None:
    """Exit code 2 and one sentence for every secret that the broken file stands in the way of, also an optional one."""
    (project / ".env").write_text(f"MAIL_PASSWORD='{CANARY}\n", encoding="utf-8")
    done = command("check")
    assert done.exit_code == 2
    assert [row[0] for row in rows(done) if row[2] == "malformed"] == ["MAIL_PASSWORD", "TLS_KEY", "DEBUG_TOKEN"]
    assert done.stderr.count("error: ") == 1
    assert (
        "error: cannot get secrets 'MAIL_PASSWORD', 'TLS_KEY', 'DEBUG_TOKEN' from provider 'dotenv': line 1"
        in done.stderr
    )
    assert done.stderr.endswith("total: 4 secrets: 1 found, 2 required malformed, 1 optional malformed\n")
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
    assert done.stderr.startswith(in_force(project) + "warning: ")
    assert done.stderr.count("\n") == 3
    done = command("check", "--json")
    assert done.stderr == ""
    assert len(json.loads(done.stdout)["warnings"]) == 1


def test_a_file_that_may_not_be_read(project: Path, command: Command, become_nobody: Callable[[], None]) -> None:
    """A denial is exit code 1."""
    for path in project.rglob("*"):
        path.chmod(path.stat().st_mode | 0o055)
    (project / "mounted" / "TLS_KEY").chmod(0)
    # Whoever has no rights may not be able to read the standard library either, so all of it is loaded before.
    assert command("check").exit_code in {0, 1}
    become_nobody()
    done = command("check")
    assert done.exit_code == 1
    assert "denied" in done.stdout


def finding(outcome: str, *, required: bool = True) -> CheckedSecret:
    return CheckedSecret(SecretConfig("NAME", required=required), Trace("NAME", outcome, None, ()))


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ([], 0),
        ([finding("found"), finding("not found", required=False)], 0),
        ([finding("not found")], MISSING),
        ([finding("denied", required=False)], MISSING),
        ([finding("malformed", required=False)], MISTAKE),
        ([finding(code, required=False) for code in ("timeout", "throttled", "unavailable")], 0),
        ([finding("timeout")], UNAVAILABLE),
        ([finding("timeout"), finding("deleted")], MISSING),
        ([finding("not found"), finding("throttled"), finding("misconfigured")], MISTAKE),
    ],
)
def test_the_exit_code_tells_what_stands_most_in_the_way(findings: list[CheckedSecret], code: int) -> None:
    """A mistake before a missing secret before an outage."""
    assert exit_code(findings) == code
