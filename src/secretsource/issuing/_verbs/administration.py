"""The verbs of `ApiKeys`, other than checks, that operators and customers use."""

from __future__ import annotations

from secretsource._ground.flow import run
from secretsource._traceless import boundaries
from secretsource.issuing._key.lifecycle import Move
from secretsource.issuing._manage.field import by
from secretsource.issuing._manage.request import successor_end
from secretsource.issuing._verbs.reading import KeyReading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta
    from typing import Unpack

    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._check.verifier import Verifier
    from secretsource.issuing._manage.amend import KeyUpdate
    from secretsource.issuing._manage.ending.revocations import Revocations, RevokedKeys
    from secretsource.issuing._manage.issued import Issued, Rotated, RotationStatus
    from secretsource.issuing._manage.operations import Operations
    from secretsource.issuing._manage.request import KeyRequest
    from secretsource.issuing._manage.updates import Updates
    from secretsource.stores.base import KeyRecord

__all__ = ["ROTATE_SELF", "KeyAdministration"]

ROTATE_SELF = "keys:rotate-self"
"""The scope that lets a key be rotated by showing it."""
BY_ITSELF = "the key itself"
"""The actor in the events of such a rotation."""


@boundaries()
class KeyAdministration(KeyReading):
    """The verbs that change keys, and the parts that they work with; `ApiKeys` inherits both."""

    _parts: Parts
    _operations: Operations
    _revocations: Revocations
    _updates: Updates
    _verifier: Verifier

    if TYPE_CHECKING:

        def verify(self, text: str, *, scope: str, ip: str | None, cost: int, fresh: bool) -> KeyRecord: ...

    def issue(self, *, actor: str | None = None, origin: str | None = None, **request: Unpack[KeyRequest]) -> Issued:
        """Make a key and store its record.

        Args:
            actor: The person or program that issues it, in the application's words.
            origin: Its address or host name.
            request: The fields of the key; see `KeyRequest`.

        Returns:
            The key, 68 to 89 characters of ``0-9A-Za-z`` and ``_``, and its record.

        Raises:
            InvalidRequest: A field is not valid; nothing was stored.
            ConfigurationError: There is no pepper.
            StoreError: The store could not answer.
        """
        return run(self._operations.issue([request], by(actor, origin)))[0]

    def issue_many(
        self, requests: Sequence[KeyRequest], *, actor: str | None = None, origin: str | None = None
    ) -> Sequence[Issued]:
        """Make several keys in one transaction, all or nothing.

        Args:
            requests: The keys to issue, 1 to 10,000; see `KeyRequest`.
            actor: The person or program that issues them.
            origin: Its address or host name.

        Returns:
            The keys and their records, in the order of the requests.

        Raises:
            InvalidRequest: A request, or the number of them, is not valid; nothing was stored.
            ConfigurationError: There is no pepper.
            StoreError: The store could not answer.
        """
        return run(self._operations.issue(requests, by(actor, origin)))

    def update(
        self,
        key_id: str,
        *,
        revision: int | None = None,
        actor: str | None = None,
        origin: str | None = None,
        reason: str | None = None,
        **update: Unpack[KeyUpdate],
    ) -> KeyRecord:
        """Change a key that has not ended; while it rotates, its successor changes with it.

        The change reaches every process as a revocation does: a scope that you take away is refused as soon.

        Args:
            key_id: The key: 22 characters of ``0-9A-Za-z``.
            revision: Change the record only at this revision; None for any.
            actor: The person or program that changes it; this and the next two are cut to 255 characters.
            origin: Its address or host name.
            reason: The reason, for the event.
            update: The fields to change; see `KeyUpdate`. Fields left out stay, and None clears a field.

        Returns:
            The record as it is now.

        Raises:
            KeyNotFound: There is no such key.
            Conflict: The record has another revision.
            InvalidTransition: The key has ended.
            PlanExceeded: Its new end is later than the plan of its owner allows.
            InvalidRequest: A field is not valid; nothing was changed.
            StoreError: The store could not answer.
        """
        return run(self._updates.update(key_id, update, revision, by(actor, origin, reason)))

    def rotate(
        self,
        key_id: str,
        *,
        overlap: timedelta | float,
        expires_in: timedelta | float | None = None,
        expires_at: datetime | float | None = None,
        keep_expiry: bool = False,
        actor: str | None = None,
        origin: str | None = None,
        reason: str | None = None,
    ) -> Rotated:
        """Create a successor with the same rights; both keys work until the overlap ends.

        Retries and races make one successor in all; only the call that made it receives its text. Rotate a key again to
        end it earlier: an overlap is shortened, never prolonged.

        Args:
            key_id: The old key: 22 characters of ``0-9A-Za-z``.
            overlap: Time for which both work, as a timedelta or in seconds; 0 ends the old key at once, as after a
                leak.
            expires_in: Life of the new key, as a timedelta or in seconds; as long as the old one when left out.
            expires_at: Instant at which the new key ends, as an aware datetime or in seconds since 1970 UTC.
            keep_expiry: Whether the new key ends when the old one would have ended, as a contract does.
            actor: The person or program that rotates it; this and the next two are cut to 255 characters.
            origin: Its address or host name.
            reason: The reason, for the event.

        Returns:
            Both records, and the text of the new key for the call that made it.

        Raises:
            KeyNotFound: There is no such key.
            InvalidTransition: The key is not active; or it is rotating, and would end later than before.
            InvalidRequest: The overlap is negative or not a length of time; or the new key would end too early.
            StoreError: The store could not answer.
        """
        ends = successor_end(expires_in, expires_at, keep_expiry)
        return run(self._operations.rotate(key_id, overlap, by(actor, origin, reason), ends))

    def rotate_by(
        self,
        text: str,
        *,
        overlap: timedelta | float,
        ip: str | None = None,
        origin: str | None = None,
        keep_expiry: bool = False,
    ) -> Rotated:
        """Rotate the key that is shown: a customer's own program rotates its key.

        The key must be valid and have the scope `ROTATE_SELF`. A repeat with the old key, while both work, makes no
        key: its ``plaintext`` is None, because the first call received the text.

        Args:
            text: The whole key.
            overlap: Time for which both work, as a timedelta or in seconds.
            ip: The client's address, for a key that is bound to networks.
            origin: The client's address or host name, for the event; cut to 255 characters.
            keep_expiry: Whether the new key ends when the old one would have ended.

        Returns:
            Both records, and the text of the new key for the call that made it.

        Raises:
            InvalidKey: The key is not accepted.
            InsufficientScope: The key lacks the scope `ROTATE_SELF`.
            InvalidRequest: The overlap is negative or not a length of time.
            StoreError: The store could not answer.
        """
        try:
            record = self.verify(text, scope=ROTATE_SELF, ip=ip, cost=0, fresh=True)
        finally:
            del text  # a traceback shows no key
        return self.rotate(record.key_id, overlap=overlap, keep_expiry=keep_expiry, actor=BY_ITSELF, origin=origin)

    def rotation_status(self, key_id: str) -> RotationStatus:
        """Show the last uses of a rotated key; uses that this process has seen are flushed first.

        Args:
            key_id: The old key: 22 characters of ``0-9A-Za-z``.

        Returns:
            Both records, and the uses of the old key since.

        Raises:
            KeyNotFound: There is no such key.
            InvalidTransition: The key has not been rotated.
            StoreError: The store could not answer.
        """
        self.flush()
        return run(self._operations.rotation_status(key_id))

    def finish_rotation(
        self,
        key_id: str,
        *,
        quiet_for: timedelta | float | None = None,
        actor: str | None = None,
        origin: str | None = None,
        reason: str | None = None,
    ) -> KeyRecord:
        """End an overlap early.

        Args:
            key_id: The old key: 22 characters of ``0-9A-Za-z``.
            quiet_for: Refuse when its last use is more recent than this, as a timedelta or in seconds.
            actor: The person or program that ends it.
            origin: Its address or host name.
            reason: The reason, for the event.

        Returns:
            The record of the old key, which is revoked now.

        Raises:
            KeyNotFound: There is no such key.
            InvalidTransition: The key is not being rotated, or is still in use.
            StoreError: The store could not answer.
        """
        self.flush()
        return run(self._operations.finish_rotation(key_id, quiet_for, by(actor, origin, reason)))

    def revoke(
        self,
        key_id: str,
        *,
        family: bool = False,
        reason: str | None = None,
        actor: str | None = None,
        origin: str | None = None,
    ) -> KeyRecord:
        """Revoke a key for good; a key that has ended stays as it is.

        Args:
            key_id: The key: 22 characters of ``0-9A-Za-z``.
            family: Whether to end the whole chain of its rotations too. After a theft, the thief may hold a successor.
            reason: The reason, for the event; this and the next two are cut to 255 characters.
            actor: The person or program that revokes it.
            origin: Its address or host name.

        Returns:
            The record as it is now: revoked, or ended before.

        Raises:
            KeyNotFound: There is no such key.
            StoreError: The store could not answer; call again.
        """
        return run(self._revocations.one(key_id, by(actor, origin, reason), family=family))

    def revoke_all(
        self, *, owner: str | int, reason: str | None = None, actor: str | None = None, origin: str | None = None
    ) -> RevokedKeys:
        """Revoke every key of an owner that has not ended, also those that appear while this runs.

        Args:
            owner: The name or number that the keys were issued for.
            reason: The reason, for the event; this and the next two are cut to 255 characters.
            actor: The person or program that revokes them.
            origin: Its address or host name.

        Returns:
            The records of the keys that were revoked now, and in ``left`` the keys that could not be revoked.

        Raises:
            InvalidRequest: No key can have such an owner.
            StoreError: The store is down; keys before the failure are revoked, and you may repeat the call.
        """
        return run(self._revocations.of_owner(owner, by(actor, origin, reason)))

    def surrender(self, text: str, *, reason: str | None = None, origin: str | None = None) -> KeyRecord:
        """Revoke a key by showing it, as a scanner that found it can; a key that has ended stays as it is.

        Args:
            text: The whole key.
            reason: The reason, for the event; this and the next are cut to 255 characters.
            origin: The address or host name of the caller.

        Returns:
            The record as it is now: revoked, or ended before.

        Raises:
            InvalidKey: The text is not one of our keys.
            StoreError: The store could not answer; call again.
        """
        flow = self._revocations.by_text(self._verifier, text, by(None, origin, reason))
        del text  # a traceback shows no key
        return run(flow)

    def disable(
        self, key_id: str, *, reason: str | None = None, actor: str | None = None, origin: str | None = None
    ) -> KeyRecord:
        """Disable a key until it is enabled again; arguments, and other errors, as for `revoke`.

        Raises:
            InvalidTransition: The key is rotating, or has ended.
        """
        return run(self._operations.move(key_id, Move.DISABLE, by(actor, origin, reason)))

    def enable(
        self, key_id: str, *, reason: str | None = None, actor: str | None = None, origin: str | None = None
    ) -> KeyRecord:
        """Enable a disabled key; arguments, and other errors, as for `revoke`.

        Raises:
            InvalidTransition: The key is rotating, or has ended; a revoked key stays revoked.
        """
        return run(self._operations.move(key_id, Move.ENABLE, by(actor, origin, reason)))
