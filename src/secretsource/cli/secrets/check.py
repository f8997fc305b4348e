"""``secretsource check``: check every declared secret; never show a value."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import typer

from secretsource.cli._arguments.choice import Choice, declared_secrets, sites
from secretsource.cli._arguments.options import Json
from secretsource.cli._dotenv_safety import dotenv_files, dotenv_warnings
from secretsource.cli._in_force import InForce
from secretsource.cli._terminal.output import say, show_table, warn, write_json
from secretsource.cli._terminal.sentence import with_site
from secretsource.cli.secrets._checked_secrets import (
    FOUND,
    NOT_FOUND,
    CheckedSecret,
    counted,
    exit_code,
    grouped,
    totals,
)
from secretsource.exceptions import ResolveError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secretsource import Resolver
    from secretsource.config import SecretConfig

__all__ = ["check"]

COLUMNS = ("name", "required", "outcome", "provider", "version", "served", "where")

THREADS = 8
"""How many secrets to look up at a time."""


def check(context: typer.Context, as_json: Json = False) -> None:
    """Check every declared secret, without showing a value.

    The table shows the provider and place of each secret, and for a missing secret every place that was asked. The
    check fails when a required secret is not available. An optional secret (required = false) may be missing, and its
    provider may be down. It fails the check when a provider denies it, or has it in an unreadable form.

    A warning says when a required secret is empty, and when git tracks the .env file, when git does not ignore it, or
    when other users may read it. The output also names the configuration file in force, and ends with the totals.
    """
    choice = Choice.of(context)
    in_force = InForce.of(choice)
    secrets = declared_secrets(choice, in_force.config, purpose="to check")
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
    """Look up all secrets in batches, where the providers have batches, then each one for its trace."""
    with suppress(ResolveError):  # the traces tell the secret and the reason
        resolver.get_many(secrets, default=None)
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(partial(_check_one, resolver, sites(resolver)), secrets.values()))


def _check_one(resolver: Resolver, places: Mapping[str, str], secret: SecretConfig) -> CheckedSecret:
    trace = resolver.explain(secret.name)
    is_empty = False
    if trace.outcome == FOUND:
        with suppress(ResolveError):  # it is gone since; the trace stands
            is_empty = not resolver.get(secret.name).as_bytes()
    return CheckedSecret(secret, trace, is_empty, places)


def _warnings(checked: Sequence[CheckedSecret]) -> list[str]:
    """Warn of required secrets that are empty, and of optional ones whose provider did not answer."""
    empty = [
        f"required secret {one.secret.name!r} is empty at "
        f"{with_site(one.trace.steps[-1].reference, one.sites.get(one.trace.steps[-1].provider, ''))}: "
        'set it, or let an empty value count as absent with  empty = "absent"'
        for one in checked
        if one.is_empty and one.secret.required
    ]
    overlooked = [one for one in checked if one.fine and one.trace.outcome not in {FOUND, NOT_FOUND}]
    return [*empty, *(f"{sentence} (optional, so the check passes)" for sentence in grouped(overlooked))]
