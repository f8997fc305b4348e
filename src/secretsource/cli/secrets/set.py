"""``secretsource set NAME``: store a value that comes from a prompt or standard input; show no value."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from secretsource.cli._arguments.choice import Choice, sites
from secretsource.cli._arguments.options import BareName, Json, provider_names
from secretsource.cli._dotenv_safety import dotenv_warnings
from secretsource.cli._terminal.output import printable, say, warn, write_json, write_line
from secretsource.cli._terminal.sentence import for_a_person, with_site
from secretsource.cli.secrets._presented import presented_value
from secretsource.cli.secrets._writing import Content, exit_code, octets, opened, planned, writable, written
from secretsource.exceptions import ConfigurationError, ResolveError
from secretsource.providers.base import Failed, Found

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secretsource import ProviderHandle, Resolver
    from secretsource.cli.secrets._writing import Item

__all__ = ["set_secret"]

FOUND = "found"


def set_secret(
    context: typer.Context,
    name: BareName,
    target: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="PROVIDER",
            help="Where to store it: a name or a URL. [default: the first that can be written to]",
            autocompletion=provider_names,
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a different value.")] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Take standard input as it is, with the line end at its end.")
    ] = False,
    allow_empty: Annotated[bool, typer.Option("--allow-empty", help="Store an empty value, too.")] = False,
    as_json: Json = False,
) -> None:
    """Store the value of one secret, without showing it.

    The value is typed at a prompt, or read from standard input: secretsource set NAME < FILE. One line end at the end
    of a text is left out, because get adds one; bytes that are not UTF-8 stay as they are. A value is never an
    argument, because other users can see those.

    The output shows the place of the secret. A different value stays there without --overwrite. A warning says if
    the application still gets another value, from a provider that is asked before.
    """
    _refuse_values(context, name)
    choice = Choice.of(context)
    with ExitStack() as resources:
        resolver = resources.enter_context(choice.resolver())
        chain = {provider.name: provider for provider in resolver.providers()}
        goal = _goal(choice, chain, target, resources)
        there = Content.of(goal, name, to_fill=True)
        _note_undeclared(choice, name)
        value: str | bytes = ""
        if there.where and not isinstance(there.outcome, Failed):  # else it stops, whatever the value is
            place = with_site(there.where, goal.site)
            value = presented_value(name, place, raw=raw, may_be_empty=allow_empty)
        given = Content("", Found(value))
        item = written(goal, planned(name, given, there, may_replace=overwrite, remedy="--overwrite"))
        warnings = [] if item.stops else _warnings(goal)
        if not item.stops and chain.get(goal.name) is goal:
            warnings += _losses(resolver, goal, name, value)
        _show(item, goal, warnings, as_json=as_json)
    raise typer.Exit(exit_code([item]))


def _refuse_values(context: typer.Context, name: str) -> None:
    """Refuse what may be a value, without quoting it: more arguments, unknown options, and ``NAME=value``."""
    if context.args or name.startswith("-") or "=" in name.partition("://")[0]:
        raise typer.BadParameter(
            "set takes one NAME and its options, and no value, because other users can see arguments: "
            "type the value at the prompt, or give it on standard input, as in  secretsource set NAME < FILE",
            ctx=context,
        )
    if "://" in name:
        raise typer.BadParameter("a secret is named by its bare name here, and not by a reference", ctx=context)


def _goal(
    choice: Choice, chain: Mapping[str, ProviderHandle], target: str | None, resources: ExitStack
) -> ProviderHandle:
    """Return the provider to write to: the one that was named, else the first of the chain that can be written to."""
    if target is not None:
        return writable(opened(choice, chain, target, resources))
    for provider in chain.values():
        if provider.writable:
            return provider
    names = ", ".join(map(repr, chain))
    raise ConfigurationError(f"no provider of this environment ({names}) can be written to: name another one with --to")


def _note_undeclared(choice: Choice, name: str) -> None:
    """Say that nothing will ask for this name: it may be misspelt."""
    config = choice.config()
    if config is not None and config.secrets and name not in config.secrets:
        say("note", f"{config.file} does not declare {name!r}, so check and run leave it out")


def _warnings(goal: ProviderHandle) -> list[str]:
    """Return what is unsafe about the file that was written, if it is a ``.env`` file."""
    return dotenv_warnings(Path(goal.site)) if goal.scheme == "dotenv" and goal.site else []


def _losses(resolver: Resolver, goal: ProviderHandle, name: str, value: str | bytes) -> list[str]:
    """Return why the application does not get what was stored: ask as it does."""
    try:
        is_same = resolver.get(name).as_bytes() == octets(value)
    except ResolveError as error:
        return [for_a_person(f"the value is stored, but get would fail: {error}")]
    answer = next((step for step in resolver.explain(name).steps if step.outcome == FOUND), None)
    if is_same or answer is None or answer.provider == goal.name:
        return []
    place = with_site(answer.reference, sites(resolver).get(answer.provider, ""))
    return [
        f"{name} still comes from {place}, with another value: "
        f"provider {answer.provider!r} is asked before {goal.name!r}"
    ]


def _show(item: Item, goal: ProviderHandle, warnings: Sequence[str], *, as_json: bool) -> None:
    """Show the place and the result."""
    if as_json:
        document = {"ok": not item.stops, "name": item.name, "action": item.action, "provider": goal.name}
        where = {"where": item.target.where or None, "site": goal.site or None, "reason": item.reason or None}
        write_json({**document, **where, "warnings": list(warnings)})
        return
    if item.stops:
        say("error", f"secret {item.name!r} was not stored at provider {goal.name!r}: {item.reason}")
    else:
        write_line(printable(f"{item.name}: {item.action} at {with_site(item.target.where, goal.site)}"))
    for sentence in warnings:
        warn(sentence)
