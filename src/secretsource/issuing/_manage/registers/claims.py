"""The tokens of requests that a client may repeat: each is claimed by one request, and remembered for a day."""

from __future__ import annotations

from hashlib import sha256

from secretsource.exceptions import ConfigurationError, InvalidRequest, RepeatDiffers
from secretsource.stores.base import Claim

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from secretsource._ground.flow import Flow
    from secretsource.issuing._check.parts import Parts
    from secretsource.stores.base import AsyncClaimStore, Change, ClaimStore, OwnerEvent

__all__ = ["Claims"]

KEPT = 86_400.0
"""Seconds for which a token is remembered."""
LONGEST_TOKEN = 255


class Claims:
    """The flows over claims."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def of(self, token: str, caller: str, fingerprint: str, key_id: str = "") -> Claim:
        """Return the claim of a request, which is not stored yet.

        Raises:
            InvalidRequest: The token is empty or too long.
        """
        if not 0 < len(token) <= LONGEST_TOKEN:
            raise InvalidRequest(f"the token of a repeatable request must have 1 to {LONGEST_TOKEN} characters")
        return Claim(caller, _hash(token), _hash(fingerprint), key_id, self._parts.clock.now().wall)

    def take(self, claim: Claim) -> Flow[Claim]:
        """Store a claim, and return the one that holds for its token.

        Raises:
            RepeatDiffers: The token was used for another request.
        """
        found: Claim = yield self._store.take(claim, claim.made - KEPT)
        return _of_same_request(found, claim)

    def release(self, claim: Claim) -> Flow[None]:
        """Forget a claim whose request failed."""
        yield self._store.release(claim)

    def is_made(self, claim: Claim | None) -> Flow[bool]:
        """Return whether an earlier request with the token was carried out; never without a claim.

        Raises:
            RepeatDiffers: The token was used for another request.
        """
        return claim is not None and (yield from self.find(claim)) is not None

    def find(self, claim: Claim) -> Flow[Claim | None]:
        """Return the claim that holds for a token, or None.

        Raises:
            RepeatDiffers: The token was used for another request.
        """
        found: Claim | None = yield self._store.find(claim, claim.made - KEPT)
        return None if found is None else _of_same_request(found, claim)

    def change_keys(self, claim: Claim | None, changes: Sequence[Change]) -> Flow[bool]:
        """Store changes of keys, and the claim with them if there is one; all or nothing."""
        if claim is None:
            stored: bool = yield self._parts.store.update_all(changes)
        else:
            stored = yield self._store.change_keys(claim, claim.made - KEPT, changes)
        return stored

    def change_owner(self, claim: Claim, record: Any, event: OwnerEvent) -> Flow[Any]:
        """Store a change of an owner, and the claim with it; both or nothing."""
        return (yield self._store.change_owner(claim, claim.made - KEPT, record, event))

    @property
    def _store(self) -> ClaimStore | AsyncClaimStore:
        claims = self._parts.store.claims
        if claims is None:
            raise ConfigurationError(
                f"a {type(self._parts.store).__name__} keeps no claims: use a store in SQLite or PostgreSQL"
            )
        return claims


def _of_same_request(found: Claim, claim: Claim) -> Claim:
    if found.request != claim.request:
        raise RepeatDiffers("this token was used for another request: choose a new token for each request")
    return found


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
