"""Whether a store still has what was confirmed of a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.exceptions import KeyNotFound, StoreError
from secretsource.issuing import NO_SCOPE, Reason, Rejected, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.torture.ledger import Claim

    from secretsource.issuing import ApiKeys

EXACTLY = 1e-5
"""Seconds that a time may lose on its way from one clock to another and back."""
MAY_HAPPEN = (
    "is locked by another writer for too long",
    "was in use while this process was forked",
    "is too slow for the number of questions",
    "has no connection free",
)
"""What a store may say on a busy machine, with nothing lost; all else that it says is a fault."""


def is_fault(error: StoreError) -> bool:
    """Whether a store says something that it must not."""
    return not any(text in str(error) for text in MAY_HAPPEN)


def lost(keys: ApiKeys, key_id: str, claim: Claim) -> Iterator[str]:
    """What was confirmed of a key before now, and is not so.

    Raises:
        StoreError: The store did not answer.
    """
    try:
        record = keys.get(key_id)
    except KeyNotFound:
        yield f"{key_id} was issued, and is not there"
        return
    if claim.revoked and record.status is not Status.REVOKED:
        yield f"{key_id} was revoked, and is {record.status.value}"
    if claim.successor not in (None, record.successor):
        yield f"{key_id} was rotated to {claim.successor}, and has {record.successor}"
    if (record.last_used or 0.0) < claim.used - EXACTLY:
        yield f"{key_id} was used at {claim.used}, and the store says {record.last_used}"
    if claim.revoked and claim.text is not None:
        verdict = keys.check(claim.text, scope=NO_SCOPE, fresh=True)
        if not isinstance(verdict, Rejected):
            yield f"{key_id} was revoked, and is accepted"
        elif verdict.reason not in (Reason.REVOKED, Reason.STORE_UNAVAILABLE):
            yield f"{key_id} was revoked, and is refused for {verdict.reason.value}"


def lost_events(keys: ApiKeys, key_id: str) -> Iterator[str]:
    """Changes of a key that have no event, or events that have no change.

    Raises:
        StoreError: The store did not answer.
    """
    try:
        revision = keys.get(key_id).revision
    except KeyNotFound:
        return
    revisions = [event.revision for event in keys.events(key_id, limit=1000)]
    if revisions != [*range(1, revision + 1)]:
        yield f"{key_id} is at revision {revision}, and has events of {revisions}"


def all_lost(keys: ApiKeys, claims: Mapping[str, Claim]) -> list[str]:
    """What of all that was confirmed is not so, when nobody changes anything any more."""
    complaints: list[str] = []
    for key_id, claim in claims.items():
        try:
            complaints += [*lost(keys, key_id, claim), *lost_events(keys, key_id)]
        except StoreError as error:
            complaints.append(f"{key_id} cannot be read: {error}")
    return complaints
