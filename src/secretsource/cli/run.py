"""``secretsource run -- CMD…``: start a command with the declared secrets in its environment.

On POSIX the command takes the place of this process (exec), so signals, the exit code and the process id are its own.
The secrets go into the new environment only, never into an argument, and never into the environment of this process.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from secretsource.cli._exit_codes import NOT_A_COMMAND, NOT_EXECUTABLE
from secretsource.cli._options import declared_names
from secretsource.cli._output import say
from secretsource.cli._value import encoded_for_environment
from secretsource.cli._wiring import Wiring, declared_secrets
from secretsource.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from secretsource import Resolver, Secret

__all__ = ["run"]


def run(
    context: typer.Context,
    command: Annotated[list[str], typer.Argument(metavar="-- CMD...", help="The command and its arguments.")],
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="NAME",
            help="Give it this secret instead of the declared ones; repeatable, or several with commas.",
            autocompletion=declared_names,
        ),
    ] = None,
) -> None:
    """Run a command with the declared secrets.

    They are in its environment only. Nothing is executed when a required secret cannot be had. A declared secret with
    required = false is left out when it is not there; one that --only names is required. Binary values are given as
    base64.
    """
    wiring = Wiring.of(context)
    names = _wanted(wiring, only)
    with wiring.resolver() as resolver:
        secrets = _all_of(resolver, names)
    added = {name: encoded_for_environment(secret) for name, secret in secrets.items()}
    problem = _become(command, added)
    del secrets, added
    say("error", f"cannot run {command[0]!r}: {problem.strerror}")
    raise typer.Exit(NOT_A_COMMAND if isinstance(problem, FileNotFoundError) else NOT_EXECUTABLE)


def _wanted(wiring: Wiring, only: Sequence[str] | None) -> Mapping[str, bool]:
    """The names of the variables to set, and whether each is required."""
    if only:
        names = dict.fromkeys((name for word in only for name in word.split(",")), True)
    else:
        declared = declared_secrets(wiring.config(), purpose="to give to the command")
        names = {name: secret.required for name, secret in declared.items()}
    for name in names:
        if "=" in name or "://" in name:
            raise ConfigurationError(f"no variable can be called {name!r}: use a name without '=' and '://'")
    return names


def _all_of(resolver: Resolver, names: Mapping[str, bool]) -> dict[str, Secret]:
    """Every secret that is there; those that are required and not there are named in one error."""
    asked = resolver.get_many(names, default=None)
    found = {name: secret for name, secret in asked.items() if secret is not None}
    missing = [name for name, required in names.items() if required and name not in found]
    return found | resolver.get_many(missing)


def _become(command: Sequence[str], added: Mapping[str, bytes]) -> OSError:
    """Let the command take the place of this process; returns only when that cannot be done."""
    try:
        if sys.platform == "win32":  # pragma: no cover - there is no exec: wait for the command, and end as it does
            texts = {name: value.decode() for name, value in added.items()}
            sys.exit(subprocess.run(command, env={**os.environ, **texts}, check=False).returncode)  # noqa: S603 - as below
        # As bytes, because the locale of this process may lack characters of the value.
        environment = dict(os.environb) | {os.fsencode(name): value for name, value in added.items()}
        with _default_signals():
            os.execvpe(command[0], list(command), environment)  # noqa: S606 - this is what `run` is for
    except OSError as error:
        return error.with_traceback(None)


@contextmanager
def _default_signals() -> Generator[None]:
    """Ignore nothing meanwhile: what Python ignores for itself stays so over exec, and a pipeline would not end."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGPIPE, signal.SIGXFSZ)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
