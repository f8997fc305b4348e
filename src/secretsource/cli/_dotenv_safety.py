"""Find what is unsafe about a ``.env`` file: git tracks it or may add it, or other users may read it."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from secretsource.config import find_dotenv

if TYPE_CHECKING:
    from secretsource.config import Config

__all__ = ["dotenv_files", "dotenv_warnings"]

GIT_SECONDS = 5
"""Seconds that git may take for one answer; it reads its index and its rules only."""


def dotenv_files(config: Config | None) -> list[Path]:
    """List the ``.env`` files of this place: those that the chain names, and the nearest one up to the repository."""
    providers = () if config is None else config.providers
    named = [Path(str(provider.settings["path"])) for provider in providers if provider.settings.get("path")]
    found = find_dotenv().path
    files = [*named, Path(found)] if found else named
    return list(dict.fromkeys(file.resolve() for file in files if file.is_file()))


def dotenv_warnings(file: Path) -> list[str]:
    """Return a sentence for each unsafe thing about a file, without its content."""
    warnings = []
    if _says_yes(file, "ls-files", "--error-unmatch"):
        warnings.append(f"{file} is tracked by git: run  git rm --cached {file.name}  and rotate the secrets in it")
    elif _says_yes(file, "rev-parse", "--is-inside-work-tree") and not _says_yes(file, "check-ignore", "--quiet"):
        warnings.append(f"{file} is not ignored by git: add the line  {file.name}  to .gitignore")
    mode = stat.S_IMODE(file.stat().st_mode)
    if os.name == "posix" and mode & 0o077:
        warnings.append(f"{file} is open to other users of this machine (mode {mode:04o}): run  chmod 600 {file.name}")
    return warnings


def _says_yes(file: Path, question: str, option: str) -> bool:
    """Ask git a yes-or-no question about a file; without git, return False."""
    git = shutil.which("git")
    if git is None:
        return False
    # A repository may name a program that watches its files; this question must not start it.
    command = [git, "-c", "core.fsmonitor=false", "-C", str(file.parent), question, option, "--", file.name]
    try:
        done = subprocess.run(command, capture_output=True, timeout=GIT_SECONDS, check=False)  # noqa: S603 - git, and words of ours
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
