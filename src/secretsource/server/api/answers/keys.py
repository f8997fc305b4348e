"""The forms of keys: of one, of a page, of a new one, and of what is known of its use."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from secretsource.issuing import Status
from secretsource.server.api.answers.form import Answer, KeyId

__all__ = [
    "Issued",
    "IssuedRootKey",
    "Key",
    "KeyPage",
    "Limit",
    "Limits",
    "RecentUse",
    "Reported",
    "RevokedKeys",
    "RootKey",
    "RootKeyPage",
    "RootKeyRotation",
    "Rotated",
    "RotatedRootKey",
    "Rotation",
]


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
