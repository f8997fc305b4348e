"""Arguments and options that several commands share, with their completion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from secretsource.cli._arguments.choice import Choice
from secretsource.exceptions import SecretSourceError

if TYPE_CHECKING:
    from secretsource.config import Config

__all__ = ["AllDeclared", "BareName", "Field", "Json", "Name", "declared_names", "provider_names"]


def declared_names(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Complete the name of a declared secret, with its description; a wrong configuration completes nothing."""
    config = _chosen_config(context)
    secrets = {} if config is None else config.secrets
    return [(name, secret.description) for name, secret in secrets.items() if name.startswith(incomplete)]


def provider_names(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Complete the name of a provider of the environment; a wrong configuration completes nothing."""
    config = _chosen_config(context)
    providers = () if config is None else config.providers
    return [(provider.name, "") for provider in providers if provider.name.startswith(incomplete)]


def _chosen_config(context: typer.Context) -> Config | None:
    """Load the configuration for a completion, where no error may be shown."""
    given = context.find_root().params
    try:
        return Choice(given.get("config"), given.get("environment")).config()
    except SecretSourceError:
        return None


Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="A secret's name, or a reference such as aws://payments/stripe#secret_key.",
        autocompletion=declared_names,
    ),
]

BareName = Annotated[str, typer.Argument(metavar="NAME", help="A secret's name.", autocompletion=declared_names)]

AllDeclared = Annotated[bool, typer.Option("--all-declared", help="Every secret that the configuration declares.")]

Field = Annotated[str | None, typer.Option("--field", metavar="F", help="A field of a value that is a JSON document.")]

Json = Annotated[bool, typer.Option("--json", help="Write one JSON document.")]
