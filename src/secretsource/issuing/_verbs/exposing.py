"""The verb of `ApiKeys` and `AsyncApiKeys` that answers the report of a leaked key."""

from __future__ import annotations

from secretsource._ground.flow import arun, run
from secretsource._traceless import boundaries
from secretsource.issuing._manage.leaks import read_terms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from secretsource.issuing._check.verifier import Verifier
    from secretsource.issuing._manage.leaks import LeakPolicy, LeakReport, Leaks

__all__ = ["AsyncKeyExposing", "KeyExposing"]

SHORT = 3600.0
"""Seconds for which a leaked key works beside its successor, unless you choose otherwise."""


@boundaries()
class KeyExposing:
    """The verb of `ApiKeys`."""

    _leaks: Leaks
    _verifier: Verifier

    def report_leak(
        self,
        text: str,
        *,
        source: str,
        place: str | None = None,
        policy: LeakPolicy | Mapping[str, LeakPolicy] = "revoke",
        overlap: timedelta | float = SHORT,
    ) -> LeakReport:
        """Answer the report that a key leaked: end it as the policy says, and write an event ``exposed``.

        A repeated report changes nothing more: one event for each source and place. Call again after an error.

        Args:
            text: The whole key.
            source: The scanner or person that found it, in your words; the ``actor`` of the events.
            place: The place where it was found, such as an address of a file; the ``origin`` of the events. This and
                the one before are cut to 255 characters, and keys in them are masked.
            policy: ``revoke``; ``rotate``, to let it work for the overlap beside a successor; ``tell``, for the event
                alone. Or a mapping of environments to these; other environments then have their keys revoked.
            overlap: Time for which a rotated key still works, as a timedelta or in seconds.

        Returns:
            The key as it is now, and its rotation. A key that cannot be rotated, such as a disabled one, is revoked.

        Raises:
            InvalidKey: The text is not one of our keys.
            InvalidRequest: The policy or the overlap is not valid; nothing was changed.
            StoreError: The store could not answer; call again.
        """
        try:
            terms = read_terms(policy, overlap)
            flow = self._leaks.report(self._verifier, text, source, place, terms)
        finally:
            del text  # a traceback shows no key
        return run(flow)


@boundaries()
class AsyncKeyExposing:
    """The verb of `AsyncApiKeys`."""

    _leaks: Leaks
    _verifier: Verifier

    async def report_leak(
        self,
        text: str,
        *,
        source: str,
        place: str | None = None,
        policy: LeakPolicy | Mapping[str, LeakPolicy] = "revoke",
        overlap: timedelta | float = SHORT,
    ) -> LeakReport:
        """Do as `ApiKeys.report_leak` does."""
        try:
            terms = read_terms(policy, overlap)
            flow = self._leaks.report(self._verifier, text, source, place, terms)
        finally:
            del text  # a traceback shows no key
        return await arun(flow)
