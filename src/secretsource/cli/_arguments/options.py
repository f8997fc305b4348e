"""Arguments and options that several commands share, with their completion."""

from __future__ import annotations

from typing import Annotated

import typer

from secretsource.cli._arguments.choice import Choice
from secretsource.exceptions import SecretSourceError

__all__ = ["Field", "Json", "Name", "declared_names"]


def declared_names(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Complete the name of a declared secret, with its description; a wrong configuration completes nothing."""
    given = context.find_root().params
    try:
        config = Choice(given.get("config"), given.get("environment")).config()
    except SecretSourceError:
        config = None
    secrets = {} if config is None else config.secrets
    return [(name, secret.description) for name, secret in secrets.items() if name.startswith(incomplete)]


Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="A secret's name, or a reference such as aws://payments/stripe#secret_key.",
        autocompletion=declared_names,
    ),
]

Field = Annotated[str | None, typer.Option("--field", metavar="F", help="A field of a value that is a JSON document.")]

Json = Annotated[bool, typer.Option("--json", help="Write one JSON document.")]
