"""Warnings about a `.env` file, in a repository of git."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from secretsource.cli._dotenv_safety import dotenv_files, dotenv_warnings
from secretsource.config import load_config

if TYPE_CHECKING:
    from pathlib import Path

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


@pytest.fixture
def dotenv(folder: Path) -> Path:
    """A file that only its owner may read."""
    file = folder / ".env"
    file.touch(mode=0o600)
    return file


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


@needs_git
def test_a_tracked_file(dotenv: Path) -> None:
    """A file in the index is warned of, even if a rule ignores it."""
    git(dotenv.parent, "init")
    (dotenv.parent / ".gitignore").write_text(".env\n", encoding="utf-8")
    git(dotenv.parent, "add", "--force", ".env")
    (warning,) = dotenv_warnings(dotenv)
    assert "tracked by git" in warning


@needs_git
def test_a_file_that_is_not_ignored(dotenv: Path) -> None:
    """The next `git add .` would take it."""
    git(dotenv.parent, "init")
    (warning,) = dotenv_warnings(dotenv)
    assert "not ignored" in warning


@needs_git
def test_an_ignored_file(dotenv: Path) -> None:
    """Nothing is wrong with a file that git ignores and only its owner reads."""
    git(dotenv.parent, "init")
    (dotenv.parent / ".gitignore").write_text(".env\n", encoding="utf-8")
    assert dotenv_warnings(dotenv) == []


def test_outside_of_a_repository(dotenv: Path) -> None:
    """Where there is no repository, nothing can get into it."""
    assert dotenv_warnings(dotenv) == []


def test_without_git(dotenv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where git is not installed, nobody is asked."""
    monkeypatch.setenv("PATH", str(dotenv.parent))
    assert dotenv_warnings(dotenv) == []


def test_git_that_does_not_start(dotenv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A git that cannot be executed says nothing."""
    broken = dotenv.parent / "git"
    broken.write_bytes(b"\x00")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(dotenv.parent))
    assert dotenv_warnings(dotenv) == []


@pytest.mark.parametrize(("mode", "open_to_others"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_the_mode(dotenv: Path, mode: int, open_to_others: bool) -> None:
    """A file that group or others may read is warned of, with its mode."""
    dotenv.chmod(mode)
    warnings = dotenv_warnings(dotenv)
    assert [f"{mode:04o}" in warning for warning in warnings] == [True] * open_to_others


def test_which_files(folder: Path, dotenv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked at are those that the chain names and are there, and the nearest up to the repository's root."""
    (folder / ".git").mkdir()
    below = folder / "below"
    below.mkdir()
    (below / "local.env").touch()
    (below / "secretsource.toml").write_text(
        '[environments.test]\nproviders = ["env", "dotenv", "more", "gone"]\n[providers.dotenv]\npath = "local.env"\n'
        f'[providers.more]\ntype = "dotenv"\npath = "{dotenv}"\n[providers.gone]\ntype = "dotenv"\npath = "gone.env"\n',
        encoding="utf-8",
    )
    monkeypatch.chdir(below)
    assert dotenv_files(None) == [dotenv]
    assert dotenv_files(load_config()) == [below / "local.env", dotenv]
    (below / ".env").touch()
    assert dotenv_files(None) == [below / ".env"]


def test_no_file_above_the_repository(folder: Path, dotenv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies above the root is somebody else's, and so is what lies above a folder outside of a repository."""
    below = folder / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    assert dotenv_files(None) == []
    (below / ".git").mkdir()
    assert dotenv_files(None) == []
