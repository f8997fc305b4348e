"""``secretsource init``: write the files of a project that uses secrets; overwrite none."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from secretsource.cli._arguments.choice import Choice
from secretsource.cli._arguments.options import Json
from secretsource.cli._templates import IGNORE_LINES, configuration_text, example_text, ignores_dotenv
from secretsource.cli._terminal.output import printable, write_json, write_line
from secretsource.config import load_config

if TYPE_CHECKING:
    from collections.abc import Iterable

    from secretsource.config import SecretConfig

__all__ = ["init"]

CONFIGURATION, EXAMPLE, IGNORE = "secretsource.toml", ".env.example", ".gitignore"


@dataclass(frozen=True, slots=True)
class Deed:
    """The result for one file.

    Attributes:
        file: The name of the file.
        action: ``wrote``, ``added to`` or ``left alone``.
        reason: Why, or what was added.
    """

    file: str
    action: str
    reason: str


def init(
    context: typer.Context,
    app: Annotated[
        str | None, typer.Option("--app", metavar="NAME", help="The beginning of the application's secrets at AWS.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the files of a project that uses secrets.

    The files are secretsource.toml and .env.example, and the line .env in .gitignore, all in this folder. A file that
    exists stays as it is, and the output says so. The lines of .env.example are the declared secrets.
    """
    if app is not None and not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", app):
        raise typer.BadParameter("--app must be 1 to 64 of A-Z, a-z, 0-9, '_', '.' and '-'", ctx=context)
    folder = Path.cwd()
    project = folder / "pyproject.toml"
    in_project = project.is_file() and b"[tool.secretsource" in project.read_bytes()
    # Read everything that may be wrong before anything is written.
    example = example_text(_declared(project if in_project else folder / CONFIGURATION, Choice.of(context).environment))
    rules = _content(folder / IGNORE)
    deeds = [
        Deed(CONFIGURATION, "left alone", "pyproject.toml has [tool.secretsource]")
        if in_project
        else _write_new(folder / CONFIGURATION, configuration_text(app), "names the providers of the secrets"),
        _write_new(folder / EXAMPLE, example, "copy it to .env and fill it in"),
        _ignore_dotenv(folder / IGNORE, rules),
    ]
    if as_json:
        write_json([asdict(deed) for deed in deeds])
        return
    for deed in deeds:
        write_line(printable(f"{deed.action} {deed.file}: {deed.reason}"))


def _declared(file: Path, environment: str | None) -> Iterable[SecretConfig]:
    """Return the secrets of a configuration that exists already."""
    config = load_config(file, environment=environment) if file.exists() else None
    return () if config is None else config.secrets.values()


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None


def _ignore_dotenv(file: Path, rules: bytes | None) -> Deed:
    if rules is None:
        return _write_new(file, IGNORE_LINES.lstrip(), "keeps .env out of the repository")
    if ignores_dotenv(rules):
        return Deed(IGNORE, "left alone", "it ignores .env already")
    with file.open("ab") as opened:
        opened.write((b"" if not rules or rules.endswith(b"\n") else b"\n") + IGNORE_LINES.encode())
    return Deed(IGNORE, "added to", "it ignores .env from now on")


def _write_new(file: Path, text: str, purpose: str) -> Deed:
    """Write a new file; a file that appears meanwhile is not overwritten either."""
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        return Deed(file.name, "left alone", "it exists")
    return Deed(file.name, "wrote", purpose)
