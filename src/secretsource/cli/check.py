"""``secretsource check``: whether every declared secret can be had, and where; never its value."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import typer

from secretsource.cli._checked_secrets import FOUND, NOT_FOUND, CheckedSecret, counted, exit_code, grouped, totals
from secretsource.cli._choice import Choice, declared_secrets, sites
from secretsource.cli._dotenv_safety import dotenv_files, dotenv_warnings
from secretsource.cli._in_force import InForce
from secretsource.cli._options import Json
from secretsource.cli._output import say, show_table, warn, write_json
from secretsource.cli._sentence import with_site
from secretsource.exceptions import ResolveError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secretsource import Resolver
    from secretsource.config import SecretConfig

__all__ = ["check"]

COLUMNS = ("name", "required", "outcome", "provider", "version", "served", "where")

THREADS = 8
"""How many secrets are asked for at a time."""


def check(context: typer.Context, as_json: Json = False) -> None:
    """Check every declared secret, without showing a value.

    Shows which provider has it, and where; for one that is not there, where it was looked for. Fails when a required
    secret cannot be had. An optional one (required = false) may be missing, or be kept by a provider that is down;
    it fails the check when a provider refuses it, or holds it in a form that cannot be read.

    Warns when a required secret is empty, and when the .env file is tracked by git, not ignored by it, or open to
    other users of the machine. Says which configuration file is in force, and ends with one line of totals.
    """
    choice = Choice.of(context)
    in_force = InForce.of(choice)
    secrets = declared_secrets(in_force.config, purpose="to check")
    if not as_json:
        in_force.tell()
    with choice.resolver() as resolver:
        checked = _check_all(resolver, secrets)
    warnings = [
        *_warnings(checked),
        *(text for file in dotenv_files(in_force.config) for text in dotenv_warnings(file)),
    ]
    code = exit_code(checked)
    if as_json:
        document = [one.described() for one in checked]
        verdict = {"ok": code == 0, "configuration": in_force.described(), "secrets": document}
        write_json({**verdict, "totals": counted(checked), "warnings": warnings})
    else:
        show_table(COLUMNS, [one.row() for one in checked])
        for sentence in grouped(one for one in checked if not one.fine):
            say("error", sentence)
        for warning in warnings:
            warn(warning)
        say("total", totals(checked))
    raise typer.Exit(code)


def _check_all(resolver: Resolver, secrets: Mapping[str, SecretConfig]) -> Sequence[CheckedSecret]:
    """One one per secret: asked for in batches where a provider has them, then each for its own trace."""
    with suppress(ResolveError):  # the traces say which, and why
        resolver.get_many(secrets, default=None)
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(partial(_check_one, resolver, sites(resolver)), secrets.values()))


def _check_one(resolver: Resolver, places: Mapping[str, str], secret: SecretConfig) -> CheckedSecret:
    trace = resolver.explain(secret.name)
    is_empty = False
    if trace.outcome == FOUND:
        with suppress(ResolveError):  # gone since: what the trace says stands
            is_empty = not resolver.get(secret.name).as_bytes()
    return CheckedSecret(secret, trace, is_empty, places)


def _warnings(checked: Sequence[CheckedSecret]) -> list[str]:
    """What does not fail the check: required secrets that are empty, and optional ones that could not be asked for."""
    empty = [
        f"required secret {one.secret.name!r} is empty at "
        f"{with_site(one.trace.steps[-1].reference, one.sites.get(one.trace.steps[-1].provider, ''))}: "
        'set it, or let an empty one be absent with  empty = "absent"'
        for one in checked
        if one.is_empty and one.secret.required
    ]
    overlooked = [one for one in checked if one.fine and one.trace.outcome not in {FOUND, NOT_FOUND}]
    return [*empty, *(f"{sentence} (optional, so the check goes on)" for sentence in grouped(overlooked))]
