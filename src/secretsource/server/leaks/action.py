"""Reports of leaked keys in the outbox: stored before the answer, and acted on from there, by any process.

A message has the identifier of a key that the report had whole, and the place; it has no key. To act twice on a message
changes nothing more: the history keeps one event for each place.
"""

from __future__ import annotations

import json
import logging
import time
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from secretsource.exceptions import ConfigurationError, InvalidKey, KeyNotFound, SecretSourceError
from secretsource.issuing import KeyFormat, ParsedKey
from secretsource.server.news.telling import masked
from secretsource.server.outgoing.retries import Failure
from secretsource.server.outgoing.worker import Worker
from secretsource.stores.base import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsource.issuing import KeyRecord
    from secretsource.server.leaks.findings import Finding
    from secretsource.server.service import Service
    from secretsource.server.settings import LeakSettings

__all__ = ["PAUSES", "QUEUE", "SOURCE", "Action", "locator_of"]

SOURCE = "github"
"""The actor in the events."""
QUEUE = "leaks"
PAUSES = (1.0, 5.0, 30.0, 120.0, 600.0, 3600.0, 14_400.0, 28_800.0, 43_200.0)
"""Seconds between two attempts: ten in a little over a day."""
_GRAMMAR = KeyFormat()
_log = logging.getLogger(__name__)


class Action:
    """The action on reported keys.

    Args:
        service: The parts of the process.
        settings: The settings of the endpoint.

    Raises:
        ConfigurationError: The store has no outbox.
    """

    def __init__(self, service: Service, settings: LeakSettings) -> None:
        outbox = service.keys.outbox
        if outbox is None:
            raise ConfigurationError("the store has no outbox for leaks: use a store in SQLite or PostgreSQL")
        self._keys = service.keys
        self._outbox = outbox
        self._settings = settings
        self._errands = service.errands

    def worker(self) -> Worker:
        """Return a worker that acts on what is stored."""
        return Worker(self._outbox, QUEUE, self._act, self._errands, settled=_settled, pauses=PAUSES)

    async def keep(self, ours: Sequence[Finding]) -> None:
        """Store what is to be done; a finding that is not a key of ours needs nothing.

        Args:
            ours: Findings with a locator of ours.

        Raises:
            StoreError: The store could not answer; nothing was stored.
        """
        messages: list[Message] = []
        for finding in ours:
            try:
                record = await self._keys.identify(finding.text)
            except InvalidKey:
                _log.info("a reported text with the locator %s is not a key: nothing was done", locator_of(finding))
            else:
                messages.append(_message(record, finding.place))
        await self._outbox.put(messages)

    async def _act(self, message: Message) -> Failure | None:
        told: dict[str, Any] = json.loads(message.body)
        settings = self._settings
        try:
            report = await self._keys.report_leak(
                key_id=told["key_id"],
                source=SOURCE,
                place=told["place"],
                policy=settings.policy,
                overlap=settings.overlap,
            )
        except KeyNotFound:  # it was deleted, and cannot be used
            return None
        except SecretSourceError as error:
            return Failure(str(error))
        record = report.record
        _log.warning("key %s was reported as leaked: %s, it is %s", record.key_id, report.policy, record.status.value)
        return None


def locator_of(finding: Finding) -> str:
    """Return the locator in a text; it is public.

    Args:
        finding: The finding.
    """
    parsed = _GRAMMAR.parse(finding.text)
    return parsed.locator if isinstance(parsed, ParsedKey) else "unknown"


def _message(record: KeyRecord, place: str | None) -> Message:
    where = None if place is None else masked(place)
    id = sha256(f"{record.key_id}\n{where}".encode()).hexdigest()[:32]
    body = json.dumps({"key_id": record.key_id, "place": where})
    return Message(QUEUE, id, "leak.reported", body, time.time(), record.owner)


def _settled(_: Failure | None, later: Message | None) -> None:
    if later is not None and later.due is None:
        _log.error("the leak of key %s was not acted on: revoke it by hand", json.loads(later.body)["key_id"])
