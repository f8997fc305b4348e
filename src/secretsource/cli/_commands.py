"""The commands, each in a file of its own, and the options that stand before them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from secretsource.cli._choice import Choice
from secretsource.cli._front import Front
from secretsource.cli._output import write_line
from secretsource.cli.check import check
from secretsource.cli.copy import copy
from secretsource.cli.demo import demo
from secretsource.cli.doctor import doctor
from secretsource.cli.explain import explain
from secretsource.cli.get import get
from secretsource.cli.init import init
from secretsource.cli.keys import keys
from secretsource.cli.run import run

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

app = typer.Typer(
    name="secretsource",
    cls=Front,
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
        str | None, typer.Option("--env", metavar="ENVIRONMENT", help="Which environment of the configuration.")
    ] = None,
    version: Annotated[  # noqa: ARG001 - its callback does it
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version.")
    ] = False,
) -> None:
    """Note what all commands go by; without a command, show them."""
    context.obj = Choice(config, environment)
    if context.invoked_subcommand is None:
        write_line(context.get_help())


app.command()(get)
# Options after the first word are the command's own, with or without "--" before it.
app.command(context_settings={"allow_interspersed_args": False})(run)
app.command()(check)
app.command()(explain)
app.command()(doctor)
app.command()(copy)
app.command()(init)
app.add_typer(keys)
app.command()(demo)
