"""What the commands of this group are told, and how it is read: which store, which key, how long, until when."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from secretsource.cli.keys._durations import length_of_time

__all__ = ["DEFAULT_STORE", "KeyId", "Reason", "Store", "duration", "instant", "key_id"]

DEFAULT_STORE = "sqlite:///keys.db"

_IS_KEY_ID = re.compile(r"[0-9A-Za-z]{22}")


def duration(text: str) -> timedelta:
    """A length of time from now, as people write it; see `length_of_time`.

    Raises:
        typer.BadParameter: It is not one, or it ends past the year 9999.
    """
    length = length_of_time(text, datetime.now(UTC))
    if length is not None:
        return length
    raise typer.BadParameter("a length of time must be written like  90d,  2 weeks,  3 months  or  P90D")


def instant(text: str) -> datetime:
    """An instant in ISO 8601, with its time zone.

    Raises:
        typer.BadParameter: It is not one; without a time zone, it may mean any of 38 instants.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is not None and moment.tzinfo is not None:
        return moment
    raise typer.BadParameter("an instant has a date, a time and a time zone, such as  2027-01-31T00:00:00Z")


def key_id(text: str) -> str:
    """The identifier of a key; what is none is not quoted, for it may be a whole key.

    Raises:
        typer.BadParameter: It is none.
    """
    if _IS_KEY_ID.fullmatch(text):
        return text
    raise typer.BadParameter(
        "it is 22 characters of 0-9A-Za-z, as  keys list  shows it; a whole key is read from standard input only"
    )


Store = Annotated[
    str,
    typer.Option("--store", metavar="URL", envvar="SECRETSOURCE_STORE", help="Where the records of the keys are."),
]

KeyId = Annotated[str, typer.Argument(metavar="KEY_ID", parser=key_id, help="A key's identifier, of 22 characters.")]

Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why; it is kept with the event.")]
