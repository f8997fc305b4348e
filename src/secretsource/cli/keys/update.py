"""``secretsource keys update``: change what a key may do."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from secretsource.cli._arguments.options import Json
from secretsource.cli.keys._arguments.opening import open_keys, operator
from secretsource.cli.keys._arguments.options import (
    DEFAULT_STORE,
    Credits,
    KeyId,
    Reason,
    Store,
    duration,
    instant,
    json_object,
)
from secretsource.cli.keys._terminal.records import show_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from secretsource.issuing import KeyUpdate

__all__ = ["update"]


class Field(StrEnum):
    """A field of a key that can be cleared."""

    NAME = "name"
    SCOPES = "scopes"
    RATE_LIMIT = "rate-limit"
    QUOTA = "quota"
    CREDITS = "credits"
    NETWORKS = "networks"
    BEGINS_AT = "begins-at"
    EXPIRES_AT = "expires-at"
    METADATA = "metadata"
    ROTATE_EVERY = "rotate-every"


_FIELDS = ", ".join(sorted(Field, key=lambda field: "-" in field))
"""The fields as the help names them; names with a hyphen are last, because a line of the help may break there."""


def update(
    context: typer.Context,
    key_id: KeyId,
    name: Annotated[str | None, typer.Option("--name", metavar="TEXT", help="A name for people.")] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", metavar="SCOPE", help="A scope of the key, in place of all before; repeatable."),
    ] = None,
    clear: Annotated[
        list[Field] | None,
        typer.Option("--clear", metavar="FIELD", help=f"Leave this field empty; repeatable: {_FIELDS}."),
    ] = None,
    rate_limit: Annotated[
        str | None, typer.Option("--rate-limit", metavar="RULES", help="Such as '100/minute, 10/second burst 20'.")
    ] = None,
    quota: Annotated[str | None, typer.Option("--quota", metavar="RULES", help="Such as '10000/month'.")] = None,
    credits: Credits = None,
    network: Annotated[
        list[str] | None,
        typer.Option("--network", metavar="CIDR", help="Addresses that may use the key, in place of all; repeatable."),
    ] = None,
    begins_at: Annotated[
        datetime | None,
        typer.Option("--begins-at", metavar="TIME", parser=instant, help="When the key becomes valid."),
    ] = None,
    expires_at: Annotated[
        datetime | None, typer.Option("--expires-at", metavar="TIME", parser=instant, help="When the key ends.")
    ] = None,
    metadata: Annotated[
        str | None, typer.Option("--metadata", metavar="JSON", help="A JSON object, in place of the one before.")
    ] = None,
    rotate_every: Annotated[
        Any, typer.Option("--rotate-every", metavar="90d", parser=duration, help="When the key is due for rotation.")
    ] = None,
    revision: Annotated[
        int | None,
        typer.Option("--revision", metavar="N", help="Refuse if the record has another revision by now."),
    ] = None,
    actor: Annotated[
        str | None, typer.Option("--actor", metavar="WHO", help="The author of the change. [default: this user]")
    ] = None,
    reason: Reason = None,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Change what a key that has not ended may do.

    Fields that you do not name stay as they are. Every service learns of the change as of a revocation.
    While a key rotates, its successor changes with it.
    """
    given = {
        Field.NAME: name,
        Field.SCOPES: scope or None,
        Field.RATE_LIMIT: rate_limit,
        Field.QUOTA: quota,
        Field.CREDITS: credits,
        Field.NETWORKS: network or None,
        Field.BEGINS_AT: begins_at,
        Field.EXPIRES_AT: expires_at,
        Field.METADATA: None if metadata is None else json_object(metadata),
        Field.ROTATE_EVERY: rotate_every,
    }
    wanted = _wanted(given, clear or ())
    by = operator()
    if actor is not None:
        by["actor"] = actor
    with open_keys(context, store, peppered=False) as keys:
        record = keys.update(key_id, revision=revision, reason=reason, **by, **wanted)
    show_key(record, as_json=as_json)


def _wanted(given: Mapping[Field, Any], cleared: Iterable[Field]) -> KeyUpdate:
    """Put what is given and what is cleared together.

    Raises:
        typer.BadParameter: There is nothing to change, or a field is both given and cleared.
    """
    wanted = {field: value for field, value in given.items() if value is not None}
    both = sorted(wanted.keys() & set(cleared))
    if both:
        raise typer.BadParameter(f"{', '.join(both)} cannot be given and cleared at once: leave one of them out")
    wanted.update(dict.fromkeys(cleared))
    if not wanted:
        raise typer.BadParameter("give at least one field to change, such as  --name TEXT  or  --clear quota")
    return cast("KeyUpdate", {field.replace("-", "_"): value for field, value in wanted.items()})
