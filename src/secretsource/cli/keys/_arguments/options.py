"""Options and arguments that commands of this group share: a store, a key, a length of time, an instant."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from secretsource.cli.keys._arguments.durations import length_of_time

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "DEFAULT_STORE",
    "After",
    "Credits",
    "KeyId",
    "Limit",
    "MoreCredits",
    "Once",
    "Reason",
    "Revision",
    "Store",
    "duration",
    "instant",
    "json_object",
    "key_id",
]

DEFAULT_STORE = "sqlite:///keys.db"

_IS_KEY_ID = re.compile(r"[0-9A-Za-z]{22}")


def duration(text: str) -> timedelta:
    """Read a length of time from now, as people write it; see `length_of_time`.

    Raises:
        typer.BadParameter: The text is not a length of time, or it ends past the year 9999.
    """
    length = length_of_time(text, datetime.now(UTC))
    if length is not None:
        return length
    raise typer.BadParameter("a length of time must be written like  90d,  2 weeks,  3 months  or  P90D")


def instant(text: str) -> datetime:
    """Read an instant in ISO 8601, with its time zone.

    Raises:
        typer.BadParameter: The text is not an instant; without a time zone it may mean any of 38 instants.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is not None and moment.tzinfo is not None:
        return moment
    raise typer.BadParameter("an instant must have a date, a time and a time zone, such as  2027-01-31T00:00:00Z")


def json_object(text: str) -> Mapping[str, Any]:
    """Read the JSON object of --metadata.

    Raises:
        typer.BadParameter: The text must be a JSON object.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict):
        return document
    raise typer.BadParameter('--metadata must be a JSON object, such as  \'{"plan": "pro"}\'')


def key_id(text: str) -> str:
    """Read the identifier of a key; a wrong one is not quoted, because it may be a whole key.

    Raises:
        typer.BadParameter: The text is not an identifier.
    """
    if _IS_KEY_ID.fullmatch(text):
        return text
    raise typer.BadParameter(
        "a key id must be 22 characters of 0-9A-Za-z, as  keys list  shows it; give a whole key on standard input only"
    )


Credits = Annotated[
    int | None,
    typer.Option("--credits", metavar="N", help="Requests that may be made in all, those that were made included."),
]

MoreCredits = Annotated[int, typer.Argument(metavar="N", help="The credits to add.")]

Store = Annotated[
    str,
    typer.Option("--store", metavar="URL", envvar="SECRETSOURCE_STORE", help="The store of the keys' records."),
]

KeyId = Annotated[str, typer.Argument(metavar="KEY_ID", parser=key_id, help="A key's identifier, of 22 characters.")]

After = Annotated[str | None, typer.Option("--after", metavar="CURSOR", help="Go on where an earlier list ended.")]

Limit = Annotated[int, typer.Option("--limit", metavar="N", help="How many keys, 1 to 1000.")]

Once = Annotated[
    str | None,
    typer.Option(
        "--once",
        metavar="TOKEN",
        help="Add them once for this token, such as the number of an invoice, however often you repeat it in a day.",
    ),
]

Revision = Annotated[
    int | None, typer.Option("--revision", metavar="N", help="Refuse if the record has another revision by now.")
]

Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why; the event keeps it.")]
