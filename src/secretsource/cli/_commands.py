"""The table of the commands, each in a file of its own, and the options that stand before them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

import typer

from secretsource.cli._arguments.choice import Choice
from secretsource.cli._arguments.verbs import Verb, VerbGroup
from secretsource.cli._terminal.front import Front
from secretsource.cli._terminal.output import write_line

__all__ = ["app"]

HELP = (
    "Get the secrets an application needs from wherever they are kept: environment, .env, files, AWS and more; "
    "and issue API keys to your own customers."
)

EXIT_CODES = (
    "Exit codes: 0 done · 1 a secret or a key is missing or denied · 2 a mistake in the arguments, the configuration "
    "or what is stored · 3 a provider or a store could not be asked, try again later · 4 some rows of an import were "
    "rejected · 130 interrupted."
)


class Commands(VerbGroup, Front):
    """All commands."""

    table: ClassVar = {
        "get": Verb("secretsource.cli.secrets.get:get", "Write the value of one secret to standard output."),
        # An unknown option may be a value that was meant to be stored: the command refuses it without quoting it.
        "set": Verb(
            "secretsource.cli.secrets.set:set_secret",
            "Store the value of one secret, without showing it.",
            {"allow_extra_args": True, "ignore_unknown_options": True},
        ),
        "list": Verb(
            "secretsource.cli.secrets.list:list_secrets", "Show which secrets are declared, and where each may be."
        ),
        # Options after the first word belong to the started command, with or without "--" before it.
        "run": Verb(
            "secretsource.cli.secrets.run:run",
            "Run a command with the declared secrets.",
            {"allow_interspersed_args": False},
        ),
        "export": Verb(
            "secretsource.cli.secrets.export:export_secrets",
            "Write the values of secrets, for a program that run cannot start.",
        ),
        "check": Verb("secretsource.cli.secrets.check:check", "Check every declared secret, without showing a value."),
        "explain": Verb("secretsource.cli.secrets.explain:explain", "Show which provider answers for a name, and why."),
        "doctor": Verb(
            "secretsource.cli.secrets.doctor:doctor", "Connect to each configured provider, without showing a value."
        ),
        "copy": Verb(
            "secretsource.cli.secrets.copy:copy", "Copy secrets from one provider to another, without showing a value."
        ),
        "init": Verb("secretsource.cli.init:init", "Write the files of a project that uses secrets."),
        "keys": Verb("secretsource.cli.keys:keys", "Issue API keys, check them, and look after them."),
        "owners": Verb("secretsource.cli.owners:owners", "Register owners, put them on plans, and suspend them."),
        "plans": Verb("secretsource.cli.plans:plans", "Make plans: limits and bounds that all keys of an owner share."),
        "serve": Verb(
            "secretsource.cli.serve.verb:serve",
            "Serve the API that issues, manages and checks keys, and answers gateways.",
        ),
        "demo": Verb("secretsource.cli.demo:demo", "Show the whole library at work, on this machine alone."),
    }


app = typer.Typer(
    name="secretsource",
    cls=Commands,
    help=HELP,
    epilog=EXIT_CODES,
    # Plain help reads the same on a terminal and in a pipe; a pretty traceback would show the values of variables.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from secretsource import __version__

        write_line(f"secretsource {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def choose(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="PATH", help="The configuration file. [default: the nearest one]"),
    ] = None,
    environment: Annotated[
        str | None, typer.Option("--env", metavar="ENVIRONMENT", help="The environment of the configuration.")
    ] = None,
    version: Annotated[  # noqa: ARG001 - its callback does it
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version.")
    ] = False,
) -> None:
    """Note the options for all commands; without a command, show the help."""
    context.obj = Choice(config, environment)
    if context.invoked_subcommand is None:
        write_line(context.get_help())
