"""`secretsource init`: the files of a project, and nothing that exists is overwritten."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.cli._templates import ignores_dotenv
from secretsource.config import load_config

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[..., Any]
    Judge = Callable[[str], bool]

FILES = {"secretsource.toml", ".env.example", ".gitignore"}


def test_an_empty_folder(folder: Path, command: Command) -> None:
    """Three files are written, and each has a line that says so."""
    done = command("init")
    assert (done.exit_code, done.stderr) == (0, "")
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == [
        "wrote secretsource.toml",
        "wrote .env.example",
        "wrote .gitignore",
    ]
    assert {file.name for file in folder.iterdir()} == FILES
    assert ".env" in (folder / ".gitignore").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("environment", ["development", "production"])
@pytest.mark.parametrize("options", [(), ("--app", "shop")])
def test_what_is_written_works(folder: Path, command: Command, environment: str, options: tuple[str, ...]) -> None:
    """The configuration is valid in both of its environments, as it is and with its example uncommented."""
    command("init", *options)
    file = folder / "secretsource.toml"
    config = load_config(file, environment=environment)
    assert config is not None
    assert config.secrets == {}
    text, mark, example = file.read_text(encoding="utf-8").partition("# [secrets.")
    file.write_text(text + (mark + example).replace("# [", "[").replace("\n# ", "\n"), encoding="utf-8")
    config = load_config(file, environment=environment)
    assert config is not None
    assert config.secrets["STRIPE_SECRET_KEY"].locations["aws"] == "payments/stripe#secret_key"


def test_the_name_of_the_application(folder: Path, command: Command) -> None:
    """--app is what the names at AWS begin with."""
    command("init", "--app", "shop")
    config = load_config(environment="production")
    assert config is not None
    assert config.providers[1].settings["prefix"] == "shop/"


def test_a_second_time(folder: Path, command: Command) -> None:
    """Nothing changes, and it says so."""
    command("init")
    before = {file: file.read_bytes() for file in folder.iterdir()}
    done = command("init", "--app", "other")
    assert done.exit_code == 0
    assert done.stdout.count("left alone") == 3
    assert {file: file.read_bytes() for file in folder.iterdir()} == before


def test_json(folder: Path, command: Command) -> None:
    """--json says what became of each file."""
    (folder / ".env.example").touch()
    deeds = json.loads(command("init", "--json").stdout)
    assert {deed["file"]: deed["action"] for deed in deeds} == {
        "secretsource.toml": "wrote",
        ".env.example": "left alone",
        ".gitignore": "wrote",
    }


@pytest.mark.parametrize("ending", ["", "\n"])
def test_rules_are_added_to(folder: Path, command: Command, ending: str) -> None:
    """What .gitignore has stays, and .env has a line of its own after it."""
    (folder / ".gitignore").write_text(f"build/{ending}", encoding="utf-8")
    assert "added to .gitignore" in command("init").stdout
    lines = (folder / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert (lines[0], lines[-1]) == ("build/", ".env")


@pytest.mark.parametrize(
    ("rules", "ignored"),
    [
        (b"", False),
        (b".env\n", True),
        (b"  /.env", True),
        (b".env*\r\n", True),
        (b"# .env\n", False),
        (b".environment\n", False),
        (b".env\n!.env\n", False),
        (b"!.env\n*.env\n", True),
        (b"\xff\n.env\n", True),
    ],
)
def test_what_counts_as_ignored(rules: bytes, ignored: bool) -> None:
    """The last rule about .env decides, in whatever encoding the file is."""
    assert ignores_dotenv(rules) is ignored


def test_the_example_lists_the_declared_secrets(folder: Path, command: Command) -> None:
    """Names and descriptions of a configuration that is there already, and no values."""
    (folder / "secretsource.toml").write_text(
        '[environments.x]\nproviders = ["env"]\n[secrets.ALPHA]\ndescription = "First\\nof two"\n[secrets.BETA]\n',
        encoding="utf-8",
    )
    command("init")
    text = (folder / ".env.example").read_text(encoding="utf-8")
    assert "# First of two\n#ALPHA=\n" in text
    assert "#BETA=\n" in text


def test_a_configuration_in_pyproject(folder: Path, command: Command) -> None:
    """A second configuration would silently take the place of the first."""
    (folder / "pyproject.toml").write_text(
        '[tool.secretsource.environments.x]\nproviders = ["env"]\n[tool.secretsource.secrets.ALPHA]\n',
        encoding="utf-8",
    )
    done = command("init")
    assert "left alone secretsource.toml: pyproject.toml" in done.stdout
    assert not (folder / "secretsource.toml").exists()
    assert "#ALPHA=" in (folder / ".env.example").read_text(encoding="utf-8")


def test_a_pyproject_of_something_else(folder: Path, command: Command) -> None:
    """Most projects have one."""
    (folder / "pyproject.toml").write_text("[tool.other]\n", encoding="utf-8")
    assert "wrote secretsource.toml" in command("init").stdout


def test_a_wrong_configuration_is_told(folder: Path, command: Command, is_one_sentence: Judge) -> None:
    """The example cannot be made from it, and nothing is written."""
    (folder / "secretsource.toml").write_text("environments = 3\n", encoding="utf-8")
    done = command("init")
    assert done.exit_code == 2
    assert is_one_sentence(done.stderr)
    assert {file.name for file in folder.iterdir()} == {"secretsource.toml"}


def test_a_folder_for_gitignore(folder: Path, command: Command, is_one_sentence: Judge) -> None:
    """What the operating system refuses is one sentence too, and nothing is written."""
    (folder / ".gitignore").mkdir()
    done = command("init")
    assert done.exit_code == 2
    assert is_one_sentence(done.stderr)
    assert ".gitignore" in done.stderr
    assert [file.name for file in folder.iterdir()] == [".gitignore"]


def test_a_link_is_not_followed(folder: Path, command: Command) -> None:
    """A link to nowhere counts as a file that exists: nothing is written through it."""
    target = folder / "elsewhere"
    Path(folder / ".env.example").symlink_to(target)
    assert "left alone .env.example" in command("init").stdout
    assert not target.exists()
