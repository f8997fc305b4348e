"""The forms of owners and plans, and of what is done with an owner."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from secretsource.issuing import OwnerStatus
from secretsource.server.api.answers.form import Answer

__all__ = ["OwnerPage", "OwnerRecord", "PlanPage", "PlanRecord", "PortalLink", "Purge", "SignedOut"]


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
