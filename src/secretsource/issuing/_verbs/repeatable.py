"""The verbs of `ApiKeys` and `AsyncApiKeys` for requests that a client may repeat."""

from __future__ import annotations

from secretsource._ground.flow import arun, run
from secretsource._traceless import boundaries
from secretsource.issuing._manage.field import by
from secretsource.issuing._manage.request import successor_end

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from typing import Unpack

    from secretsource.issuing._manage.issued import Issued, Rotated
    from secretsource.issuing._manage.once import Once
    from secretsource.issuing._manage.request import KeyRequest
    from secretsource.stores.base import KeyRecord

__all__ = ["AsyncRepeatableRequests", "RepeatableRequests"]


@boundaries()
class RepeatableRequests:
    """The verbs of `ApiKeys`."""

    _once: Once

    def issue_once(
        self,
        token: str,
        *,
        caller: str,
        fingerprint: str,
        actor: str | None = None,
        origin: str | None = None,
        **request: Unpack[KeyRequest],
    ) -> Issued | KeyRecord:
        """Make a key as `issue` does, once for each token of a caller, however often and wherever it is repeated.

        A token is remembered for a day. A process that is killed on the way leaves no second key behind.

        Args:
            token: The token of the request, 1 to 255 characters; the caller makes a new one for each key that it wants.
            caller: The caller, such as the ``key_id`` of its root key; up to 64 characters of ``0-9A-Za-z``.
            fingerprint: The request of the caller as one text; a repeat has the same.
            actor: As for `issue`.
            origin: As for `issue`.
            request: As for `issue`.

        Returns:
            The key; for a repeat, the record of the key that the first request made.

        Raises:
            RepeatDiffers: The token was used with another fingerprint.
            RepeatTooSoon: The first request may be on its way still.
            KeyNotFound: The key was purged with its owner since the first request.
            InvalidRequest: A field is not valid; nothing was stored, and the token is free.
            ConfigurationError: There is no pepper, or the store keeps no claims.
            StoreError: The store could not answer.
        """
        return run(self._once.issue(token, caller, fingerprint, request, by(actor, origin)))

    def rotate_once(
        self,
        token: str,
        key_id: str,
        *,
        caller: str,
        fingerprint: str,
        overlap: timedelta | float,
        expires_in: timedelta | float | None = None,
        expires_at: datetime | float | None = None,
        keep_expiry: bool = False,
        actor: str | None = None,
        origin: str | None = None,
        reason: str | None = None,
    ) -> Rotated:
        """Rotate a key as `rotate` does; a repeat is answered with the same rotation, whatever became of it since.

        Args:
            token: As for `issue_once`, like the next three.
            key_id: The old key: 22 characters of ``0-9A-Za-z``.
            caller: The caller.
            fingerprint: The request of the caller.
            overlap: As for `rotate`, like all that follow.
            expires_in: Life of the new key.
            expires_at: Instant at which the new key ends.
            keep_expiry: Whether the new key ends when the old one would have ended.
            actor: The person or program that rotates it.
            origin: Its address or host name.
            reason: The reason, for the event.

        Raises:
            RepeatDiffers: The token was used with another fingerprint.
            KeyNotFound: There is no such key.
            InvalidTransition: As for `rotate`.
            StoreError: The store could not answer.
        """
        ends = successor_end(expires_in, expires_at, keep_expiry)
        return run(self._once.rotate(token, caller, fingerprint, key_id, overlap, by(actor, origin, reason), ends))


@boundaries()
class AsyncRepeatableRequests:
    """The verbs of `AsyncApiKeys`."""

    _once: Once

    async def issue_once(
        self,
        token: str,
        *,
        caller: str,
        fingerprint: str,
        actor: str | None = None,
        origin: str | None = None,
        **request: Unpack[KeyRequest],
    ) -> Issued | KeyRecord:
        """Do as `ApiKeys.issue_once` does."""
        return await arun(self._once.issue(token, caller, fingerprint, request, by(actor, origin)))

    async def rotate_once(
        self,
        token: str,
        key_id: str,
        *,
        caller: str,
        fingerprint: str,
        overlap: timedelta | float,
        expires_in: timedelta | float | None = None,
        expires_at: datetime | float | None = None,
        keep_expiry: bool = False,
        actor: str | None = None,
        origin: str | None = None,
        reason: str | None = None,
    ) -> Rotated:
        """Do as `ApiKeys.rotate_once` does."""
        ends = successor_end(expires_in, expires_at, keep_expiry)
        return await arun(
            self._once.rotate(token, caller, fingerprint, key_id, overlap, by(actor, origin, reason), ends)
        )
