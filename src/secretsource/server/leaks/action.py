"""The action after a report was answered: each key ends as the policy says, even if the store is slow or down."""

from __future__ import annotations

import logging
from itertools import count
from typing import TYPE_CHECKING

from secretsource.exceptions import InvalidKey, KeyNotFound, SecretSourceError, StoreError
from secretsource.issuing import KeyFormat, ParsedKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsource.server.leaks.findings import Finding
    from secretsource.server.service import Service
    from secretsource.server.settings import LeakSettings

__all__ = ["ATTEMPTS", "SOURCE", "Action"]

SOURCE = "github"
"""The actor in the events."""
ATTEMPTS = 12
"""Attempts for one key: with the pauses between them, about a quarter of an hour."""
LONGEST_PAUSE = 120.0
"""Seconds between two attempts, at most."""
_GRAMMAR = KeyFormat()
_log = logging.getLogger(__name__)


class Action:
    """The action on reported keys.

    Args:
        service: The parts of the process.
        settings: The settings of the endpoint.
    """

    def __init__(self, service: Service, settings: LeakSettings) -> None:
        self._keys = service.keys
        self._errands = service.errands
        self._settings = settings

    async def __call__(self, ours: Sequence[Finding]) -> bool:
        """Act on every finding; return whether all of it was done. The log names the keys that were left."""
        left = list(ours)
        failed: list[Finding] = []
        try:
            while left:
                if not await self._insist(left[0]):
                    failed.append(left[0])
                del left[0]
        finally:
            for finding in (*failed, *left):
                _log.error("the leak of key %s was not acted on: revoke it by hand", _key_id(finding))
        return not failed

    async def _insist(self, finding: Finding) -> bool:
        """Act on one finding, and try again while the store cannot answer."""
        for attempt in count():
            was_last = attempt + 1 >= ATTEMPTS or self._errands.is_ending
            try:
                await self._act(finding)
            except StoreError:
                if was_last:
                    break
                await self._errands.pause(min(2.0**attempt, LONGEST_PAUSE))
            except SecretSourceError as error:
                _log.error("the answer to a leak failed: %s", type(error).__name__)
                break
            else:
                return True
        return False

    async def _act(self, finding: Finding) -> None:
        settings = self._settings
        try:
            report = await self._keys.report_leak(
                finding.text, source=SOURCE, place=finding.place, policy=settings.policy, overlap=settings.overlap
            )
        except (InvalidKey, KeyNotFound):
            _log.info("a reported text with the locator %s is not a key: nothing was done", _key_id(finding))
            return
        record = report.record
        _log.warning("key %s was reported as leaked: %s, it is %s", record.key_id, report.policy, record.status.value)


def _key_id(finding: Finding) -> str:
    """Return the locator in a text; it is public."""
    parsed = _GRAMMAR.parse(finding.text)
    return parsed.locator if isinstance(parsed, ParsedKey) else "unknown"
