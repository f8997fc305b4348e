"""The verbs of `ApiKeys` and `AsyncApiKeys` that give a rotation more time."""

from __future__ import annotations

from secretsource._ground.flow import arun, run
from secretsource._traceless import boundaries
from secretsource.issuing._manage.field import by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import timedelta

    from secretsource.issuing._manage.updates import Updates
    from secretsource.stores.base import KeyRecord

__all__ = ["AsyncKeyOverlap", "KeyOverlap"]


@boundaries()
class KeyOverlap:
    """The verbs of `ApiKeys`."""

    _updates: Updates

    def extend_rotation(
        self,
        key_id: str,
        *,
        overlap: timedelta | float,
        actor: str | None = None,
        origin: str | None = None,
        reason: str | None = None,
    ) -> KeyRecord:
        """Let an old key work for longer while it rotates, up to its own end; `rotate` again shortens its time.

        Args:
            key_id: The old key: 22 characters of ``0-9A-Za-z``.
            overlap: Time from now for which both keys still work, as a timedelta or in seconds.
            actor: The person or program that extends it; this and the next two are cut to 255 characters.
            origin: Its address or host name.
            reason: The reason, for the event.

        Returns:
            The record of the old key, with the end that it has now.

        Raises:
            KeyNotFound: There is no such key.
            InvalidTransition: The key is not rotating, or would end earlier than before.
            InvalidRequest: The overlap is not a length of time.
            StoreError: The store could not answer.
        """
        return run(self._updates.extend(key_id, overlap, by(actor, origin, reason)))


@boundaries()
class AsyncKeyOverlap:
    """The verbs of `AsyncApiKeys`."""

    _updates: Updates

    async def extend_rotation(
        self,
        key_id: str,
        *,
        overlap: timedelta | float,
        actor: str | None = None,
        origin: str | None = None,
        reason: str | None = None,
    ) -> KeyRecord:
        """Do as `ApiKeys.extend_rotation` does."""
        return await arun(self._updates.extend(key_id, overlap, by(actor, origin, reason)))
