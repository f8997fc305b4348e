"""``secretsource serve``: start the service, make what it needs, or check that it could start."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from secretsource.cli._arguments.choice import Choice
from secretsource.cli._terminal.output import say, write_line
from secretsource.exceptions import ConfigurationError

__all__ = ["serve"]

NEEDED = ("fastapi", "uvicorn", "prometheus_client", "cryptography")


def serve(
    context: typer.Context,
    init: Annotated[
        bool, typer.Option("--init", help="Make a pepper, a store and the first root key, and exit.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Check that the service could start, and exit.")] = False,
    host: Annotated[str | None, typer.Option("--host", metavar="ADDRESS", help="The address to listen at.")] = None,
    port: Annotated[
        int | None, typer.Option("--port", metavar="N", min=0, max=65535, help="The port, 0 to 65535.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", min=1, max=64, help="How many processes serve, 1 to 64.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="With --init: write the root key to a new file (0600)."),
    ] = None,
) -> None:
    """Serve the API that issues, manages and checks keys, and answers gateways.

    The table [server] of the configuration has its settings. SIGTERM and Ctrl-C stop it when it has answered what it
    has begun. SIGHUP reads the settings again.
    """
    _refuse_missing_packages()
    if init and check:
        raise typer.BadParameter("give --init or --check, not both")
    _choose(Choice.of(context))
    from secretsource.server.opening import load_settings

    settings = load_settings()
    settings = replace(
        settings,
        host=settings.host if host is None else host,
        port=settings.port if port is None else port,
        workers=settings.workers if workers is None else workers,
    )
    if init:
        from secretsource.cli.serve.founding import found

        found(context, settings, out)
        return
    from secretsource.cli.serve.checking import check_service

    asyncio.run(check_service(settings))
    if check:
        write_line("the service could start: its settings, its store, its pepper and its root key are there")
        return
    from secretsource.server.process import bound_socket, run

    with bound_socket(settings.host, settings.port) as listening:
        run(settings, listening, lambda url: say("serving", f"{url}, with its documentation at {url}/docs"))


def _refuse_missing_packages() -> None:
    missing = next((name for name in NEEDED if find_spec(name) is None), None)
    if missing is not None:
        raise ConfigurationError(f"the service needs the package {missing}: run  pip install 'secretsource[server]'")


def _choose(choice: Choice) -> None:
    """Let this process, and those that it starts, use the chosen configuration."""
    from secretsource import configure

    if choice.path is not None:
        os.environ["SECRETSOURCE_CONFIG"] = str(choice.path.absolute())
    if choice.environment is not None:
        os.environ["SECRETSOURCE_ENV"] = choice.environment
    configure()
