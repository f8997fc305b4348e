"""What a shell completes: commands by typer, names from the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Spawn = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def completed(spawn: Spawn) -> Callable[[str], list[str]]:
    """The completions of a line, as bash asks for them."""

    def complete(line: str) -> list[str]:
        words = line.split(" ")
        done = spawn(_SECRETSOURCE_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1))
        assert "Traceback" not in done.stderr
        return done.stdout.split()

    return complete


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("secretsource get ", ["SESSION_KEY", "MAIL_PASSWORD", "TLS_KEY", "DEBUG_TOKEN"]),
        ("secretsource get MAIL", ["MAIL_PASSWORD"]),
        ("secretsource explain T", ["TLS_KEY"]),
        ("secretsource run --only S", ["SESSION_KEY"]),
        ("secretsource get NOWHERE", []),
        ("secretsource expl", ["explain"]),
        ("secretsource set MAIL", ["MAIL_PASSWORD"]),
        ("secretsource set TLS_KEY --to ", ["env", "dotenv", "file"]),
        ("secretsource copy --from d", ["dotenv"]),
        ("secretsource copy --to f", ["file"]),
        ("secretsource export SESSION_KEY T", ["TLS_KEY"]),
        ("secretsource export --format ", ["dotenv", "shell", "json"]),
        ("secretsource export --format s", ["shell"]),
    ],
)
def test_names_come_from_the_configuration(
    project: Path, completed: Callable[[str], list[str]], line: str, names: list[str]
) -> None:
    """The declared secrets that begin as typed."""
    assert completed(line) == names


def test_the_named_configuration_counts(project: Path, completed: Callable[[str], list[str]]) -> None:
    """--config on the line is the file that is looked into."""
    (project / "other.toml").write_text(
        '[environments.x]\nproviders = ["env"]\n[secrets.ELSEWHERE]\n', encoding="utf-8"
    )
    assert completed("secretsource --config other.toml get E") == ["ELSEWHERE"]


@pytest.mark.parametrize("text", [None, "broken ="])
def test_nothing_to_complete(folder: Path, completed: Callable[[str], list[str]], text: str | None) -> None:
    """Without a configuration, or with a wrong one, there are no names and no error on the prompt."""
    if text is not None:
        (folder / "secretsource.toml").write_text(text, encoding="utf-8")
    assert completed("secretsource get ") == []
    assert completed("secretsource set --to ") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell(spawn: Spawn, shell: str) -> None:
    """--show-completion writes what the shell is to read."""
    done = spawn("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert done.returncode == 0
    assert "_SECRETSOURCE_COMPLETE" in done.stdout
