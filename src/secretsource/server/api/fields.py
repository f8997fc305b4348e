"""The forms of single fields in requests; a mistake in one is told with its place."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from datetime import datetime
from functools import partial
from ipaddress import ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from secretsource.exceptions import InvalidRequest
from secretsource.issuing import limits, owner_id
from secretsource.server.rights import ROOT_OWNER, ROOT_PREFIX

__all__ = [
    "Asked",
    "Credits",
    "EnvironmentName",
    "Flag",
    "Instant",
    "Lines",
    "Metadata",
    "MoreCredits",
    "Name",
    "Networks",
    "OwnerId",
    "Place",
    "PlanId",
    "Prefix",
    "Reason",
    "Rules",
    "Scopes",
    "Seconds",
    "Word",
    "given",
    "next_of",
]

LONGEST = 365_000 * 86_400
MOST_CREDITS = 10**15
SCOPE = r"^[A-Za-z0-9._/-]+(?::[A-Za-z0-9._/-]+)*(?::\*)?$"


class Asked(BaseModel):
    """The body of a request; a field that is not in the list is an error."""

    model_config = ConfigDict(extra="forbid")


def given(asked: BaseModel) -> dict[str, Any]:
    """Return the fields that the client sent, and no defaults."""
    return {name: getattr(asked, name) for name in asked.model_fields_set}


def next_of(id: str) -> str:
    """Return the cursor for going on behind an owner or a plan; it goes into an address as it is.

    Args:
        id: The id, which may have any character.
    """
    return urlsafe_b64encode(id.encode()).decode().rstrip("=")


def _place(cursor: str) -> str:
    """Return the id in a cursor."""
    try:
        id = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError:
        id = ""
    if not id or next_of(id) != cursor:
        raise ValueError("the cursor of this listing is not one of ours: start again without it")
    return id


def _text_only(value: object) -> object:
    """Refuse the numbers that would be read as seconds since 1970."""
    if isinstance(value, (str, datetime)):
        return value
    raise ValueError("an instant must be a text such as 2027-01-31T12:00:00Z")


def _storable(value: object) -> object:
    """Replace what no store can keep; the library does the same with controls and line breaks."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _said(check: Any, value: Any) -> Any:
    """Return a value that a check of the library accepts, or say as it does what is wrong."""
    try:
        return check(value)
    except InvalidRequest as error:
        raise ValueError(str(error)) from None


def _rules(text: str) -> str:
    _said(partial(limits.parse, quota=None), text)
    return text


def _quota(text: str) -> str:
    _said(partial(limits.parse, None), text)
    return text


def _owner(text: str) -> str:
    name: str = _said(owner_id, text)
    if name == ROOT_OWNER:
        raise ValueError("this owner is reserved for root keys: choose another id")
    return name


def _prefix(text: str) -> str:
    if text == ROOT_PREFIX:
        raise ValueError("this prefix is reserved for root keys: make one with  POST /v1/root-keys")
    return text


def _networks(listed: Iterable[str]) -> list[str]:
    for each in listed:
        try:
            ip_network(each)
        except ValueError:
            raise ValueError("a network must be a CIDR block without host bits, such as 203.0.113.0/24") from None
    return list(listed)


Flag = Annotated[bool, Field(strict=True)]
Name = Annotated[str, Field(max_length=255)]
Word = Annotated[str, BeforeValidator(_storable, json_schema_input_type=str)]
"""A word that is kept beside a change, and cut to 255 characters: nothing in it may stop a revocation."""
Reason = Annotated[Word | None, Field(description="Why, for the event; what is beyond 255 characters is cut off.")]
Seconds = Annotated[float, Field(gt=0, le=LONGEST, strict=True, allow_inf_nan=False)]
Instant = Annotated[AwareDatetime, BeforeValidator(_text_only, json_schema_input_type=AwareDatetime)]
OwnerId = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_owner)]
PlanId = Annotated[str, Field(min_length=1, max_length=255)]
Prefix = Annotated[str, Field(pattern="^[a-z][a-z0-9]{0,15}$"), AfterValidator(_prefix)]
EnvironmentName = Annotated[str, Field(pattern="^[a-z]{2,8}$")]
Scope = Annotated[str, Field(max_length=128, pattern=SCOPE)]
Scopes = Annotated[list[Scope], Field(max_length=1000)]
Networks = Annotated[list[Annotated[str, Field(max_length=49)]], Field(max_length=1000), AfterValidator(_networks)]
Rules = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_rules)]
Quota = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_quota)]
Metadata = Annotated[dict[str, Any], Field(description="A small JSON object of your own; up to 4096 bytes.")]
Place = Annotated[str, Field(max_length=1360, description="`next` of the page before."), AfterValidator(_place)]
"""The id of an owner or a plan behind which a list goes on; the client sends it as a cursor."""
Lines = Annotated[int, Field(ge=1, le=1000)]
Credits = Annotated[int, Field(ge=0, le=MOST_CREDITS, strict=True, description="Requests that may be made in all.")]
MoreCredits = Annotated[int, Field(ge=1, le=MOST_CREDITS, strict=True, examples=[1000])]
