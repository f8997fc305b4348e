"""The command in this process and as a process of its own, in a project folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from secretsource.cli._commands import app

if TYPE_CHECKING:
    from collections.abc import Callable

CANARY = "canary-4f1d9c"
"""Part of every value that is planted; no output may hold it, except that of `get`."""

PEPPER = f"{CANARY} pepper of the tests"

CONFIGURATION = """\
[environments.test]
providers = ["env", "dotenv", "file"]

[providers.file]
directory = "mounted"

[secrets.SESSION_KEY]
description = "Signs cookies"

[secrets.MAIL_PASSWORD]

[secrets.TLS_KEY]

[secrets.DEBUG_TOKEN]
required = false
"""


@pytest.fixture
def folder(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(open_folder)
    return open_folder


@pytest.fixture
def project(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration and a canary at each of its three providers."""
    (folder / "secretsource.toml").write_text(CONFIGURATION, encoding="utf-8")
    monkeypatch.setenv("SESSION_KEY", f"{CANARY}-env")
    dotenv = folder / ".env"
    dotenv.touch(mode=0o600)
    dotenv.write_text(f"MAIL_PASSWORD={CANARY}-dotenv\n", encoding="utf-8")
    (folder / "mounted").mkdir()
    (folder / "mounted" / "TLS_KEY").write_text(f"{CANARY}-file", encoding="utf-8")
    return folder


@pytest.fixture
def command() -> Callable[..., Any]:
    """Run the command in this process; gives exit_code, stdout, stderr."""
    runner = CliRunner()

    def invoke(*arguments: str) -> Any:
        return runner.invoke(app, arguments, prog_name="secretsource")

    return invoke


@pytest.fixture
def environment() -> dict[str, str]:
    """Variables for a child that finds the same package from any folder."""
    variables = dict(os.environ)
    if tree := variables.get("PYTHONPATH"):
        variables["PYTHONPATH"] = os.pathsep.join(str(START / part) for part in tree.split(os.pathsep))
    return variables


@pytest.fixture
def keys(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run ``secretsource keys …`` in an empty folder, with a pepper in the environment."""
    monkeypatch.setenv("SECRETSOURCE_PEPPER", PEPPER)
    monkeypatch.delenv("SECRETSOURCE_STORE", raising=False)
    runner = CliRunner()

    def invoke(*arguments: str, key: str | bytes | None = None) -> Any:
        return runner.invoke(app, ["keys", *arguments], prog_name="secretsource", input=key or "")

    return invoke


START = Path.cwd()
"""Where the tests were started, from which a relative PYTHONPATH counts."""


@pytest.fixture
def spawn(environment: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command as a process of its own, with pipes for its output."""

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "secretsource", *arguments],
            env=environment | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def is_one_sentence() -> Callable[[str], bool]:
    """Whether what was written to standard error is one error, on one line, without a value or a traceback."""

    def judge(stderr: str) -> bool:
        return (
            stderr.startswith("error: ")
            and stderr.count("\n") == 1
            and CANARY not in stderr
            and "Traceback" not in stderr
        )

    return judge
