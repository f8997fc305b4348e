"""The fields of a new key: checked here, whole, before anything is made. Pure; time is an argument."""

# pure: decides from its arguments, the time among them; no I/O, no await

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from secretsource._ground.key_text import is_beginning
from secretsource.exceptions import InvalidRequest
from secretsource.issuing import limits
from secretsource.issuing._check import policy
from secretsource.issuing._key import lifecycle
from secretsource.issuing._manage.field import (
    credits,
    instant,
    keyless,
    metadata,
    owner,
    period,
    rules,
    seconds,
    text,
)
from secretsource.stores.base import KeyQuery, KeyRecord, Status
from secretsource.stores.records import NO_METADATA

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta
    from typing import Required


class KeyRequest(TypedDict, total=False):
    """The fields of a new key; only ``owner`` is required.

    Attributes:
        owner: The owner of the key: a name of 1 to 255 characters, or an integer from 0. Names are compared in Unicode
            NFC, without blanks around them.
        prefix: The kind of key: a letter and up to 15 of ``a-z0-9``; ``sk`` when left out. Choose your own: secret
            scanners take ``sk_live_`` for the key of another vendor.
        environment: 2 to 8 of ``a-z``; ``live`` when left out.
        scopes: Its scopes: up to 1000 exact scopes and wildcards such as ``invoices:*``.
        expires_in: Its life, as a timedelta or in seconds; over 0.
        expires_at: Its end, as an aware datetime or in seconds since 1970 UTC; instead of ``expires_in``.
        not_before: Instant from which it is valid, as an aware datetime or in seconds since 1970 UTC.
        rate_limit: Rules such as ``100/minute, 10/second burst 20`` or ``5 at once``.
        quota: Rules such as ``10000/month``, ``10000/month on 15`` or ``500/day add up to 2000``.
        credits: Requests that it may make in all, 0 to 10**15; `ApiKeys.add_credits` adds some. None for no bound.
        networks: Up to 1000 CIDR blocks from which it may be used; empty for any.
        name: Its name for people: up to 255 characters.
        metadata: A JSON object of up to 4096 bytes in UTF-8.
        rotate_every: Time from its issue until it is due for rotation, as a timedelta or in seconds; over 0. Its
            successors inherit it.
    """

    owner: Required[str | int]
    prefix: str
    environment: str
    scopes: Iterable[str]
    expires_in: timedelta | float | None
    expires_at: datetime | float | None
    not_before: datetime | float | None
    rate_limit: str | None
    quota: str | None
    credits: int | None
    networks: Iterable[str]
    name: str
    metadata: Mapping[str, Any]
    rotate_every: timedelta | float | None


def draft(request: KeyRequest, now: float) -> KeyRecord:
    """Check a request, and return its record without ``key_id``, hash and display, which the key itself decides.

    Args:
        request: The fields of the key.
        now: The present, in seconds since 1970 UTC.

    Raises:
        InvalidRequest: A field is not valid; the message names the field and the reason.
    """
    if not isinstance(request, dict):
        raise InvalidRequest("a request for a key is a dictionary: write  {'owner': 'acme'}")
    unknown = request.keys() - KeyRequest.__annotations__.keys()
    if unknown:
        raise InvalidRequest(
            f"a key has no {', '.join(sorted(unknown))}: known are {', '.join(KeyRequest.__annotations__)}"
        )
    begins = instant(request.get("not_before"), "not_before")
    rate_limit, quota = request.get("rate_limit"), request.get("quota")
    limits.parse(rules(rate_limit, "rate_limit"), rules(quota, "quota"))
    return KeyRecord(
        key_id="",
        hash=b"",
        pepper_version="",
        display="",
        owner=keyless(owner(request.get("owner")), "owner"),
        prefix=request.get("prefix", "sk"),
        environment=request.get("environment", "live"),
        created=now,
        name=keyless(text(request.get("name", ""), "name"), "name"),
        scopes=policy.check_scopes(request.get("scopes", ())),
        rate_limit=rate_limit,
        quota=quota,
        credits=credits(request.get("credits")),
        networks=policy.check_networks(request.get("networks", ())),
        begins=begins,
        expires=_expiry(request, now, begins),
        metadata=keyless(metadata(request.get("metadata", NO_METADATA)), "metadata"),
        rotate_every=period(request.get("rotate_every"), "rotate_every"),
    )


def label(given: object, owner: str | None) -> tuple[str, str] | None:
    """Return the field of metadata that a list narrows by, and its text; None for no such field.

    Raises:
        InvalidRequest: It is not one field with a text, or the list has no owner.
    """
    if given is None:
        return None
    fields = list(given.items()) if isinstance(given, Mapping) else []
    if len(fields) != 1 or not all(isinstance(part, str) and "\0" not in part for part in fields[0]):
        raise InvalidRequest(
            "metadata must be one field with a text here, such as  metadata={'team': 'red'}", field="metadata"
        )
    if owner is None:
        raise InvalidRequest(
            "a list by metadata needs an owner, because no index has all metadata: give the owner, too", field="owner"
        )
    name, value = fields[0]
    return name, value


def narrowed(query: KeyQuery) -> KeyQuery:
    """Check a query for the store.

    Raises:
        InvalidRequest: A filter is of a kind that no record has.
    """
    for what in ("environment", "prefix", "name"):
        text(getattr(query, what) or "", what)
    if query.beginning is not None and not is_beginning(query.beginning):
        raise InvalidRequest("the beginning of a key_id must be 1 to 22 characters of 0-9A-Za-z", field="beginning")
    if not isinstance(query.after, str | None):
        raise InvalidRequest("a listing goes on after the text that the page before has as its next", field="after")
    if query.status is None or query.status in tuple(Status):
        return query._replace(status=None if query.status is None else Status(query.status))
    raise InvalidRequest(f"a key has no such status: ask for one of {', '.join(Status)}", field="status")


def successor_end(
    expires_in: timedelta | float | None, expires_at: datetime | float | None, keep_expiry: bool
) -> lifecycle.End:
    """Return the end of the successor of a key.

    Raises:
        InvalidRequest: More than one argument gives it, or it is not a length of time or an instant.
    """
    if (expires_in is not None) + (expires_at is not None) + bool(keep_expiry) > 1:
        raise InvalidRequest("a new key ends once: give one of expires_in, expires_at and keep_expiry")
    after = None if expires_in is None else seconds(expires_in, "expires_in")
    if after is not None and after <= 0:
        raise InvalidRequest(
            "expires_in must be over 0 seconds, or the new key would end before it is good", field="expires_in"
        )
    return lifecycle.End(instant(expires_at, "expires_at"), after, bool(keep_expiry))


def _expiry(request: KeyRequest, now: float, begins: float | None) -> float | None:
    expires = instant(request.get("expires_at"), "expires_at")
    length = request.get("expires_in")
    if length is not None:
        if expires is not None:
            raise InvalidRequest("a key ends once: give expires_in or expires_at, not both")
        expires = instant(max(now, begins or now) + seconds(length, "expires_in"), "expires_in")
    if expires is not None and expires <= max(now, begins or now):
        raise InvalidRequest(
            "the key would end before it is good: give a later expiry",
            field="expires_at" if length is None else "expires_in",
        )
    return expires
