"""The forms of the answers, for the document of the API; `secretsource.issuing.documents` writes the answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from secretsource.issuing import OwnerStatus, Status

__all__ = [
    "KEY",
    "Counts",
    "Due",
    "Events",
    "HistoryPage",
    "Issued",
    "IssuedRootKey",
    "Key",
    "KeyId",
    "KeyPage",
    "Limit",
    "Limits",
    "Messages",
    "OwnerPage",
    "OwnerRecord",
    "PlanPage",
    "PlanRecord",
    "ProblemDocument",
    "Purge",
    "RecentUse",
    "Refusal",
    "Reported",
    "RevokedKeys",
    "RootKey",
    "RootKeyPage",
    "RootKeyRotation",
    "Rotated",
    "RotatedRootKey",
    "Rotation",
]

KEY = "acme_live_0aZ9bY8cX7dW6eV5fU4gT3hS2iR1jQ0kP9lO8mN7oM6pL5qK4rJ3s1ss10aB1cD"
KEY_ID = "0aZ9bY8cX7dW6eV5fU4gT3"
KeyId = Annotated[str, Field(pattern="^[0-9A-Za-z]{22}$", examples=[KEY_ID])]


class Answer(BaseModel):
    """An answer; every field is always there."""

    model_config = ConfigDict(extra="forbid", json_schema_mode_override="serialization")


class AnyKey(Answer):
    """The fields that all keys have; the text and the hash of a key are never among the fields."""

    key_id: KeyId
    name: str
    status: Status
    status_reason: str | None
    prefix: str
    environment: str
    scopes: list[str]
    networks: list[str]
    created_at: datetime
    not_before: datetime | None
    expires_at: datetime | None
    last_used_at: datetime | None
    overlap_ends_at: datetime | None
    revoked_at: datetime | None
    rotate_every: float | None
    rotation_due_at: datetime | None
    predecessor: str | None
    successor: str | None
    pepper_version: str
    revision: int


class Key(AnyKey):
    """A key; its text and its hash are never among the fields."""

    display: str = Field(examples=["acme_live_0aZ9…"])
    owner: str
    rate_limit: str | None
    quota: str | None
    credits: int | None
    metadata: dict[str, Any]


class RootKey(AnyKey):
    """A root key; its text and its hash are never among the fields."""

    display: str = Field(examples=["root_live_0aZ9…"])
    owner: str | None = Field(description="The only customer that it sees; null for all.")


class KeyPage(Answer):
    """One page of keys, the oldest first."""

    keys: list[Key]
    next: str | None = Field(description="The cursor of the next page; null on the last one.")


class RootKeyPage(Answer):
    """One page of root keys, the oldest first."""

    keys: list[RootKey]
    next: str | None = Field(description="The cursor of the next page; null on the last one.")


class Issued(Key):
    """A new key."""

    key: str | None = Field(description="The key itself, shown this once; null in the answer to a repeated request.")
    warnings: list[str]


class Rotated(Key):
    """The new key of a rotation."""

    rotated: Key = Field(description="The old key.")
    key: str | None = Field(description="The new key itself, shown this once; null if an earlier request made it.")
    warnings: list[str]


class IssuedRootKey(RootKey):
    """A new root key."""

    key: str | None = Field(description="The key itself, shown this once; null in the answer to a repeated request.")
    warnings: list[str]


class RotatedRootKey(RootKey):
    """The new key of a rotation."""

    rotated: RootKey = Field(description="The old key.")
    key: str | None = Field(description="The new key itself, shown this once; null if an earlier request made it.")
    warnings: list[str]


class Use(Answer):
    """The use of a key, behind by one flush."""

    last_used_at: datetime | None
    requests: int
    networks: dict[str, datetime] = Field(description="The addresses of its clients, and when each was last noted.")
    agents: dict[str, datetime] = Field(description="The user agents of its clients, and when each was last noted.")


class RecentUse(Answer):
    """The use of a key in the last 24 hours, behind by one flush: these clients fail if the key is revoked."""

    key_id: str
    since_at: datetime = Field(description="The beginning of the counted hours.")
    last_used_at: datetime | None
    accepted: int | None
    refused: int | None
    networks: dict[str, datetime] = Field(description="The addresses of its clients, and when each was last noted.")
    agents: dict[str, datetime] = Field(description="The user agents of its clients, and when each was last noted.")


class Rotation(Answer):
    """The state of a rotation: may the old key go?"""

    status: Status
    began_at: datetime
    ends_at: datetime | None
    old_key_used: bool
    new_key_used: bool
    usage: Use
    old_key: Key
    new_key: Key


class RootKeyRotation(Rotation):
    """The state of a rotation of a root key."""

    old_key: RootKey  # type: ignore[assignment]  # a key with rights
    new_key: RootKey  # type: ignore[assignment]  # a key with rights


class Reported(Key):
    """A key that leaked, as it is now."""

    key: str | None = Field(description="The text of a new key, shown this once; null if the report made none.")
    is_new: bool = Field(description="Whether this source had not reported this place before.")


class Limit(Answer):
    """One limit of a key, its owner or its plan, as of now."""

    name: str = Field(examples=["100/minute"])
    limit: int
    window: int | None = Field(description="Seconds of its window; null for credits.")
    remaining: int
    reset: float | None = Field(description="Seconds until it is whole again; null for credits.")


class Limits(Answer):
    """The state of limits; one that is counted in memory is as this process has counted it."""

    limits: list[Limit]


class RevokedKeys(Answer):
    """The keys that were revoked now."""

    keys: list[Key]
    left: dict[str, str] = Field(description="Keys that may still be valid, each with the reason: repeat the request.")


class Purge(Answer):
    """The result of a purge."""

    owner: str
    revoked: int = Field(description="How many of its keys had not ended.")
    deleted: int = Field(description="How many keys it had.")


class SignedOut(Answer):
    """The customer that was signed out."""

    owner: str
    ended: int = Field(description="How many sessions, and links that were not used yet, have ended.")


class PortalLink(Answer):
    """A link that shows a customer its own keys, once."""

    url: str = Field(description="The address to send the browser of the customer to.")
    ends_at: str = Field(description="Its end, a minute after it was made.")


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


class OwnerRecord(Answer):
    """An owner: a customer that keys are issued for."""

    owner: str
    name: str
    plan: str | None
    rate_limit: str | None
    quota: str | None
    credits: int | None
    status: OwnerStatus
    status_reason: str | None
    created_at: datetime
    metadata: dict[str, Any]
    revision: int


class OwnerPage(Answer):
    """One page of owners, by their ids."""

    owners: list[OwnerRecord]
    next: str | None


class PlanRecord(Answer):
    """A plan: rules that all keys of an owner share."""

    plan: str
    rate_limit: str | None
    quota: str | None
    max_keys: int | None
    max_life: float | None
    rotate_every: float | None
    scopes: list[str] | None
    environments: list[str] | None
    created_at: datetime
    revision: int


class PlanPage(Answer):
    """One page of plans, by their ids."""

    plans: list[PlanRecord]
    next: str | None


class Mistake(BaseModel):
    """One wrong field."""

    pointer: str | None = Field(None, description="A JSON pointer into the body (RFC 6901).")
    parameter: str | None = Field(None, description="The name of a parameter of the query or the path.")
    header: str | None = None
    detail: str


class Refusal(BaseModel):
    """An error (RFC 9457) for a client of your application; ``code`` is a stable word for machines."""

    type: str
    title: str
    status: int
    detail: str
    code: str = Field(examples=["invalid_request"])
    scope: str | None = Field(None, description="The scopes that the request needs.")


class ProblemDocument(Refusal):
    """An error (RFC 9457); ``code`` is a stable word for machines."""

    request_id: str = Field(description="The number of the request, as in the log.")
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None
    errors: list[Mistake] | None = None
