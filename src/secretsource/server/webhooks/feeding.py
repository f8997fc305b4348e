"""Filling the queue of an endpoint: the events of the feed since its place become messages, in one transaction."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from secretsource.exceptions import KeyNotFound, OwnerNotFound
from secretsource.issuing.documents import owner_record_document, record_document
from secretsource.server.webhooks.events import message_of, queue_of, type_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from secretsource.issuing import AsyncApiKeys
    from secretsource.server.webhooks.settings import WebhookSettings
    from secretsource.stores.base import AsyncOutbox, HistoryEvent, Message

__all__ = ["PAGE", "Feeder"]

PAGE = 200
"""Events that are read at once."""


class Feeder:
    """The feeder of one endpoint.

    Several processes may fill one queue: the store lets one of them move it on.

    Args:
        keys: The keys, with the feed of their events.
        outbox: The outbox of their store.
        endpoint: The endpoint.
    """

    def __init__(self, keys: AsyncApiKeys, outbox: AsyncOutbox, endpoint: WebhookSettings) -> None:
        self._keys = keys
        self._outbox = outbox
        self._endpoint = endpoint

    async def __call__(self) -> None:
        """Make messages of all new events.

        Raises:
            StoreError: The store could not answer; the queue is where it was, and the events are read again.
        """
        queue = queue_of(self._endpoint.name)
        is_all = False
        while not is_all:
            place = await self._outbox.begin(queue)
            events = await self._keys.history(after=place, limit=PAGE)
            is_all = len(events) < PAGE
            if events:
                messages = [await self._message(event) for event in events if type_of(event) in self._endpoint.events]
                await self._outbox.follow(queue, place, events[-1].position, messages)

    async def _message(self, event: HistoryEvent) -> Message:
        return message_of(event, self._endpoint.name, await self._subject(event))

    async def _subject(self, event: HistoryEvent) -> Mapping[str, Any] | None:
        """Return the document of what the event is about; None if it was deleted since."""
        try:
            if event.subject == "key":
                return record_document(await self._keys.get(event.id), time.time())
            return owner_record_document(await self._keys.owners.get(event.id))
        except (KeyNotFound, OwnerNotFound):
            return None
