"""One endpoint of webhooks at work: its queue is filled from the feed of events, and emptied by sending."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from secretsource.server.outgoing.worker import Worker
from secretsource.server.webhooks.events import queue_of
from secretsource.server.webhooks.feeding import Feeder
from secretsource.server.webhooks.sending import Sender

if TYPE_CHECKING:
    from secretsource.issuing import AsyncApiKeys
    from secretsource.server.errands import Errands
    from secretsource.server.outgoing.figures import WebhookFigures
    from secretsource.server.outgoing.retries import Failure
    from secretsource.server.webhooks.settings import WebhookSettings
    from secretsource.stores.base import AsyncOutbox, Message

__all__ = ["endpoint_worker"]

TOLD_EVERY = 10.0
"""Seconds between two counts of what waits, for the figures."""


def endpoint_worker(
    settings: WebhookSettings, keys: AsyncApiKeys, outbox: AsyncOutbox, errands: Errands, figures: WebhookFigures
) -> Worker:
    """Return the worker of an endpoint.

    Args:
        settings: The settings of the endpoint.
        keys: The keys, with the feed of their events.
        outbox: The outbox of their store.
        errands: The errands of the service.
        figures: The figures of webhooks.
    """
    told, send = _Told(figures, outbox, settings.name), Sender(settings)
    feed = Feeder(keys, outbox, settings)

    async def refill() -> None:
        await feed()
        await told.behind()

    queue = queue_of(settings.name)
    return Worker(outbox, queue, send, errands, refill=refill, settled=told.settled, close=send.close)


class _Told:
    """The reports of one endpoint to the figures."""

    def __init__(self, figures: WebhookFigures, outbox: AsyncOutbox, name: str) -> None:
        self._figures = figures
        self._outbox = outbox
        self._name = name
        self._counted = float("-inf")

    def settled(self, failure: Failure | None, later: Message | None) -> None:
        """Count an attempt."""
        is_given_up = later is not None and later.due is None
        outcome = "sent" if failure is None else "given_up" if is_given_up else "failed"
        self._figures.settled(self._name, outcome)

    async def behind(self) -> None:
        """Count what waits, now and then."""
        now = time.time()
        if not self._counted <= now < self._counted + TOLD_EVERY:  # the clock may have been set back
            self._counted = now
            self._figures.behind(self._name, await self._outbox.backlog(queue_of(self._name)), now)
