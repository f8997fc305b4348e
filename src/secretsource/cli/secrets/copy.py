"""``secretsource copy --from dotenv --to aws NAME``: bring secrets from one provider to another; show no value."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from secretsource.cli._arguments.choice import Choice, declared_secrets
from secretsource.cli._arguments.options import AllDeclared, Json, declared_names, provider_names
from secretsource.cli._terminal.output import say, show_table, write_json
from secretsource.cli.secrets._writing import COLUMNS, DONE, Content, exit_code, opened, planned, writable, written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsource.cli.secrets._writing import Item

__all__ = ["copy"]


def copy(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="PROVIDER",
            help="Where the secrets are: a name or a URL.",
            autocompletion=provider_names,
        ),
    ],
    target: Annotated[
        str,
        typer.Option(
            "--to", metavar="PROVIDER", help="Where they are to be: a name or a URL.", autocompletion=provider_names
        ),
    ],
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="The secrets.", autocompletion=declared_names)
    ] = None,
    all_declared: AllDeclared = False,
    apply: Annotated[bool, typer.Option("--apply", help="Write. Without it, only show what would be done.")] = False,
    overwrite: Annotated[
        list[str] | None,
        typer.Option("--overwrite", metavar="NAME", help="Replace a different value of this name; may be repeated."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Copy secrets from one provider to another, without showing a value.

    The output shows for each name whether it would be created, is the same already, or is different; --apply writes.
    Nothing is written while one of the names stops the copy: its value is different and --overwrite does not name it,
    or it cannot be read.
    """
    choice = Choice.of(context)
    wanted = _wanted(context, choice, names or [], all_declared)
    _check_overwrite(context, overwrite or [], wanted)
    with ExitStack() as resources:
        known = {provider.name: provider for provider in resources.enter_context(choice.resolver()).providers()}
        origin, goal = (opened(choice, known, word, resources) for word in (source, target))
        if origin is goal or source == target:
            raise typer.BadParameter("--from and --to are the same provider", ctx=context)
        writable(goal)
        items = [
            planned(
                name,
                Content.of(origin, name),
                Content.of(goal, name, to_fill=True),
                may_replace=name in (overwrite or []),
                remedy=f"--overwrite {name}",
            )
            for name in wanted
        ]
        if apply and not any(item.stops for item in items):
            items = [written(goal, item) for item in items]
    _show(items, applied=apply, as_json=as_json)
    raise typer.Exit(exit_code(items))


def _wanted(context: typer.Context, choice: Choice, names: Sequence[str], all_declared: bool) -> list[str]:
    """Return the names, each once."""
    if all_declared == bool(names):
        raise typer.BadParameter("name the secrets, or give --all-declared", ctx=context)
    if any("://" in name for name in names):
        raise typer.BadParameter("a secret is named by its bare name here, and not by a reference", ctx=context)
    return list(dict.fromkeys(declared_secrets(choice, choice.config(), purpose="to copy") if all_declared else names))


def _check_overwrite(context: typer.Context, overwrite: Sequence[str], wanted: Sequence[str]) -> None:
    """Refuse a misspelt name: it would leave a value that was meant to be replaced."""
    stray = sorted(set(overwrite) - set(wanted))
    if stray:
        raise typer.BadParameter(f"--overwrite {stray[0]}: that is not among the names to copy", ctx=context)


def _show(items: Sequence[Item], *, applied: bool, as_json: bool) -> None:
    stopped = [item for item in items if item.stops]
    wrote = any(item.action in DONE.values() for item in items)
    if as_json:
        write_json({"ok": not stopped, "applied": wrote, "secrets": [item.described() for item in items]})
        return
    show_table(COLUMNS, [item.row() for item in items])
    for item in stopped:
        say("error", f"secret {item.name!r} stops the copy: {item.reason}")
    if stopped and applied:
        say("note", "some were written, and some not" if wrote else "nothing was written")
    elif not stopped and not applied and any(item.action in DONE for item in items):
        say("note", "nothing was written: add  --apply  to do it")
