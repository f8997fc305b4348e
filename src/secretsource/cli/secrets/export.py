"""``secretsource export``: write the values of secrets for a program that ``secretsource run`` cannot start."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from secretsource.cli._arguments.choice import Choice, declared_secrets
from secretsource.cli._arguments.options import AllDeclared, declared_names
from secretsource.cli._dotenv_safety import dotenv_warnings
from secretsource.cli._terminal.output import is_terminal, say, warn
from secretsource.cli._terminal.private_file import is_file, opened
from secretsource.cli._terminal.value import encoded
from secretsource.cli.secrets._formats import FORMATS, exported, name_problem, value_problem
from secretsource.cli.secrets._gathering import all_of
from secretsource.exceptions import ProviderResponseError
from secretsource.providers.base import FailureCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from secretsource import Secret

__all__ = ["export_secrets"]


def formats(incomplete: str) -> list[str]:
    """Complete the name of a format."""
    return [form for form in FORMATS if form.startswith(incomplete)]


def export_secrets(
    context: typer.Context,
    form: Annotated[
        str,
        typer.Option("--format", metavar="dotenv|shell|json", help="The form of the output.", autocompletion=formats),
    ],
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="The secrets.", autocompletion=declared_names)
    ] = None,
    all_declared: AllDeclared = False,
    out: Annotated[
        str | None,
        typer.Option(
            "--out", metavar="FILE", help="A new file that only you may read (0600), or - for standard output."
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file of --out.")] = False,
) -> None:
    """Write the values of secrets, for a program that run cannot start.

    The format dotenv is for readers of .env files, shell for the eval of a POSIX shell, and json is one object.
    Binary values are base64. A terminal shows the values with --out - only.

    Nothing is written if a secret is missing that you name, or that the configuration requires, or if the format
    cannot hold a value. An optional secret may be missing.
    """
    choice = Choice.of(context)
    needs = _wanted(context, choice, form, names or [], all_declared)
    if out is None and is_terminal():
        raise typer.BadParameter("an export shows values: add  --out FILE, or  --out -  to see them here", ctx=context)
    if overwrite and not is_file(out):
        raise typer.BadParameter("--overwrite replaces the file that --out names: add  --out FILE", ctx=context)
    with choice.resolver() as resolver:
        secrets = all_of(resolver, needs)
        text = exported(form, _values(form, needs, secrets))
        with opened(out, overwrite=overwrite) as put:  # not before: the new file may be one that the chain reads
            put(text.encode())
        resolver.close(revoke=False)  # a leased secret must still work when its reader uses it
    _tell(needs, secrets, out)


def _wanted(
    context: typer.Context, choice: Choice, form: str, names: Sequence[str], all_declared: bool
) -> Mapping[str, bool]:
    """Return the names, each once, and whether each is required."""
    if form not in FORMATS:
        raise typer.BadParameter("--format must be dotenv, shell or json", ctx=context)
    if all_declared == bool(names):
        raise typer.BadParameter("name the secrets, or give --all-declared", ctx=context)
    needs = dict.fromkeys(names, True)
    if all_declared:
        declared = declared_secrets(choice, choice.config(), purpose="to export")
        needs = {name: secret.required for name, secret in declared.items()}
    for name in needs:
        if problem := name_problem(form, name):
            raise typer.BadParameter(problem, ctx=context)
    return needs


def _values(form: str, needs: Iterable[str], secrets: Mapping[str, Secret]) -> Mapping[str, str]:
    """Return the value of each secret that is there, in the order of the names."""
    return {name: _fit(form, secrets[name]) for name in needs if name in secrets}


def _fit(form: str, secret: Secret) -> str:
    """Return the value as the format has it.

    Raises:
        ProviderResponseError: The format cannot hold it.
    """
    text = encoded(secret).decode()
    problem = value_problem(form, text)
    if not problem:
        return text
    raise ProviderResponseError(
        f"the value of secret {secret.name!r} from provider {secret.provider!r} {problem}: use  --format json",
        name=secret.name,
        provider=secret.provider,
        code=FailureCode.MALFORMED,
    )


def _tell(needs: Mapping[str, bool], secrets: Mapping[str, Secret], out: str | None) -> None:
    """Say what the output cannot: which secrets it lacks, and which are binary; and how safe the file is."""
    lacking = [name for name in needs if name not in secrets]
    if lacking:
        say("note", f"left out, because they are optional and not there: {', '.join(lacking)}")
    binary = [name for name in needs if name in secrets and secrets[name].is_binary]
    if binary:
        say("note", f"written as base64, because they are binary: {', '.join(binary)}")
    if out is not None and is_file(out):
        count = len(secrets)
        say("note", f"{count} {'secret was' if count == 1 else 'secrets were'} exported, into {out!r}")
        for warning in dotenv_warnings(Path(out)):
            warn(warning)
