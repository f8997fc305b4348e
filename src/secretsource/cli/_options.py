"""Arguments and options that several commands share, and how a shell completes them."""

from __future__ import annotations

from typing import Annotated

import typer

from secretsource.config import load_config
from secretsource.exceptions import SecretSourceError

__all__ = ["Field", "Json", "Name", "declared_names"]


def declared_names(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """The declared secrets that begin as typed, each with its description; none when the configuration is wrong."""
    given = context.find_root().params
    try:
        config = load_config(given.get("config"), environment=given.get("environment"))
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

Field = Annotated[
    str | None, typer.Option("--field", metavar="F", help="A field of the JSON document that the value is.")
]

Json = Annotated[bool, typer.Option("--json", help="Write one JSON document.")]
