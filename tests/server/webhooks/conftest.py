"""A service whose webhooks go to a receiver on this machine; time passes only when a test says so."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.server import gate
from tests.server.webhooks.receiver import Receiver, receiving, signing_secret

from secretsource.server.outgoing.worker import Worker
from secretsource.server.webhooks.endpoint import endpoint_worker
from secretsource.server.webhooks.settings import WebhookSettings
from secretsource.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretsource.server.service import Service
    from secretsource.stores.base import AsyncOutbox, Message

__all__ = ["World", "receiver", "world"]


class World:
    """A service with an endpoint."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.store = MemoryStore()
        self.service: Service = gate.service(self.store)
        self.now = time.time() + 1000
        self.workers: list[Worker] = []

    @property
    def outbox(self) -> AsyncOutbox:
        """The outbox of the store."""
        outbox = self.service.keys.outbox
        assert outbox is not None
        return outbox

    def endpoint(self, name: str = "shop", **settings: Any) -> WebhookSettings:
        """The settings of an endpoint."""
        given: dict[str, Any] = {"url": self.receiver.url, "secret": "HOOK", "private": True, **settings}
        return WebhookSettings(name, **given)

    def worker(self, name: str = "shop", **settings: Any) -> Worker:
        """A worker of an endpoint, whose clock is that of the test."""
        made = endpoint_worker(
            self.endpoint(name, **settings),
            self.service.keys,
            self.outbox,
            self.service.errands,
            self.service.webhooks,
        )
        made._clock = lambda: self.now
        self.workers.append(made)
        return made

    async def issue(self, **fields: Any) -> Any:
        """Make a key."""
        wanted: dict[str, Any] = {"owner": "acme", **fields}
        return await self.service.keys.issue(**wanted)

    async def waiting(self, queue: str = "webhook:shop") -> list[Message]:
        """The messages that have not arrived."""
        return list(await self.outbox.list(queue))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver over HTTP."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def world(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A service with an endpoint, and the signing secret in the environment."""
    monkeypatch.setenv("HOOK", signing_secret())
    world = World(receiver)
    yield world
    for worker in world.workers:
        worker._close()
