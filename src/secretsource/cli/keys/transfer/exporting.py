"""``secretsource keys export``: write every record of a store, to import them into another."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from secretsource.cli._terminal.output import is_terminal, say
from secretsource.cli._terminal.private_file import is_file, opened
from secretsource.cli._terminal.progress import progress
from secretsource.cli.keys._arguments.opening import open_keys
from secretsource.cli.keys._arguments.options import DEFAULT_STORE, Store
from secretsource.exceptions import ConfigurationError, OwnerNotFound

if TYPE_CHECKING:
    from secretsource.issuing import ApiKeys

__all__ = ["export_keys"]

_AT_ONCE = 1000
_MISSED = "put them into the other store first, or a suspended owner's keys are accepted there, and no plan binds a key"


def export_keys(
    context: typer.Context,
    out: Annotated[
        str | None,
        typer.Option(
            "--out", metavar="FILE", help="A new file that only you may read (0600), or - for standard output."
        ),
    ] = None,
    owner: Annotated[str | None, typer.Option("--owner", metavar="NAME", help="Only keys of this owner.")] = None,
    store: Store = DEFAULT_STORE,
) -> None:
    """Write every record as a line of JSON for keys import, the oldest first.

    The lines hold the hashes of keys, so keep them as you keep the store; a terminal shows them with --out - only.
    With the same peppers, every key works as before. The export leaves out the events of keys and their use, and also
    owners and plans. Put those into the other store before you import, and suspend the same owners there.
    """
    if out is None and is_terminal():
        raise typer.BadParameter("an export holds the hashes of keys: add  --out FILE, or  --out -  to see it here")
    count = 0
    with opened(out) as put, open_keys(context, store, peppered=False) as keys, progress("exporting", None) as draw:
        rows = keys.export(owner=owner)
        for some in iter(lambda: list(islice(rows, _AT_ONCE)), []):
            put("".join(f"{json.dumps(row)}\n" for row in some).encode("ascii"))
            count += len(some)
            draw(count, f"{count} keys")
        has_terms = _has_terms(keys, owner)
    where = f", into {out!r}" if is_file(out) else ""
    say("note", f"{count} {'key was' if count == 1 else 'keys were'} exported{where}")
    if has_terms:
        say("note", f"owners and plans were not exported: {_MISSED}")


def _has_terms(keys: ApiKeys, owner: str | None) -> bool:
    """Return whether the store has rules for the exported keys that the file has not."""
    try:
        return bool(keys.owners.get(owner) if owner else keys.owners.list(limit=1) or keys.plans.list(limit=1))
    except (OwnerNotFound, ConfigurationError):  # a store of your own may keep neither
        return False
