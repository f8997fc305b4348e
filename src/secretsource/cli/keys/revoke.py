"""``secretsource keys revoke``, ``disable`` and ``enable``: end a key, or switch it off and on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from secretsource.cli._arguments.options import Json
from secretsource.cli._terminal.exit_codes import UNAVAILABLE
from secretsource.cli._terminal.output import is_asked, say, write_json
from secretsource.cli.keys._arguments.opening import open_keys, operator
from secretsource.cli.keys._arguments.options import DEFAULT_STORE, KeyId, Reason, Store, key_id
from secretsource.cli.keys._terminal.presented import presented_key
from secretsource.cli.keys._terminal.recent import recent_lines
from secretsource.cli.keys._terminal.records import show_key, show_records

if TYPE_CHECKING:
    from secretsource.issuing import ApiKeys

__all__ = ["disable", "enable", "revoke"]


def revoke(
    context: typer.Context,
    one: Annotated[
        str | None,
        typer.Argument(metavar="KEY_ID", parser=key_id, help="A key's identifier, of 22 characters."),
    ] = None,
    owner: Annotated[
        str | None, typer.Option("--owner", metavar="NAME", help="All keys of this owner, instead.")
    ] = None,
    presented: Annotated[
        bool, typer.Option("--stdin", help="The key on standard input or at the prompt, instead.")
    ] = False,
    family: Annotated[bool, typer.Option("--family", help="Also all keys that it was rotated from or to.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask before a key in use, or all keys of an owner, are ended.")
    ] = False,
    reason: Reason = None,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """End a key, or all keys of an owner, for good.

    At a terminal, you are shown who used the key in the last 24 hours, and asked. With --stdin, give the key itself on
    standard input or at the prompt. A service that caches records refuses the key as soon as its cached record is too
    old. A revoked key never works again.
    """
    from secretsource.issuing import RevokedKeys
    from secretsource.issuing.documents import revoked_document

    if [one is not None, owner is not None, presented].count(True) != 1:
        raise typer.BadParameter("give exactly one of  KEY_ID,  --owner  and  --stdin", ctx=context)
    if family and one is None:
        raise typer.BadParameter("--family needs a  KEY_ID", ctx=context)
    text = presented_key() if presented else ""
    by = operator()
    with open_keys(context, store, peppered=presented) as keys:
        if one is not None:
            _warn_of_use(keys, one, yes=yes)
            revoked = RevokedKeys([keys.revoke(one, family=family, reason=reason, **by)])
        elif owner is not None:
            _confirm(keys, owner, yes=yes)
            revoked = keys.revoke_all(owner=owner, reason=reason, **by)
        else:
            revoked = RevokedKeys([keys.surrender(text, reason=reason, origin=by["origin"])])
    if as_json:
        write_json(revoked_document(revoked, time.time()))
    else:
        show_records(revoked)
    for left_id, why in revoked.left.items():
        say("error", f"key {left_id} was not revoked: {why}")
    if revoked.left:
        raise typer.Exit(UNAVAILABLE)


def _warn_of_use(keys: ApiKeys, key_id: str, *, yes: bool) -> None:
    """Say at a terminal which clients fail without a key, and ask; a key that nobody uses is ended at once."""
    if yes or not is_asked() or keys.get(key_id).has_ended(time.time()):
        return
    use = keys.recent_use(key_id)
    if not use.accepted and not use.networks and not use.agents:
        return
    for what, told in recent_lines(use):
        if told:
            say(what, told)
    typer.confirm("These requests fail from now on. End the key, for good?", abort=True, err=True)


def _confirm(keys: ApiKeys, owner: str, *, yes: bool) -> None:
    """Ask, with the number of keys; without a terminal, require --yes."""
    if yes:
        return
    number = keys.count_living(owner=owner)
    if not number:
        return
    if not is_asked():
        raise typer.BadParameter(f"this ends {number} {'key' if number == 1 else 'keys'} of {owner!r}: add --yes")
    typer.confirm(f"End {number} {'key' if number == 1 else 'keys'} of {owner!r}, for good?", abort=True, err=True)


def disable(
    context: typer.Context, key_id: KeyId, reason: Reason = None, store: Store = DEFAULT_STORE, as_json: Json = False
) -> None:
    """Switch a key off until you enable it again."""
    with open_keys(context, store, peppered=False) as keys:
        record = keys.disable(key_id, reason=reason, **operator())
    show_key(record, as_json=as_json)


def enable(
    context: typer.Context, key_id: KeyId, reason: Reason = None, store: Store = DEFAULT_STORE, as_json: Json = False
) -> None:
    """Switch a disabled key on again."""
    with open_keys(context, store, peppered=False) as keys:
        record = keys.enable(key_id, reason=reason, **operator())
    show_key(record, as_json=as_json)
