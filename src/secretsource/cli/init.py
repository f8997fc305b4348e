"""``secretsource init``: the files of a project that uses secrets. Nothing that exists is overwritten."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from secretsource.cli._options import Json
from secretsource.cli._output import printable, write_json, write_line
from secretsource.cli._templates import IGNORE_LINES, configuration_text, example_text, ignores_dotenv
from secretsource.config import load_config

__all__ = ["init"]

CONFIGURATION, EXAMPLE, IGNORE = "secretsource.toml", ".env.example", ".gitignore"


@dataclass(frozen=True, slots=True)
class Deed:
    """What became of one file.

    Attributes:
        file: Its name.
        action: ``wrote``, ``added to`` or ``left alone``.
        reason: Why, or what was added.
    """

    file: str
    action: str
    reason: str


def init(
    context: typer.Context,
    app: Annotated[
        str | None, typer.Option("--app", metavar="NAME", help="What the application's secrets at AWS begin with.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the files of a project that uses secrets.

    These are secretsource.toml and .env.example, and the line .env in .gitignore, all in this folder. A file that
    exists is left alone, and said to be. The lines of .env.example are the declared secrets.
    """
    if app is not None and not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", app):
        raise typer.BadParameter("--app is 1 to 64 of A-Z, a-z, 0-9, '_', '.' and '-'", ctx=context)
    folder = Path.cwd()
    deeds = [_write_configuration(folder, app), _write_example(folder), _ignore_dotenv(folder)]
    if as_json:
        write_json([asdict(deed) for deed in deeds])
        return
    for deed in deeds:
        write_line(printable(f"{deed.action} {deed.file}: {deed.reason}"))


def _write_configuration(folder: Path, app: str | None) -> Deed:
    project = folder / "pyproject.toml"
    if project.is_file() and b"[tool.secretsource" in project.read_bytes():
        return Deed(CONFIGURATION, "left alone", "pyproject.toml has [tool.secretsource]")
    return _write_new(folder / CONFIGURATION, configuration_text(app), "says where the secrets are")


def _write_example(folder: Path) -> Deed:
    if (folder / EXAMPLE).exists():
        return _left(EXAMPLE)
    own = folder / CONFIGURATION
    config = load_config(own if own.exists() else folder / "pyproject.toml")
    secrets = () if config is None else config.secrets.values()
    return _write_new(folder / EXAMPLE, example_text(secrets), "copy it to .env and fill it in")


def _ignore_dotenv(folder: Path) -> Deed:
    file = folder / IGNORE
    if not file.exists():
        return _write_new(file, IGNORE_LINES.lstrip(), "keeps .env out of the repository")
    rules = file.read_bytes()
    if ignores_dotenv(rules):
        return Deed(IGNORE, "left alone", "it ignores .env already")
    with file.open("ab") as opened:
        opened.write((b"" if not rules or rules.endswith(b"\n") else b"\n") + IGNORE_LINES.encode())
    return Deed(IGNORE, "added to", "it ignores .env from now on")


def _write_new(file: Path, text: str, purpose: str) -> Deed:
    """Write a file that is not there, so that not even one that appears meanwhile is overwritten."""
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        return _left(file.name)
    return Deed(file.name, "wrote", purpose)


def _left(name: str) -> Deed:
    return Deed(name, "left alone", "it exists")
