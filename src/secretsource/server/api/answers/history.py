"""The forms of what happened: changes, counted checks, and messages that have not arrived."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from secretsource.server.api.answers.form import Answer, KeyId

__all__ = ["Counts", "Due", "Events", "HistoryPage", "Messages"]


class Event(Answer):
    """One change of a key."""

    key_id: KeyId
    revision: int
    kind: str
    happened_at: datetime
    actor: str | None
    origin: str | None
    reason: str | None
    fields: list[str]


class Events(Answer):
    """The changes of a key, the oldest first."""

    events: list[Event]
    next: int | None = Field(description="Where the next page begins; null on the last one.")


class HistoryEvent(Answer):
    """One change of a key, an owner or a plan."""

    position: int
    subject: str
    id: str
    owner: str | None
    revision: int
    kind: str
    happened_at: datetime
    actor: str | None
    origin: str | None
    reason: str | None
    fields: list[str]


class HistoryPage(Answer):
    """One page of the changes of all keys, owners and plans."""

    events: list[HistoryEvent]
    next: int | None = Field(description="Where the next page begins; remember it to go on later.")


class Count(Answer):
    """The checks of one key with one outcome in one minute, hour or day."""

    start: datetime
    owner: str
    key_id: str
    outcome: str
    requests: int


class Counts(Answer):
    """Counted checks."""

    usage: list[Count]


class Message(Answer):
    """A message that has not arrived, without its body."""

    queue: str = Field(examples=["webhook:shop"])
    id: str
    kind: str = Field(examples=["key.revoked"])
    owner: str | None
    made_at: datetime
    due_at: datetime | None = Field(description="The time of the next attempt; null if it was given up.")
    attempts: int
    trouble: str = Field(description="Why the last attempt failed.")


class Messages(Answer):
    """Messages that have not arrived, the oldest first."""

    messages: list[Message]


class Due(Answer):
    """The messages that are sent again."""

    due: int = Field(description="How many there are.")
