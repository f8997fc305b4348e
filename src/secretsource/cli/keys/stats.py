"""``secretsource keys stats``: count the living keys of each pepper."""

from __future__ import annotations

import typer

from secretsource.cli._arguments.options import Json
from secretsource.cli._terminal.output import show_table, write_json
from secretsource.cli.keys._arguments.opening import open_keys, peppers_of
from secretsource.cli.keys._arguments.options import DEFAULT_STORE, Store

__all__ = ["stats"]


def stats(context: typer.Context, store: Store = DEFAULT_STORE, as_json: Json = False) -> None:
    """Count the living keys by the pepper that they are hashed with.

    A key moves to the newest pepper when it is used. You may drop a pepper that has no keys left.
    """
    from secretsource.issuing.documents import pepper_document

    peppers = peppers_of(context)
    with open_keys(context, store, peppered=False) as keys:
        rows = [pepper_document(use) for use in peppers.uses(keys.count_by_pepper())]
    if as_json:
        write_json(rows)
    else:
        show_table(("pepper", "keys", "state"), [tuple(map(str, row.values())) for row in rows])
