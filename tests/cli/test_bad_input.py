"""Whatever is wrong with what goes in: one sentence, exit code 2, no traceback, no value, nothing written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.cli.conftest import CANARY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., Any]
    Judge = Callable[[str], bool]

ALONE = '[environments.test]\nproviders = ["{}"]\n'


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def refused(project: Path, command: Command, is_one_sentence: Judge) -> Callable[..., str]:
    """Run a command that must be refused as bad input; what it said."""

    def run(*arguments: str) -> str:
        before = files_of(project)
        done = command(*arguments)
        assert done.exit_code == 2
        assert done.stdout == ""
        assert is_one_sentence(done.stderr), done.stderr
        assert files_of(project) == before
        return str(done.stderr)

    return run


@pytest.mark.parametrize("verb", ["get", "explain"])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "empty"),
        ("a name", "character 2"),
        (f"{CANARY}\n", "character"),
        ("x" * 513, "at most 512"),
        ("UPPER://x", "provider name"),
        ("aws://", "must have a location"),
        ("name#", "ends in '#'"),
        ("env://name?version", "key=value"),
    ],
)
def test_impossible_names(refused: Callable[..., str], verb: str, name: str, said: str) -> None:
    """A name that is none is refused before anybody is asked, and not quoted."""
    assert said in refused(verb, name)


def test_an_impossible_variable(refused: Callable[..., str]) -> None:
    """What cannot be the name of a variable is not handed to a command."""
    assert "A=B" in refused("run", "--only", "A=B", "--", "true")
    assert "env://A" in refused("run", "--only", "env://A", "--", "true")
    refused("run", "--only", "", "--", "true")


@pytest.mark.parametrize("verb", ["get", "explain"])
def test_an_unknown_provider_in_a_reference(refused: Callable[..., str], verb: str) -> None:
    """The nearest provider is named."""
    assert "did you mean 'env'" in refused(verb, "emv://TOKEN")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ALONE.format("dotnev"), "did you mean 'dotenv'"),
        (ALONE.format("env") + "tll = 5\n", "'ttl'"),
        (ALONE.format("env") + f'[providers.env]\npassword = "{CANARY}"\n', "line 4"),
        (ALONE.format("env") + f'ttl = "{CANARY}"\n', "line 3"),
        (ALONE.format("env") + f"[secrets.TOKEN]\nrequired = '{CANARY}'\n", "line 4"),
        (f'{CANARY} = "\n', "line 1"),
    ],
)
@pytest.mark.parametrize(
    "arguments", [("get", "TOKEN"), ("check",), ("explain", "TOKEN"), ("run", "--only", "TOKEN", "--", "true")]
)
def test_a_wrong_configuration(
    project: Path, refused: Callable[..., str], arguments: tuple[str, ...], text: str, said: str
) -> None:
    """The file, the line and the nearest right word are named, whatever the command."""
    (project / "secretsource.toml").write_text(text, encoding="utf-8")
    sentence = refused(*arguments)
    assert "secretsource.toml" in sentence
    assert said in sentence


def test_a_configuration_that_is_not_there(refused: Callable[..., str]) -> None:
    """The path is named."""
    assert "nowhere.toml" in refused("--config", "nowhere.toml", "get", "TOKEN")


def test_an_unknown_environment(refused: Callable[..., str]) -> None:
    """The nearest environment is named."""
    assert "did you mean 'test'" in refused("--env", "tset", "get", "TOKEN")


@pytest.fixture(params=["get", "run"])
def asking(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Two commands that need the value of MAIL_PASSWORD, which is kept in .env."""
    return ("get", "MAIL_PASSWORD") if request.param == "get" else ("run", "--only", "MAIL_PASSWORD", "--", "true")


def test_a_directory_for_dotenv(project: Path, refused: Callable[..., str], asking: tuple[str, ...]) -> None:
    """A provider that is pointed to a directory says so."""
    (project / "secretsource.toml").write_text(ALONE.format(f"dotenv://{project}/mounted"), encoding="utf-8")
    assert "is a directory" in refused(*asking)


def test_a_file_that_is_not_utf8(project: Path, refused: Callable[..., str], asking: tuple[str, ...]) -> None:
    """The line is named, and not shown."""
    (project / ".env").write_bytes(b"A=1\nMAIL_PASSWORD=" + CANARY.encode() + b"\xff\n")
    assert "line 2" in refused(*asking)


def test_a_malformed_line(project: Path, refused: Callable[..., str], asking: tuple[str, ...]) -> None:
    """The line is named, and not shown."""
    (project / ".env").write_text(f"A=1\nMAIL_PASSWORD='{CANARY}\n", encoding="utf-8")
    assert "line 2" in refused(*asking)


@pytest.mark.parametrize("arguments", [("--field", "inner"), ("--field", "/0/inner")])
def test_a_document_that_is_not_json(refused: Callable[..., str], arguments: tuple[str, ...]) -> None:
    """A field of something that has no fields."""
    assert "is not JSON" in refused("get", "MAIL_PASSWORD", *arguments)


@pytest.mark.parametrize(
    "arguments",
    [("MAIL_PASSWORD", "--field", "nowhere"), ("MAIL_PASSWORD#nowhere",), ("dotenv://MAIL_PASSWORD#nowhere",)],
)
def test_a_field_that_is_not_there(project: Path, refused: Callable[..., str], arguments: tuple[str, ...]) -> None:
    """The document is there, and lacks the field."""
    (project / ".env").write_text(f'MAIL_PASSWORD=\'{{"inner": "{CANARY}"}}\'\n', encoding="utf-8")
    assert "no field 'nowhere'" in refused("get", *arguments)


def test_a_field_of_what_is_not_there(project: Path, command: Command, is_one_sentence: Judge) -> None:
    """Where even the document is missing, the secret is missing: exit code 1."""
    done = command("get", "NOWHERE", "--field", "inner")
    assert done.exit_code == 1
    assert is_one_sentence(done.stderr)


def test_a_value_with_nul(project: Path, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable can hold a NUL, which a JSON document can escape, so nothing is executed."""
    (project / "mounted" / "document").write_text(f'{{"inner": "{CANARY}\\u0000"}}', encoding="utf-8")
    monkeypatch.setenv("SESSION_KEY", f"ref+file://{project}/mounted/document#inner")
    assert "NUL" in refused("run", "--", "touch", "executed")
    assert not (project / "executed").exists()


def test_a_value_that_is_no_text(project: Path, refused: Callable[..., str]) -> None:
    """A JSON document can escape half of a surrogate pair; no encoding has it."""
    (project / "mounted" / "TLS_KEY").write_text(f'{{"inner": "{CANARY}\\ud800"}}', encoding="utf-8")
    assert "surrogate" in refused("get", "TLS_KEY", "--field", "inner")
    assert "surrogate" in refused("get", "TLS_KEY", "--field", "inner", "--json")


@pytest.mark.parametrize(
    "arguments", [("get",), ("get", "A", CANARY), ("nothing",), ("get", "A", "--nothing"), ("run",)]
)
def test_wrong_arguments(refused: Callable[..., str], arguments: tuple[str, ...]) -> None:
    """What the command does not take is one sentence too, and a surplus argument is not quoted."""
    assert "--help" in refused(*arguments)


def test_a_word_that_is_not_one_of_a_few(refused: Callable[..., str]) -> None:
    """The sentence names the option and the words, and no library that has read them."""
    said = refused("keys", "usage", "--by", "week")
    assert "invalid value for '--by': 'week' is not one of 'minute', 'hour', 'day'" in said


def test_an_unfit_application_name(refused: Callable[..., str]) -> None:
    """What would break the line it stands in is refused, and no file is written."""
    assert "--app" in refused("init", "--app", 'a"\nb')
