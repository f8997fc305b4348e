"""Where errors become a sentence and an exit code, and what stands before every command."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
import typer
from tests.cli.conftest import CANARY
from typer.testing import CliRunner

import secretsource
from secretsource import exceptions
from secretsource.cli import app as entrance
from secretsource.cli._terminal.exit_codes import code_of
from secretsource.cli._terminal.front import Front
from secretsource.providers.base import FailureCode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., Any]
    Judge = Callable[[str], bool]


def provider_error(kind: type[exceptions.ProviderError], code: FailureCode) -> exceptions.ProviderError:
    return kind("sentence", name="NAME", provider="aws", code=code)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (exceptions.ConfigurationError("sentence"), 2),
        (exceptions.ProviderNotInstalled("aws", "aws"), 2),
        (exceptions.InvalidReference("sentence"), 2),
        (exceptions.SecretNotFound("sentence", name="NAME"), 1),
        (provider_error(exceptions.ProviderDenied, FailureCode.DENIED), 1),
        (provider_error(exceptions.ProviderUnavailable, FailureCode.TIMEOUT), 3),
        (provider_error(exceptions.ProviderResponseError, FailureCode.MALFORMED), 2),
        (exceptions.StoreError("sentence"), 3),
        (exceptions.InvalidRequest("sentence"), 2),
        (exceptions.InvalidTransition("sentence"), 1),
    ],
)
def test_every_error_has_its_code(error: exceptions.SecretSourceError, code: int) -> None:
    """The table of exit codes, row by row."""
    assert code_of(error) == code


def ended_by(failure: Callable[[], Any]) -> Any:
    """The result of a command that does one thing."""
    application = typer.Typer(cls=Front, rich_markup_mode=None, pretty_exceptions_enable=False)

    @application.callback()
    def group() -> None: ...

    application.command("act")(failure)
    return CliRunner().invoke(application, ["act"])


def raising(error: BaseException) -> Callable[[], None]:
    def act() -> None:
        value = CANARY
        assert value
        raise error

    return act


def test_a_defect_shows_no_value(is_one_sentence: Judge) -> None:
    """What we did not think of is named by its class and its place; its message may hold a value."""
    done = ended_by(raising(ValueError(CANARY)))
    assert done.exit_code == 70
    assert is_one_sentence(done.stderr)
    assert "ValueError in test_front.py:" in done.stderr


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(13, "Permission denied", "/etc/x"), "'/etc/x': Permission denied"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError(), "OSError"),
    ],
)
def test_what_the_operating_system_refuses(is_one_sentence: Judge, error: OSError, said: str) -> None:
    """A full disk or a closed folder is one sentence, with the path where there is one."""
    done = ended_by(raising(error))
    assert done.exit_code == 2
    assert is_one_sentence(done.stderr)
    assert said in done.stderr


def test_ctrl_c_while_the_commands_are_loaded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ends the command like any other Ctrl-C, and shows no traceback."""

    class Interrupted:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "secretsource.cli._commands":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "secretsource.cli._commands", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupted(), *sys.meta_path])
    assert (entrance.main(), capsys.readouterr()) == (130, ("", ""))


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), typer.Abort()])
def test_ctrl_c(stop: BaseException) -> None:
    """An interrupted command ends as shells say it, without a word of ours."""
    done = ended_by(raising(stop))
    assert done.exit_code == 130
    assert "error" not in done.stderr
    assert "Traceback" not in done.stderr


def test_an_exit_code_of_a_command_is_kept() -> None:
    """`typer.Exit` says how a command ends."""
    assert ended_by(raising(typer.Exit(5))).exit_code == 5


def test_version(command: Command) -> None:
    """--version names the program and its version."""
    done = command("--version")
    assert (done.exit_code, done.stdout) == (0, f"secretsource {secretsource.__version__}\n")


def test_without_a_command(command: Command) -> None:
    """The help is shown, with every command and the exit codes, and that is no error."""
    done = command()
    assert done.exit_code == 0
    assert all(verb in done.stdout for verb in ("get", "run", "check", "explain", "init", "demo", "Exit codes"))
    assert done.stdout.rstrip() == command("--help").stdout.rstrip()


@pytest.mark.parametrize("package", ["typer", "rich"])
def test_without_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], is_one_sentence: Judge, package: str
) -> None:
    """Without its packages, the command says what to install."""
    monkeypatch.setitem(sys.modules, package, None)
    assert entrance.main() == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert is_one_sentence(written.err)
    assert "pip install 'secretsource[cli]'" in written.err


def test_the_entrance_runs_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], project: Path
) -> None:
    """The console script takes the arguments of the process."""
    monkeypatch.setattr(sys, "argv", ["secretsource", "get", "SESSION_KEY"])
    with pytest.raises(SystemExit) as stop:
        entrance.main()
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"{CANARY}-env\n"


def test_a_closed_standard_error(project: Path, environment: dict[str, str]) -> None:
    """Where nobody hears the sentence, the command still ends quietly."""
    import os
    import subprocess

    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(
        [sys.executable, "-m", "secretsource", "get", "NOWHERE"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=theirs,
        check=False,
    )
    os.close(theirs)
    assert (done.returncode, done.stdout) == (141, b"")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("keys verify <&-", 2, "there is no key on standard input"),
        ("keys rules >&-", 2, "the operating system refused"),
        ("keys rules >/dev/full", 2, "the operating system refused"),
        ("keys rules <&- 2>&-", 0, ""),
        ("keys verify <&- >&- 2>&-", 2, ""),
    ],
)
def test_a_process_without_a_standard_stream(
    project: Path, environment: dict[str, str], is_one_sentence: Judge, words: str, code: int, said: str
) -> None:
    """One sentence where it can be heard, and no file of ours in the place of the stream."""
    import subprocess

    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" -m secretsource {words}', sys.executable],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, said in done.stderr) == (code, True)
    assert not said or is_one_sentence(done.stderr)
