"""``secretsource keys revoke``, ``disable`` and ``enable``: whether a key works, by decision."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from secretsource.cli._exit_codes import UNAVAILABLE
from secretsource.cli._options import Json
from secretsource.cli._output import is_asked, say, write_json
from secretsource.cli.keys._opening import open_keys, operator
from secretsource.cli.keys._options import DEFAULT_STORE, KeyId, Reason, Store, key_id
from secretsource.cli.keys._presented import presented_key
from secretsource.cli.keys._records import described, show_record, show_records
from secretsource.stores.base import Status

if TYPE_CHECKING:
    from secretsource.issuing import ApiKeys, KeyRecord

__all__ = ["disable", "enable", "revoke"]


def revoke(
    context: typer.Context,
    one: Annotated[
        str | None,
        typer.Argument(metavar="KEY_ID", parser=key_id, help="A key's identifier, of 22 characters."),
    ] = None,
    owner: Annotated[
        str | None, typer.Option("--owner", metavar="NAME", help="Every key of this owner, instead.")
    ] = None,
    presented: Annotated[
        bool, typer.Option("--stdin", help="The key on standard input, or at a prompt, instead.")
    ] = False,
    family: Annotated[bool, typer.Option("--family", help="Also each key that it was rotated from or to.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before the keys of an owner are ended.")] = False,
    reason: Reason = None,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """End a key, or all keys of an owner, for good.

    With --stdin, it is the very key that comes on standard input, or is typed at a prompt. A service that keeps
    records for some seconds notices within that time. Nothing brings a revoked key back.
    """
    if [one is not None, owner is not None, presented].count(True) != 1:
        raise typer.BadParameter("give one of  KEY_ID,  --owner  and  --stdin", ctx=context)
    if family and one is None:
        raise typer.BadParameter("--family belongs to a  KEY_ID", ctx=context)
    text = presented_key() if presented else ""
    by, left = operator(), dict[str, str]()
    with open_keys(context, store, peppered=presented) as keys:
        if one is not None:
            revoked = [keys.revoke(one, family=family, reason=reason, **by)]
        elif owner is not None:
            _confirm(keys, owner, yes=yes)
            ended = keys.revoke_all(owner=owner, reason=reason, **by)
            revoked, left = [*ended], {**ended.left}
        else:
            revoked = [keys.surrender(text, reason=reason, origin=by["origin"])]
    if as_json:
        write_json([described(record) for record in revoked])
    else:
        show_records(revoked)
    for left_id, why in left.items():
        say("error", f"key {left_id} was not revoked: {why}")
    if left:
        raise typer.Exit(UNAVAILABLE)


def _confirm(keys: ApiKeys, owner: str, *, yes: bool) -> None:
    """Ask, with the number of keys; without a terminal there is nobody to ask."""
    if yes:
        return
    number = _living(keys, owner)
    if not number:
        return
    if not is_asked():
        raise typer.BadParameter(f"this ends {number} {'key' if number == 1 else 'keys'} of {owner!r}: give --yes")
    typer.confirm(f"End {number} {'key' if number == 1 else 'keys'} of {owner!r}, for good?", abort=True, err=True)


def _living(keys: ApiKeys, owner: str) -> int:
    """How many keys of an owner have not ended."""
    number, after, now = 0, None, time.time()
    while True:
        page = keys.list(owner=owner, after=after, limit=1000)
        number += sum(record.status_at(now) not in (Status.REVOKED, Status.EXPIRED) for record in page)
        if page.next is None:
            return number
        after = page.next


def disable(
    context: typer.Context, key_id: KeyId, reason: Reason = None, store: Store = DEFAULT_STORE, as_json: Json = False
) -> None:
    """Switch a key off until it is enabled again."""
    with open_keys(context, store, peppered=False) as keys:
        record = keys.disable(key_id, reason=reason, **operator())
    _show(record, as_json)


def enable(
    context: typer.Context, key_id: KeyId, reason: Reason = None, store: Store = DEFAULT_STORE, as_json: Json = False
) -> None:
    """Switch a disabled key on again."""
    with open_keys(context, store, peppered=False) as keys:
        record = keys.enable(key_id, reason=reason, **operator())
    _show(record, as_json)


def _show(record: KeyRecord, as_json: bool) -> None:
    if as_json:
        write_json(described(record))
    else:
        show_record(record)
