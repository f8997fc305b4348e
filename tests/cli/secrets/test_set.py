"""`secretsource set`: a value from a prompt or standard input goes to one provider, and is never shown."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.cli.conftest import CANARY
from typer.testing import CliRunner

from secretsource.cli._commands import app
from secretsource.cli._terminal.exit_codes import INTERRUPTED, MISSING, MISTAKE, UNAVAILABLE
from secretsource.providers.base import Occupied
from secretsource.providers.file import FileProvider
from secretsource.testing.servers import aws_server

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from secretsource.testing.servers import SecretServer

    Command = Callable[..., Any]
    Judge = Callable[[str], bool]

VALUE = f"{CANARY}-new"


@pytest.fixture
def put() -> Command:
    """Run ``secretsource set`` in this process, with a value on standard input."""
    runner = CliRunner()

    def invoke(*arguments: str, value: str | bytes = f"{VALUE}\n", before: tuple[str, ...] = ()) -> Any:
        done = runner.invoke(app, [*before, "set", *arguments], prog_name="secretsource", input=value)
        assert CANARY not in done.output
        return done

    return invoke


def test_the_first_provider_that_can_be_written_to(project: Path, put: Command, command: Command) -> None:
    """The environment is passed over; the place is told, and `get` shows the value."""
    done = put("DEBUG_TOKEN")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == f"DEBUG_TOKEN: created at dotenv://DEBUG_TOKEN ({project}/.env)\n"
    assert command("get", "DEBUG_TOKEN").stdout == f"{VALUE}\n"
    assert f"MAIL_PASSWORD={CANARY}-dotenv\n" in (project / ".env").read_text()


def test_a_provider_that_is_named(project: Path, put: Command) -> None:
    """--to takes a provider of the environment, or a URL."""
    assert put("DEBUG_TOKEN", "--to", "file").stdout.startswith("DEBUG_TOKEN: created at file://DEBUG_TOKEN")
    assert (project / "mounted" / "DEBUG_TOKEN").read_text() == VALUE
    (project / "elsewhere").mkdir()
    assert put("DEBUG_TOKEN", "--to", "file://elsewhere").exit_code == 0
    assert (project / "elsewhere" / "DEBUG_TOKEN").read_text() == VALUE


def test_a_file_that_is_not_there_yet(folder: Path, put: Command) -> None:
    """Without a configuration, and without a file, a .env file is made that others cannot read."""
    assert put("TOKEN").stdout == f"TOKEN: created at dotenv://TOKEN ({folder}/.env)\n"
    assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600


def test_a_different_value_stays(project: Path, put: Command, command: Command) -> None:
    """--overwrite replaces it; the same value is no difference, and needs no option."""
    done = put("MAIL_PASSWORD")
    assert (done.exit_code, done.stdout) == (MISTAKE, "")
    assert "another value: add  --overwrite  to replace it" in done.stderr
    assert command("get", "MAIL_PASSWORD").stdout == f"{CANARY}-dotenv\n"
    assert put("MAIL_PASSWORD", value=f"{CANARY}-dotenv\n").stdout.startswith("MAIL_PASSWORD: same at dotenv://")
    assert put("MAIL_PASSWORD", "--overwrite").stdout.startswith("MAIL_PASSWORD: overwritten at dotenv://")
    assert command("get", "MAIL_PASSWORD").stdout == f"{VALUE}\n"


@pytest.mark.parametrize(
    ("given", "options", "stored"),
    [
        (b"v\n", (), b"v"),
        (b"v\r\n", (), b"v"),
        (b"v\n\n", (), b"v\n"),
        (b"v\r", (), b"v\r"),
        (b"v", (), b"v"),
        (b"v\n", ("--raw",), b"v\n"),
        (b" v \n", (), b" v "),
        ("schlüssel-鍵\n".encode(), (), "schlüssel-鍵".encode()),
        (b"\n", ("--allow-empty",), b""),
        (b"", ("--allow-empty",), b""),
        (b"\xff\xfe\x00\n", (), b"\xff\xfe\x00\n"),
        (b"\xff\xfe\x00\n", ("--raw",), b"\xff\xfe\x00\n"),
    ],
)
def test_what_of_the_input_is_the_value(
    project: Path, put: Command, command: Command, given: bytes, options: tuple[str, ...], stored: bytes
) -> None:
    """One line end at the end of a text is not part of it, as `get` adds one; bytes stay as they are."""
    assert put("DEBUG_TOKEN", "--to", "file", *options, value=given).exit_code == 0
    assert command("get", "file://DEBUG_TOKEN", "--raw").stdout_bytes == stored


@pytest.mark.parametrize("given", [b"", b"\n", b"\r\n"])
def test_an_empty_value_may_be_a_pipe_that_broke(
    project: Path, put: Command, is_one_sentence: Judge, given: bytes
) -> None:
    """A command before the pipe that failed writes nothing: that is no value without --allow-empty."""
    done = put("DEBUG_TOKEN", value=given)
    assert done.exit_code == MISTAKE
    assert "--allow-empty" in done.stderr
    assert is_one_sentence(done.stderr)
    assert "DEBUG_TOKEN" not in (project / ".env").read_text()


def test_a_wrong_file(project: Path, put: Command, is_one_sentence: Judge) -> None:
    """Input without an end is not read to it."""
    done = put("DEBUG_TOKEN", value=b"x" * (1024 * 1024 + 1))
    assert (done.exit_code, "longer than 1 MiB" in done.stderr) == (MISTAKE, True)
    assert is_one_sentence(done.stderr)


@pytest.mark.parametrize(
    "arguments",
    [
        ("DEBUG_TOKEN", VALUE),
        ("DEBUG_TOKEN", VALUE, VALUE),
        (f"DEBUG_TOKEN={VALUE}",),
        (f"DEBUG_TOKEN=postgres://u:{VALUE}@h",),
        ("DEBUG_TOKEN", f"--{VALUE}"),
        ("DEBUG_TOKEN", f"-{VALUE}"),
        ("DEBUG_TOKEN", "--value", VALUE),
        ("DEBUG_TOKEN", f"--value={VALUE}"),
        ("--value", VALUE, "DEBUG_TOKEN"),
        (f"--{VALUE}",),
        ("DEBUG_TOKEN", "--", VALUE),
    ],
)
def test_a_value_is_no_argument(
    project: Path, put: Command, is_one_sentence: Judge, arguments: tuple[str, ...]
) -> None:
    """It is refused without being quoted; the sentence says how to give it, and nothing is written."""
    done = put(*arguments)
    assert (done.exit_code, done.stdout) == (MISTAKE, "")
    assert is_one_sentence(done.stderr)
    assert "secretsource set NAME < FILE" in done.stderr
    assert (project / ".env").read_text() == f"MAIL_PASSWORD={CANARY}-dotenv\n"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("DEBUG_TOKEN", "--to", "env"), "'env' cannot be written to"),
        (("DEBUG_TOKEN", "--to", "aws"), "has no provider 'aws'"),
        (("env://DEBUG_TOKEN",), "bare name"),
        (("DEBUG_TOKEN#inner",), "must have no field"),
        (("a name",), "character 2"),
        (("",), "empty"),
        ((), "missing argument 'NAME'"),
    ],
)
def test_mistakes(project: Path, put: Command, is_one_sentence: Judge, arguments: tuple[str, ...], word: str) -> None:
    """What cannot be is one sentence and exit code 2, before the value is read."""
    done = put(*arguments)
    assert done.exit_code == MISTAKE
    assert word in done.stderr
    assert is_one_sentence(done.stderr)


def test_a_chain_that_only_reads(folder: Path, put: Command, is_one_sentence: Judge) -> None:
    """Where no provider can be written to, the sentence names them."""
    (folder / "secretsource.toml").write_text('[environments.x]\nproviders = ["env"]\n')
    done = put("TOKEN")
    assert done.exit_code == MISTAKE
    assert "('env') can be written to" in done.stderr
    assert is_one_sentence(done.stderr)


def test_a_name_that_the_provider_cannot_have(project: Path, put: Command) -> None:
    """The reason is told, and the value is not read."""
    done = put("../UP", "--to", "file", value=b"")
    assert (done.exit_code, "no file in the folder can have this name" in done.stderr) == (MISTAKE, True)


def test_a_value_that_the_provider_cannot_have(project: Path, put: Command) -> None:
    """A .env file holds no bytes."""
    done = put("DEBUG_TOKEN", value=b"\xff")
    assert (done.exit_code, "encode it as base64" in done.stderr) == (MISTAKE, True)


def test_a_place_that_points_elsewhere(project: Path, put: Command) -> None:
    """A reference in the place of the value is not replaced unasked; the sentence says where to go on."""
    (project / ".env").write_text("DEBUG_TOKEN='ref+file://TLS_KEY'\n")
    done = put("DEBUG_TOKEN", "--overwrite")
    assert (done.exit_code, "name the provider that it leads to" in done.stderr) == (MISTAKE, True)


def test_a_provider_before_it_has_another_value(
    project: Path, put: Command, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The value is stored, and a warning says that the application does not get it."""
    done = put("SESSION_KEY")
    assert done.exit_code == 0
    assert done.stderr == (
        "warning: SESSION_KEY still comes from env://SESSION_KEY, with another value: "
        "provider 'env' is asked before 'dotenv'\n"
    )
    assert put("SESSION_KEY").stderr == done.stderr, "the same value has the same trouble"
    assert command("get", "dotenv://SESSION_KEY").stdout == f"{VALUE}\n"
    monkeypatch.setenv("SESSION_KEY", VALUE)
    assert put("SESSION_KEY").stderr == ""


def test_a_provider_before_it_leads_elsewhere(project: Path, put: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reference at a provider before it is the other value's place."""
    monkeypatch.setenv("SESSION_KEY", "ref+file://TLS_KEY")
    assert "still comes from env://SESSION_KEY" in put("SESSION_KEY").stderr


def test_a_provider_before_it_leads_nowhere(project: Path, put: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The value is stored, and a warning says what `get` makes of it."""
    monkeypatch.setenv("SESSION_KEY", "ref+file://NOWHERE")
    done = put("SESSION_KEY")
    assert done.exit_code == 0
    assert done.stderr.startswith("warning: the value is stored, but get would fail: cannot get secret 'SESSION_KEY'")


@pytest.mark.parametrize("text", [f"ref+{CANARY}", "ref+file://TLS_KEY", "ref+ref+abc", "'ref+file://TLS_KEY'"])
def test_a_value_that_begins_like_a_reference(text: str, project: Path, put: Command, command: Command) -> None:
    """It is a value here, so it is stored in the form in which it is followed nowhere."""
    done = put("DEBUG_TOKEN", value=text)
    assert (done.exit_code, done.stderr) == (0, "")
    assert command("get", "DEBUG_TOKEN").stdout == f"{text}\n"
    assert put("DEBUG_TOKEN", value=text).stdout.startswith("DEBUG_TOKEN: same")


def test_a_provider_behind_it_is_not_asked(project: Path, put: Command) -> None:
    """A weaker provider with another value is no loss."""
    assert put("TLS_KEY", "--to", "dotenv").stderr == ""


def test_a_name_that_is_not_declared(project: Path, put: Command) -> None:
    """It may be misspelt, so a note says so."""
    done = put("SESION_KEY")
    assert done.exit_code == 0
    assert done.stderr.startswith(f"note: {project}/secretsource.toml does not declare 'SESION_KEY'")


def test_a_file_that_git_may_take(project: Path, put: Command) -> None:
    """A .env file that git does not ignore is warned of, as by `check`."""
    subprocess.run(["git", "init", "--quiet", str(project)], check=True)
    assert ".env is not ignored by git" in put("DEBUG_TOKEN").stderr


def test_json(project: Path, put: Command) -> None:
    """--json says the same for a program, and no value."""
    document = json.loads(put("SESSION_KEY", "--json").stdout)
    assert "still comes from env://SESSION_KEY" in document.pop("warnings")[0]
    assert document == {
        "ok": True,
        "name": "SESSION_KEY",
        "action": "created",
        "provider": "dotenv",
        "where": "dotenv://SESSION_KEY",
        "site": f"{project}/.env",
        "reason": None,
    }
    refused = json.loads(put("MAIL_PASSWORD", "--json").stdout)
    assert (refused["ok"], refused["action"]) == (False, "different")
    assert "--overwrite" in refused["reason"]


def test_somebody_else_was_faster(project: Path, put: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that appears between look and write is left alone."""
    monkeypatch.setattr(FileProvider, "store", lambda *_, **__: Occupied())
    done = put("DEBUG_TOKEN", "--to", "file")
    assert (done.exit_code, "another writer was faster" in done.stderr) == (MISTAKE, True)


def test_a_driver_that_raises(project: Path, put: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it raises may hold the value, and is not shown."""

    def raises(*_: object, **__: object) -> None:
        raise RuntimeError(VALUE)

    monkeypatch.setattr(FileProvider, "store", raises)
    done = put("DEBUG_TOKEN", "--to", "file")
    assert (done.exit_code, "report it to the driver's author" in done.stderr) == (MISTAKE, True)


@pytest.fixture
def aws(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[SecretServer]:
    """An AWS of our own behind the environment, in a chain with .env before it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with aws_server() as server:
        (folder / "secretsource.toml").write_text(
            '[environments.production]\nproviders = ["env", "aws"]\n'
            f'[providers.aws]\nregion = "{server.region}"\nendpoint_url = "{server.endpoint_url}"\n'
            f'prefix = "{folder.name}/"\nattempts = 1\n'  # servers of one process share their secrets
            '[secrets.TOKEN]\n[secrets.FIELD]\naws = "app#token"\n'
        )
        yield server


def test_aws(aws: Any, folder: Path, put: Command, command: Command) -> None:
    """A value is created and replaced at a manager, and read from there."""
    done = put("TOKEN")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == f"TOKEN: created at aws://{folder.name}/TOKEN ({aws.region})\n"
    assert command("get", "TOKEN").stdout == f"{VALUE}\n"
    assert put("TOKEN", value="other").exit_code == MISTAKE
    assert put("TOKEN", "--overwrite", value="other").exit_code == 0
    assert command("get", "TOKEN").stdout == "other\n"


def test_a_field_of_a_document(aws: SecretServer, put: Command) -> None:
    """It is not written alone, and the reason says why."""
    done = put("FIELD")
    assert (done.exit_code, "a field of a document is not written alone" in done.stderr) == (MISTAKE, True)


def test_a_manager_that_refuses(aws: Any, put: Command) -> None:
    """A denial is exit code 1, an outage 3, and no value is asked for."""
    aws.deny()
    assert put("TOKEN", value=b"").exit_code == MISSING
    aws.heal()
    aws.down()
    assert put("TOKEN", value=b"").exit_code == UNAVAILABLE


class Terminal:
    """A process of ``secretsource set`` whose standard input is a terminal.

    Args:
        environment: Its variables.
        arguments: Its arguments.
    """

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        self._ours, theirs = os.openpty()
        command = [sys.executable, "-m", "secretsource", "set", *arguments]
        self._child = subprocess.Popen(
            command, env=environment, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._terminal = theirs
        assert self._child.stderr is not None
        self.prompt = b""
        while not self.prompt.endswith(b"(not shown): "):
            read = os.read(self._child.stderr.fileno(), 4096)
            assert read, self.prompt
            self.prompt += read

    def type(self, text: bytes) -> tuple[int, str, str]:
        """Type something; gives the exit code, standard output and standard error."""
        os.write(self._ours, text)
        stdout, stderr = self._child.communicate(timeout=60)
        self.left, self.echo = rest_of(self._terminal), rest_of(self._ours)
        os.close(self._terminal)
        os.close(self._ours)
        return self._child.returncode, stdout.decode(), stderr.decode()


def rest_of(descriptor: int) -> bytes:
    """What can be read at once."""
    os.set_blocking(descriptor, False)
    try:
        return os.read(descriptor, 65536)
    except BlockingIOError:
        return b""


def test_a_prompt(project: Path, environment: dict[str, str], command: Command) -> None:
    """On a terminal the value is asked for once, under the name of its place, and not echoed."""
    terminal = Terminal(environment, "DEBUG_TOKEN")
    code, stdout, _ = terminal.type(f"{VALUE}\n".encode())
    assert f"value of DEBUG_TOKEN for dotenv://DEBUG_TOKEN ({project}/.env)".encode() in terminal.prompt
    assert (code, stdout.partition(" (")[0]) == (0, "DEBUG_TOKEN: created at dotenv://DEBUG_TOKEN")
    assert CANARY.encode() not in terminal.echo
    assert command("get", "DEBUG_TOKEN").stdout == f"{VALUE}\n"


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        (f"-----BEGIN KEY-----\n{VALUE}\n-----END KEY-----\n".encode(), MISTAKE, "several lines"),
        (VALUE.encode() * 400 + b"\n", MISTAKE, "too long for a terminal"),
        (b"\xff\n", MISTAKE, "not UTF-8"),
        (b"\n", MISTAKE, "--allow-empty"),
        (b"\x04", INTERRUPTED, ""),
    ],
    ids=["lines", "long", "bytes", "empty", "end"],
)
def test_what_a_terminal_cannot_take(
    project: Path, environment: dict[str, str], typed: bytes, code: int, said: str
) -> None:
    """A paste of several lines is refused, not cut; no part of it is stored or shown, or left for the shell."""
    terminal = Terminal(environment, "DEBUG_TOKEN")
    ended, stdout, stderr = terminal.type(typed)
    assert (ended, stdout) == (code, "")
    assert said in stderr
    assert CANARY not in stderr
    assert CANARY.encode() not in terminal.echo
    assert terminal.left == b""
    assert "DEBUG_TOKEN" not in (project / ".env").read_text()
