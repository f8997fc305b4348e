"""`secretsource run`: another command, with the secrets in its environment and nowhere else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.cli.conftest import CANARY

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[..., Any]
    Judge = Callable[[str], bool]
    Spawn = Callable[..., subprocess.CompletedProcess[str]]

PRINT = "import json, os, sys; print(json.dumps([dict(os.environ), sys.argv[1:]]))"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="there is no exec elsewhere")


def told(done: subprocess.CompletedProcess[str]) -> tuple[dict[str, str], list[str]]:
    assert (done.returncode, done.stderr) == (0, "")
    environment, arguments = json.loads(done.stdout)
    return environment, arguments


def test_declared_secrets_are_injected(project: Path, spawn: Spawn) -> None:
    """The command has every declared secret that is there, beside the variables that we have."""
    environment, _ = told(spawn("run", "--", sys.executable, "-c", PRINT, OTHER="kept"))
    assert environment["SESSION_KEY"] == f"{CANARY}-env"
    assert environment["MAIL_PASSWORD"] == f"{CANARY}-dotenv"
    assert environment["TLS_KEY"] == f"{CANARY}-file"
    assert environment["OTHER"] == "kept"
    assert "DEBUG_TOKEN" not in environment


def test_an_optional_secret_that_is_there(project: Path, spawn: Spawn) -> None:
    """required = false leaves out what is missing, and only that."""
    (project / "mounted" / "DEBUG_TOKEN").write_text("there", encoding="utf-8")
    environment, _ = told(spawn("run", "--", sys.executable, "-c", PRINT))
    assert environment["DEBUG_TOKEN"] == "there"


def test_an_inherited_value_does_not_stand_in(folder: Path, spawn: Spawn) -> None:
    """Where the chain says that an optional secret is not there, the command gets no older value of its name."""
    (folder / "mounted").mkdir()
    (folder / "secretsource.toml").write_text(
        '[environments.x]\nproviders = ["file://mounted"]\n[secrets.DEBUG_TOKEN]\nrequired = false\n', encoding="utf-8"
    )
    environment, _ = told(spawn("run", "--", sys.executable, "-c", PRINT, DEBUG_TOKEN="older", OTHER="kept"))
    assert "DEBUG_TOKEN" not in environment
    assert environment["OTHER"] == "kept"


@pytest.mark.parametrize("options", [("--only", "TLS_KEY", "--only", "EXTRA"), ("--only", "TLS_KEY,EXTRA")])
def test_only_some(project: Path, spawn: Spawn, options: tuple[str, ...]) -> None:
    """--only takes the place of the declared names, and may name others."""
    (project / "mounted" / "EXTRA").write_text("more", encoding="utf-8")
    environment, _ = told(spawn("run", *options, "--", sys.executable, "-c", PRINT))
    assert (environment["TLS_KEY"], environment["EXTRA"]) == (f"{CANARY}-file", "more")
    assert "MAIL_PASSWORD" not in environment


def test_a_reference_is_followed(project: Path, spawn: Spawn) -> None:
    """A variable that says where the secret is reaches the command as the secret."""
    environment, _ = told(spawn("run", "--", sys.executable, "-c", PRINT, SESSION_KEY="ref+file://TLS_KEY"))
    assert environment["SESSION_KEY"] == f"{CANARY}-file"


def test_values_beyond_the_locale(project: Path, spawn: Spawn) -> None:
    """A value reaches the command in UTF-8, whatever the locale of this process."""
    (project / "mounted" / "TLS_KEY").write_text("schlüssel-鍵", encoding="utf-8")
    script = "import os, sys; sys.stdout.buffer.write(os.environb[b'TLS_KEY'])"
    done = spawn("run", "--only", "TLS_KEY", "--", sys.executable, "-c", script, LC_ALL="C", PYTHONUTF8="0")
    assert done.stdout == "schlüssel-鍵"


def test_arguments_are_the_commands_own(project: Path, spawn: Spawn) -> None:
    """Everything from the first word on is passed as it is, with or without dashes before it, and holds no value."""
    for dashes in (("--",), ()):
        _, arguments = told(spawn("run", *dashes, sys.executable, "-c", PRINT, "--only", "a b", "--help", "--", "-x"))
        assert arguments == ["--only", "a b", "--help", "--", "-x"]


@pytest.mark.parametrize("code", [0, 7, 255])
def test_the_exit_code_is_the_commands_own(project: Path, spawn: Spawn, code: int) -> None:
    """Whatever the command ends with, we end with."""
    assert spawn("run", "--", "sh", "-c", f"exit {code}").returncode == code


def test_the_command_takes_our_place(project: Path, environment: dict[str, str]) -> None:
    """The command has our process id, so that a signal to us is a signal to it, and we die of it as it does."""
    script = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
    with subprocess.Popen(
        [sys.executable, "-m", "secretsource", "run", "--", sys.executable, "-c", script],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) == process.pid
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == -signal.SIGTERM


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_no_signal_is_ignored_on_the_commands_behalf(project: Path, spawn: Spawn) -> None:
    """Python ignores SIGPIPE for itself; a command that inherited that would write into closed pipes forever."""
    done = spawn("run", "--", "grep", "SigIgn", "/proc/self/status")
    ignored = int(done.stdout.split()[1], 16)
    assert not ignored & (1 << (signal.SIGPIPE - 1))
    assert not ignored & (1 << (signal.SIGXFSZ - 1))


def test_nothing_is_executed_without_a_required_secret(project: Path, spawn: Spawn, is_one_sentence: Judge) -> None:
    """All that are missing are named at once, and the command is not started."""
    (project / ".env").unlink()
    (project / "mounted" / "TLS_KEY").unlink()
    done = spawn("run", "--", "touch", "executed")
    assert (done.returncode, done.stdout) == (1, "")
    assert is_one_sentence(done.stderr)
    assert "MAIL_PASSWORD" in done.stderr
    assert "TLS_KEY" in done.stderr
    assert "DEBUG_TOKEN" not in done.stderr
    assert not (project / "executed").exists()


@pytest.mark.parametrize("configured", [True, False])
def test_nothing_to_inject(folder: Path, command: Command, is_one_sentence: Judge, configured: bool) -> None:
    """A command that would get no secret at all is not what was meant."""
    if configured:
        (folder / "secretsource.toml").write_text('[environments.x]\nproviders = ["env"]\n', encoding="utf-8")
    done = command("run", "--", "true")
    assert done.exit_code == 2
    assert is_one_sentence(done.stderr)


def test_a_command_that_is_not_there(project: Path, command: Command, is_one_sentence: Judge) -> None:
    """Exit code 127, as a shell has it."""
    done = command("run", "--", "no-such-command-here")
    assert done.exit_code == 127
    assert is_one_sentence(done.stderr)
    assert "no-such-command-here" in done.stderr


def test_a_file_that_is_no_command(project: Path, command: Command, is_one_sentence: Judge) -> None:
    """Exit code 126, as a shell has it."""
    (project / "plain").write_text("", encoding="utf-8")
    done = command("run", "--", "./plain")
    assert done.exit_code == 126
    assert is_one_sentence(done.stderr)


def test_our_own_environment_stays_as_it_is(project: Path, command: Command) -> None:
    """The secrets are in the environment of the command only, also when it could not be started."""
    command("run", "--", "no-such-command-here")
    assert "MAIL_PASSWORD" not in os.environ
    assert "TLS_KEY" not in os.environ


def test_a_binary_value_is_base64(project: Path, spawn: Spawn) -> None:
    """Bytes that are no text are given as they are shown elsewhere."""
    (project / "mounted" / "TLS_KEY").write_bytes(b"\xff\x00")
    environment, _ = told(spawn("run", "--", sys.executable, "-c", PRINT))
    assert environment["TLS_KEY"] == "/wA="


def test_a_command_that_cannot_be_started_changes_nothing(project: Path, command: Command) -> None:
    """Signals are ignored again as they were before."""
    before = signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        command("run", "--", "no-such-command-here")
        assert signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGPIPE, before)


def test_a_secret_that_no_environment_holds(folder: Path, spawn: Spawn) -> None:
    """The operating system says only that something is too long; the error names the secret, and not its value."""
    (folder / "mounted").mkdir()
    (folder / "mounted" / "SHORT").write_text(CANARY, encoding="utf-8")
    (folder / "mounted" / "LONG").write_text(CANARY * 40_000, encoding="utf-8")
    (folder / "secretsource.toml").write_text(
        '[environments.x]\nproviders = ["file://mounted"]\n[secrets.SHORT]\n[secrets.LONG]\n', encoding="utf-8"
    )
    done = spawn("run", "--", sys.executable, "-c", PRINT)
    assert done.returncode == 126
    assert f"the longest secret is 'LONG' with {len(CANARY) * 40_000} bytes: give it as a file" in done.stderr
    assert CANARY not in done.stderr
