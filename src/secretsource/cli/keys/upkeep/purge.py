"""``secretsource keys purge``: delete an owner for good."""

from __future__ import annotations

from typing import Annotated

import typer

from secretsource.cli._arguments.options import Json
from secretsource.cli._terminal.output import is_asked, show_table, write_json
from secretsource.cli.keys._arguments.opening import open_keys, operator
from secretsource.cli.keys._arguments.options import DEFAULT_STORE, Reason, Store

__all__ = ["purge"]


def purge(
    context: typer.Context,
    owner: Annotated[str, typer.Option("--owner", metavar="NAME", help="The owner to delete, with all its keys.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before everything is deleted.")] = False,
    reason: Reason = None,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Delete an owner, its keys, their history and its counted requests, for good.

    Keys that have not ended are revoked first. One event stays, with the owner's id. Repeat the command if it fails.
    """
    from secretsource.issuing.documents import purge_document

    with open_keys(context, store, peppered=False) as keys:
        if not yes:
            living = keys.count_living(owner=owner)
            warning = f"everything of {owner!r}, and ends {living} {'key' if living == 1 else 'keys'} of it"
            if not is_asked():
                raise typer.BadParameter(f"this deletes {warning}: add --yes", ctx=context)
            typer.confirm(f"Delete {warning}, for good?", abort=True, err=True)
        report = keys.purge(owner=owner, reason=reason, **operator())
    document = purge_document(report)
    if as_json:
        write_json(document)
    else:
        show_table(("field", "value"), [(name, str(value)) for name, value in document.items()])
