"""The verbs of `ApiKeys` and `AsyncApiKeys` that identify a leaked key, and answer the report of one."""

from __future__ import annotations

from secretsource._ground.flow import arun, run
from secretsource._traceless import boundaries
from secretsource.exceptions import InvalidRequest
from secretsource.issuing._manage.ending.leaks import read_terms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from secretsource._ground.flow import Flow
    from secretsource.issuing._check.verifier import Verifier
    from secretsource.issuing._manage.ending.leaks import LeakPolicy, LeakReport, Leaks
    from secretsource.stores.base import KeyRecord

__all__ = ["AsyncKeyExposing", "KeyExposing"]

SHORT = 3600.0
"""Seconds for which a leaked key works beside its successor, unless you choose otherwise."""


class _Exposing:
    """The parts that both shells work with."""

    _leaks: Leaks
    _verifier: Verifier

    def _found(self, text: str | None, key_id: str | None) -> Flow[KeyRecord]:
        """Return the flow that finds the key.

        Raises:
            InvalidRequest: Both are given, or neither is.
        """
        try:
            if (text is None) == (key_id is None):
                raise InvalidRequest("give the text of the key or its key_id, and not both")
            return self._leaks.known(key_id or "") if text is None else self._leaks.identify(self._verifier, text)
        finally:
            del text, key_id  # a traceback shows no key


@boundaries()
class KeyExposing(_Exposing):
    """The verbs of `ApiKeys`."""

    def identify(self, text: str) -> KeyRecord:
        """Return the record of a key from its whole text, whatever its status; no limit is drawn.

        Args:
            text: The whole key.

        Raises:
            InvalidKey: The text is not one of our keys.
            StoreError: The store could not answer; call again.
        """
        try:
            flow = self._leaks.identify(self._verifier, text)
        finally:
            del text  # a traceback shows no key
        return run(flow)

    def report_leak(
        self,
        text: str | None = None,
        *,
        key_id: str | None = None,
        source: str,
        place: str | None = None,
        policy: LeakPolicy | Mapping[str, LeakPolicy] = "revoke",
        overlap: timedelta | float = SHORT,
        actor: str | None = None,
        origin: str | None = None,
    ) -> LeakReport:
        """Answer the report that a key leaked: end it as the policy says, and write an event ``exposed``.

        A repeated report changes nothing more: one event for each source and place. Call again after an error.

        Args:
            text: The whole key.
            key_id: The key in place of its text, if you have identified it before (`identify`).
            source: The scanner or person that found it, in your words; the ``actor`` of the events.
            place: The place where it was found, such as an address of a file; the ``origin`` of the events. This and
                the one before are cut to 255 characters, and keys in them are masked.
            policy: ``revoke``; ``rotate``, to let it work for the overlap beside a successor; ``tell``, for the event
                alone. Or a mapping of environments to these; other environments then have their keys revoked.
            overlap: Time for which a rotated key still works, as a timedelta or in seconds.
            actor: The person or program that reports it, where the source is only what that says. It is the ``actor``
                of the revocation or rotation; the event ``exposed`` names it beside the policy.
            origin: The address that the actor reports it from, for the same events.

        Returns:
            The key as it is now, and its rotation. A key that cannot be rotated, such as a disabled one, is revoked.

        Raises:
            InvalidKey: The text is not one of our keys.
            KeyNotFound: No key has this ``key_id``.
            InvalidRequest: The policy or the overlap is not valid; nothing was changed.
            StoreError: The store could not answer; call again.
        """
        try:
            flow = self._leaks.report(
                self._found(text, key_id), source, place, read_terms(policy, overlap), actor=actor, origin=origin
            )
        finally:
            del text, key_id  # a traceback shows no key
        return run(flow)


@boundaries()
class AsyncKeyExposing(_Exposing):
    """The verbs of `AsyncApiKeys`."""

    async def identify(self, text: str) -> KeyRecord:
        """Do as `ApiKeys.identify` does."""
        try:
            flow = self._leaks.identify(self._verifier, text)
        finally:
            del text  # a traceback shows no key
        return await arun(flow)

    async def report_leak(
        self,
        text: str | None = None,
        *,
        key_id: str | None = None,
        source: str,
        place: str | None = None,
        policy: LeakPolicy | Mapping[str, LeakPolicy] = "revoke",
        overlap: timedelta | float = SHORT,
        actor: str | None = None,
        origin: str | None = None,
    ) -> LeakReport:
        """Do as `ApiKeys.report_leak` does."""
        try:
            flow = self._leaks.report(
                self._found(text, key_id), source, place, read_terms(policy, overlap), actor=actor, origin=origin
            )
        finally:
            del text, key_id  # a traceback shows no key
        return await arun(flow)
