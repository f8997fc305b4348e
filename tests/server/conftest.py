"""The service in this process, with a store in SQLite and a root key that may do everything."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from tests.server.asgi_client import Client

from secretsource.issuing import AsyncApiKeys
from secretsource.server.app import Application
from secretsource.server.rights import EVERYTHING, ROOT_OWNER, ROOT_PREFIX
from secretsource.server.root_keys import RootKeys
from secretsource.server.service import Service
from secretsource.server.settings import ServerSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PEPPER = "canary-7c0e pepper of the service"


@dataclass
class World:
    """A running service and its clients."""

    app: Application
    keys: AsyncApiKeys
    root: Client
    root_key_id: str
    settings: ServerSettings = field(default_factory=ServerSettings)

    async def root_key(self, *scopes: str, **fields: Any) -> str:
        """Make a root key past the API."""
        issued = await self.keys.issue(owner=ROOT_OWNER, prefix=ROOT_PREFIX, scopes=scopes, **fields)
        return issued.plaintext

    async def customer_key(self, owner: str = "acme", **fields: Any) -> Any:
        """Make a key of a customer past the API."""
        asked: dict[str, Any] = {"owner": owner, "prefix": "acme", "scopes": ["invoices:read"], **fields}
        return await self.keys.issue(**asked)


@pytest.fixture
def settings() -> ServerSettings:
    """The settings of the service."""
    return ServerSettings()


@pytest_asyncio.fixture
async def world(settings: ServerSettings) -> AsyncIterator[World]:
    """A service on a new store."""

    async def open_service(_: ServerSettings) -> Service:
        keys = await AsyncApiKeys.open("sqlite://", peppers=[PEPPER], flush_every=3600)
        return Service(keys, settings, RootKeys(keys, refuse_after=0))

    app = Application(settings, open_service, lambda: settings)
    await app.start()
    assert app.service is not None
    keys = app.service.keys
    first = await keys.issue(owner=ROOT_OWNER, prefix=ROOT_PREFIX, scopes=EVERYTHING)
    try:
        yield World(app, keys, Client(app, first.plaintext), first.record.key_id, settings)
    finally:
        await app.stop()
