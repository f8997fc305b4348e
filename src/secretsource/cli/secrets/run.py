"""``secretsource run -- CMD…``: start a command with the declared secrets in its environment.

On POSIX the command takes the place of this process (exec), so signals, the exit code and the process id are its own.
A leased secret ends when its lease is not renewed: with leases, this process stays, renews them, and revokes them when
the command has ended.
The secrets go into the new environment only, never into an argument or into the environment of this process.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from secretsource.cli._arguments.choice import Choice, declared_secrets
from secretsource.cli._arguments.options import declared_names
from secretsource.cli._terminal.exit_codes import NOT_A_COMMAND, NOT_EXECUTABLE
from secretsource.cli._terminal.output import say
from secretsource.cli._terminal.value import encoded_for_environment
from secretsource.cli.secrets._gathering import all_of
from secretsource.cli.secrets._supervision import end_as, supervised
from secretsource.cli.secrets._surroundings import inherited, own_credentials
from secretsource.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence

    from secretsource import ProviderHandle, Resolver

__all__ = ["run"]

PATIENCE = 5.0
"""Seconds that a provider may take to say that it holds a lease, before the command starts."""


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
    clean: Annotated[
        bool, typer.Option("--clean", help="Keep the providers' own credentials, such as VAULT_TOKEN, from it.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Say which of the providers' own credentials it inherits.")
    ] = False,
) -> None:
    """Run a command with the declared secrets.

    The secrets are in the environment of the command only. The command does not start without a required secret. A
    secret with required = false may be missing: then the command has no variable of its name. A secret that --only
    names is required. Binary values are base64. The lease of a secret is renewed while the command runs, and revoked
    when it ends.
    """
    choice = Choice.of(context)
    names = _wanted(choice, only)
    with choice.resolver() as resolver:
        secrets = all_of(resolver, names)
        environment = _surroundings(choice, resolver, clean=clean, verbose=verbose)
        for name in names.keys() - secrets.keys():  # the chain says that it is not there: an inherited value is older
            environment.pop(os.fsencode(name), None)
        environment |= {os.fsencode(name): encoded_for_environment(secret) for name, secret in secrets.items()}
        ended = _supervised(command, environment, _holders(resolver))
    if isinstance(ended, int):
        raise typer.Exit(end_as(ended))
    problem = ended or _become(command, environment)
    reason = _too_long(secrets, environment) if problem.errno == errno.E2BIG else problem.strerror
    del secrets, environment
    say("error", f"cannot run {command[0]!r}: {reason}")
    raise typer.Exit(NOT_A_COMMAND if isinstance(problem, FileNotFoundError) else NOT_EXECUTABLE)


def _wanted(choice: Choice, only: Sequence[str] | None) -> Mapping[str, bool]:
    """Name the variables to set, and whether each is required."""
    if only:
        names = dict.fromkeys((name for word in only for name in word.split(",")), True)
    else:
        declared = declared_secrets(choice, choice.config(), purpose="to give to the command")
        names = {name: secret.required for name, secret in declared.items()}
    for name in names:
        if "=" in name or "://" in name:
            raise ConfigurationError(f"a variable must have a name without '=' and '://', not {name!r}")
    return names


def _surroundings(choice: Choice, resolver: Resolver, *, clean: bool, verbose: bool) -> dict[bytes, bytes]:
    """Make the environment that the command inherits."""
    variables = inherited()
    own = sorted(
        name for name in own_credentials(resolver.providers(), choice.config()) if os.fsencode(name) in variables
    )
    if clean:
        for name in own:
            del variables[os.fsencode(name)]
    if verbose:
        left = [] if clean else own
        say("note", f"the command inherits these credentials of the providers: {', '.join(left) or 'none'}")
    return variables


def _holders(resolver: Resolver) -> list[ProviderHandle]:
    """Find the providers that hold a lease on their secrets."""
    return [provider for provider in resolver.providers() if provider.renew(timeout=PATIENCE) is not None]


def _supervised(
    command: Sequence[str], environment: Mapping[bytes, bytes], holders: Sequence[ProviderHandle]
) -> int | OSError | None:
    """Run the command beside this process, where that is needed.

    Returns:
        Its exit code, the reason why it could not start, or None where it may take the place of this process.
    """
    if not holders and sys.platform != "win32":
        return None
    try:
        if sys.platform == "win32":  # pragma: no cover - there is no exec, and variables are text
            texts = {os.fsdecode(name): value.decode() for name, value in environment.items()}
            return supervised(command, texts, holders)
        return supervised(command, environment, holders)
    except OSError as error:
        return error.with_traceback(None)


def _too_long(secrets: Iterable[str], environment: Mapping[bytes, bytes]) -> str:
    """Return why an environment is too long, with the secret that is the longest in it."""
    lengths = {name: len(environment[os.fsencode(name)]) for name in secrets}
    longest = max(lengths, key=lengths.__getitem__, default=None)
    reason = "its arguments and its environment are too long for the operating system"
    if longest is None:
        return reason
    return f"{reason}; the longest secret is {longest!r} with {lengths[longest]} bytes: give it as a file"


def _become(command: Sequence[str], environment: Mapping[bytes, bytes]) -> OSError:
    """Let the command take the place of this process; return only when that fails."""
    try:
        with _default_signals():
            os.execvpe(command[0], list(command), environment)  # noqa: S606 - this is what `run` is for
    except OSError as error:
        return error.with_traceback(None)


@contextmanager
def _default_signals() -> Generator[None]:
    """Reset the signals that Python ignores: they stay ignored over exec, and a pipeline would not end."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGPIPE, signal.SIGXFSZ)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
