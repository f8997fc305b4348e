"""`secretsource export`: the values that were asked for by name, all of them or none."""

from __future__ import annotations

import json
import stat
import subprocess
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from tests.cli.conftest import CANARY

from secretsource.cli._terminal.exit_codes import MISSING, MISTAKE, UNAVAILABLE
from secretsource.cli.secrets import export
from secretsource.testing.servers import aws_server

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., Any]
    Judge = Callable[[str], bool]

ALL = ("export", "--all-declared", "--format")


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("dotenv", f"SESSION_KEY={CANARY}-env\nMAIL_PASSWORD={CANARY}-dotenv\n"),
        ("shell", f"export SESSION_KEY={CANARY}-env\nexport MAIL_PASSWORD={CANARY}-dotenv\n"),
        ("json", f'{{\n  "SESSION_KEY": "{CANARY}-env",\n  "MAIL_PASSWORD": "{CANARY}-dotenv"\n}}\n'),
    ],
)
def test_the_formats(project: Path, command: Command, form: str, text: str) -> None:
    """The named secrets in the order in which they are named, and nothing on standard error."""
    done = command("export", "SESSION_KEY", "MAIL_PASSWORD", "--format", form)
    assert (done.exit_code, done.stdout, done.stderr) == (0, text, "")


def test_all_declared(project: Path, command: Command) -> None:
    """An optional secret that is not there is left out, and a note says so."""
    done = command(*ALL, "json")
    assert list(json.loads(done.stdout)) == ["SESSION_KEY", "MAIL_PASSWORD", "TLS_KEY"]
    assert (done.exit_code, done.stderr) == (
        0,
        "note: left out, because they are optional and not there: DEBUG_TOKEN\n",
    )


def test_one_that_is_missing(project: Path, command: Command, is_one_sentence: Judge) -> None:
    """Nothing is written then: neither to standard output nor into a file; one error names all that are missing."""
    for options in ((), ("--out", "new.env")):
        done = command("export", "SESSION_KEY", "DEBUG_TOKEN", "NOWHERE", "--format", "dotenv", *options)
        assert (done.exit_code, done.stdout) == (MISSING, "")
        assert is_one_sentence(done.stderr)
        assert "'DEBUG_TOKEN'" in done.stderr
        assert "'NOWHERE'" in done.stderr
        assert not (project / "new.env").exists()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--format", "json"), "name the secrets, or give --all-declared"),
        (("SESSION_KEY", "--all-declared", "--format", "json"), "name the secrets, or give --all-declared"),
        (("SESSION_KEY",), "missing option '--format'"),
        (("SESSION_KEY", "--format", "yaml"), "dotenv, shell or json"),
        (("env://SESSION_KEY", "--format", "json"), "bare name"),
        (("9LIVES", "--format", "dotenv"), "begin with no digit"),
        (("my-key", "--format", "shell"), "must have letters, digits and '_'"),
        (("a;rm", "--format", "dotenv"), "must have letters"),
        (("SESSION_KEY", "--format", "json", "--overwrite"), "add  --out FILE"),
        (("SESSION_KEY", "--format", "json", "--overwrite", "--out", "-"), "add  --out FILE"),
    ],
)
def test_mistakes(
    project: Path, command: Command, is_one_sentence: Judge, arguments: tuple[str, ...], word: str
) -> None:
    """What cannot be is one sentence and exit code 2, and no value is written."""
    done = command("export", *arguments)
    assert (done.exit_code, done.stdout) == (MISTAKE, "")
    assert word in done.stderr
    assert is_one_sentence(done.stderr)


def test_a_terminal_is_asked_for(
    project: Path, command: Command, is_one_sentence: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values are not shown on a screen by accident: --out - means it."""
    monkeypatch.setattr(export, "is_terminal", lambda: True)
    done = command(*ALL, "dotenv")
    assert (done.exit_code, done.stdout) == (MISTAKE, "")
    assert "--out -" in done.stderr
    assert is_one_sentence(done.stderr)
    assert CANARY in command(*ALL, "dotenv", "--out", "-").stdout


def test_a_new_file(project: Path, command: Command) -> None:
    """Only this user may read it; standard output has nothing."""
    done = command("export", "SESSION_KEY", "--format", "dotenv", "--out", "new.env")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "note: 1 secret was exported, into 'new.env'\n"
    assert (project / "new.env").read_text() == f"SESSION_KEY={CANARY}-env\n"
    assert stat.S_IMODE((project / "new.env").stat().st_mode) == 0o600


def test_a_file_that_is_there(project: Path, command: Command, is_one_sentence: Judge) -> None:
    """It stays as it is, and so does one behind a link; --overwrite replaces it whole, with the mode of a new one."""
    (project / "old.env").write_text("precious")
    (project / "old.env").chmod(0o644)
    (project / "link.env").symlink_to("old.env")
    asking = ("export", "SESSION_KEY", "--format", "dotenv", "--out")
    for name in ("old.env", "link.env"):
        done = command(*asking, name)
        assert (done.exit_code, "exists and stays as it is" in done.stderr) == (MISTAKE, True)
        assert is_one_sentence(done.stderr)
    assert (project / "old.env").read_text() == "precious"
    assert command(*asking, "link.env", "--overwrite").exit_code == 0
    assert (project / "link.env").is_symlink()
    assert (project / "old.env").read_text() == f"SESSION_KEY={CANARY}-env\n"
    assert stat.S_IMODE((project / "old.env").stat().st_mode) == 0o600
    assert command(*asking, "fresh.env", "--overwrite").exit_code == 0


def test_what_is_no_file_is_not_replaced(project: Path, command: Command, is_one_sentence: Judge) -> None:
    """A folder or a device stays, whatever --overwrite says."""
    for name in ("mounted", "/dev/null"):
        done = command("export", "SESSION_KEY", "--format", "json", "--out", name, "--overwrite")
        assert (done.exit_code, "must be a regular file" in done.stderr) == (MISTAKE, True)
        assert is_one_sentence(done.stderr)


def test_a_disk_that_is_full(project: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file before stays, and no part of the new one."""
    (project / "old.env").write_text("precious")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    for options in (("--out", "old.env", "--overwrite"), ("--out", "new.env")):
        done = command("export", "SESSION_KEY", "--format", "json", *options)
        assert (done.exit_code, "No space left" in done.stderr) == (MISTAKE, True)
    assert (project / "old.env").read_text() == "precious"
    assert {path.name for path in project.iterdir()} == {"secretsource.toml", ".env", "mounted", "old.env"}


def test_the_new_file_is_not_the_one_that_is_read(project: Path, command: Command) -> None:
    """A .env file that is made for a folder does not hide the one above it while that is read."""
    (project / ".git").mkdir()
    (project / "inner").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project / "inner")
        done = command("export", "MAIL_PASSWORD", "--format", "dotenv", "--out", ".env")
    assert done.exit_code == 0, done.stderr
    assert (project / "inner" / ".env").read_text() == f"MAIL_PASSWORD={CANARY}-dotenv\n"


def test_a_file_that_git_may_take(project: Path, command: Command) -> None:
    """A file that git does not ignore is warned of."""
    subprocess.run(["git", "init", "--quiet", str(project)], check=True)
    done = command("export", "SESSION_KEY", "--format", "dotenv", "--out", "new.env")
    assert "new.env is not ignored by git" in done.stderr


@pytest.mark.parametrize("form", ["dotenv", "shell", "json"])
def test_a_binary_value(project: Path, command: Command, form: str) -> None:
    """It is base64 in each format, as for `get` and `run`, and a note says so."""
    (project / "mounted" / "TLS_KEY").write_bytes(b"\xff\x00\xfe")
    done = command("export", "TLS_KEY", "--format", form)
    assert b64encode(b"\xff\x00\xfe").decode() in done.stdout
    assert done.stderr == "note: written as base64, because they are binary: TLS_KEY\n"


@pytest.mark.parametrize(
    ("value", "form", "said"),
    [
        ("\\u0000", "dotenv", "has a NUL"),
        ("\\u0000", "shell", "has a NUL"),
        ("${HOME}", "dotenv", "has a ${…}"),
        ("ref+abc", "dotenv", "begins like a reference"),
        ("\\ud800", "dotenv", "has half of a surrogate"),
        ("\\ud800", "shell", "has half of a surrogate"),
        ("\\ud800", "json", "has half of a surrogate"),
    ],
)
def test_a_value_that_a_format_cannot_hold(
    project: Path, command: Command, is_one_sentence: Judge, value: str, form: str, said: str
) -> None:
    """The secret is named and its value not shown; nothing is written, not even the others."""
    (project / "mounted" / "document").write_text(f'{{"inner": "{value}{CANARY}"}}')
    with (project / "secretsource.toml").open("a") as file:
        file.write('[secrets.INNER]\nfile = "document#inner"\n')
    done = command("export", "SESSION_KEY", "INNER", "--format", form)
    assert (done.exit_code, done.stdout) == (MISTAKE, "")
    assert f"the value of secret 'INNER' from provider 'file' {said}" in done.stderr
    assert is_one_sentence(done.stderr)


def test_json_holds_what_the_others_cannot(project: Path, command: Command) -> None:
    """A name that is no variable's, and a value with a NUL."""
    (project / "mounted" / "my-key").write_text('{"inner": "a\\u0000b"}')
    with (project / "secretsource.toml").open("a") as file:
        file.write('[secrets."a;b"]\nfile = "my-key#inner"\n')
    assert json.loads(command("export", "a;b", "--format", "json").stdout) == {"a;b": "a\0b"}


def test_a_reference_is_followed(project: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that says where the secret is gives the secret."""
    monkeypatch.setenv("SESSION_KEY", "ref+file://TLS_KEY")
    assert command("export", "SESSION_KEY", "--format", "dotenv").stdout == f"SESSION_KEY={CANARY}-file\n"


def test_aws(folder: Path, command: Command, is_one_sentence: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values come from a manager; while that is down, nothing is written, and the exit code is 3."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with aws_server() as server:
        server.put(f"{folder.name}/TOKEN", f"{CANARY}-aws")
        (folder / "secretsource.toml").write_text(
            '[environments.production]\nproviders = ["env", "aws"]\n'
            f'[providers.aws]\nregion = "{server.region}"\nendpoint_url = "{server.endpoint_url}"\n'
            f'prefix = "{folder.name}/"\nattempts = 1\n[secrets.TOKEN]\n'  # servers of one process share secrets
        )
        assert command(*ALL, "shell").stdout == f"export TOKEN={CANARY}-aws\n"
        server.down()
        done = command(*ALL, "shell", "--out", "new.sh")
    assert (done.exit_code, done.stdout) == (UNAVAILABLE, "")
    assert is_one_sentence(done.stderr)
    assert not (folder / "new.sh").exists()
