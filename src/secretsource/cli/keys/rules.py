"""``secretsource keys rules``: write the rules by which scanners find keys in code and logs."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from secretsource.cli._arguments.options import Json
from secretsource.cli._terminal.output import write, write_json, write_line

__all__ = ["rules"]


class Scanner(StrEnum):
    """The scanner to write a rule for."""

    GITLEAKS = "gitleaks"
    GITHUB = "github"


def rules(
    scanner: Annotated[Scanner, typer.Option("--for", help="The scanner.")] = Scanner.GITLEAKS,
    prefix: Annotated[
        list[str] | None, typer.Option("--prefix", metavar="P", help="Only this prefix; repeatable.")
    ] = None,
    environment: Annotated[
        list[str] | None,
        typer.Option("--environment", metavar="E", help="Only this environment; repeatable."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the rule by which a scanner finds keys.

    For gitleaks, this is a table for .gitleaks.toml; for GitHub, the fields of a custom pattern of secret scanning.
    With --json, it is both.
    """
    from secretsource.issuing import KeyFormat

    found = KeyFormat(prefixes=prefix or (), environments=environment or ()).rules()
    if as_json:
        write_json({"gitleaks": found.gitleaks, "github": found.github._asdict()})
    elif scanner is Scanner.GITLEAKS:
        write(found.gitleaks)
    else:
        for field, value in found.github._asdict().items():
            write_line(f"{field.replace('_', ' ')}: {value}")
