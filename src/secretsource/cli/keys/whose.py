"""``secretsource keys whose``: read the owner of a key from the key alone."""

from __future__ import annotations

from typing import Annotated

import typer

from secretsource.cli._arguments.options import Json
from secretsource.cli._terminal.exit_codes import MISSING
from secretsource.cli._terminal.output import say, show_table, write_json
from secretsource.cli.keys._arguments.opening import open_keys
from secretsource.cli.keys._terminal.presented import presented_key

__all__ = ["whose"]


def whose(
    context: typer.Context,
    among: Annotated[
        list[str] | None,
        typer.Option("--among", metavar="NAME", help="An owner with a long name to compare with; repeatable."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Read the owner of a key from the key alone.

    Give the key, or its identifier of 22 characters, on standard input or at the prompt. The command needs the pepper,
    and asks no store. The key holds a number or a short name; a longer name is compared with those that you give.
    Whether the key is good is not checked. The exit code is 1 for a key that is not ours.
    """
    from secretsource.issuing.documents import owner_document

    text = presented_key()
    with open_keys(context, "memory://", peppered=True) as keys:
        owner = keys.whose(text, among or ())
    if as_json:
        write_json(owner_document(owner))
    elif owner is not None:
        show_table(("owner", "kind"), [(owner.name or "not among the given names", owner.kind.name.lower())])
    if owner is not None:
        return
    if not as_json:
        say("not ours", "the text is not a key, or it was made with another pepper")
    raise typer.Exit(MISSING)
