"""``secretsource keys whose``: the owner of a key, from the key alone."""

from __future__ import annotations

from typing import Annotated

import typer

from secretsource.cli._exit_codes import MISSING
from secretsource.cli._options import Json
from secretsource.cli._output import say, show_table, write_json
from secretsource.cli.keys._opening import open_keys
from secretsource.cli.keys._presented import presented_key

__all__ = ["whose"]


def whose(
    context: typer.Context,
    among: Annotated[
        list[str] | None,
        typer.Option("--among", metavar="NAME", help="An owner with a long name to match; may be given again."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say whose a key is, by the key alone.

    It comes on standard input, or is typed at a prompt. A key, or its identifier of 22 characters, is enough: only
    the pepper is needed, and no store is asked. The name is in the key itself if it is a number or a short one; a
    longer one is matched against the names given. Says nothing about whether the key is good. The exit code is 1
    for a key that is not ours.
    """
    text = presented_key()
    with open_keys(context, "memory://", peppered=True) as keys:
        owner = keys.whose(text, among or ())
    if as_json:
        known = None if owner is None else {"kind": owner.kind.name.lower(), "name": owner.name}
        write_json({"ours": owner is not None, "owner": known})
    elif owner is not None:
        show_table(("owner", "kind"), [(owner.name or "none of the names given", owner.kind.name.lower())])
    if owner is not None:
        return
    if not as_json:
        say("not ours", "it was not made with any of our peppers, or is no key")
    raise typer.Exit(MISSING)
