"""The whole service on a port of this machine, in the loop of the test, with keys in a file of SQLite."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

from secretsource.issuing import NO_SCOPE, AsyncApiKeys
from secretsource.server.app import Application
from secretsource.server.pages.visit import Visit
from secretsource.server.rights import EVERYTHING, ROOT_OWNER, ROOT_PREFIX
from secretsource.server.root_keys import RootKeys
from secretsource.server.service import Service
from secretsource.server.settings import PagesSettings, ServerSettings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from starlette.responses import Response

__all__ = ["PEPPER", "SETTINGS", "Site", "serving"]

PEPPER = "canary-51d2 pepper of the pages"
SETTINGS = ServerSettings(
    default_scope=NO_SCOPE,
    trusted_proxies=(ip_network("127.0.0.0/8"),),
    pages=PagesSettings(
        name="Acme API",
        address="https://keys.acme.example",
        scopes=("invoices:read", "invoices:write", "exports:read", "orders:*"),
    ),
)


@dataclass
class Site:
    """A running service.

    Attributes:
        base: The beginning of its addresses.
        keys: Its keys.
        settings: Its settings.
        shown: The template of the last page that it wrote.
    """

    base: str
    keys: AsyncApiKeys
    settings: ServerSettings
    shown: str = ""

    async def begin(self) -> None:
        """Check a key: the first check begins the threads that the service has until its end."""
        await self.keys.verify((await self.key("umbrella", name="Pharmacy")).plaintext, scope=NO_SCOPE)

    async def key(self, owner: str = "globex", **fields: Any) -> Any:
        """Issue a key of a customer."""
        asked: dict[str, Any] = {"owner": owner, "prefix": "sk", "scopes": ["invoices:read"], **fields}
        return await self.keys.issue(**asked)

    async def root_key(self, *scopes: str, **fields: Any) -> str:
        """Make a root key, which may do everything unless scopes are given."""
        asked: dict[str, Any] = {"name": "Front desk", "scopes": scopes or EVERYTHING, **fields}
        return (await self.keys.issue(owner=ROOT_OWNER, prefix=ROOT_PREFIX, **asked)).plaintext


def told(site: Site) -> Callable[..., Response]:
    """Return the method of a visit that writes a page, which tells the site its template, too."""
    write = Visit.page

    def page(visit: Visit, template: str, *arguments: Any, **values: Any) -> Response:
        site.shown = template
        return write(visit, template, *arguments, **values)

    return page


class _Server(uvicorn.Server):
    """A server that leaves the signals to the tests: it lives as long as many of them."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture none."""
        yield


@asynccontextmanager
async def serving(store: str, settings: ServerSettings = SETTINGS) -> AsyncGenerator[Site]:
    """Serve on a free port until the end of the block.

    Args:
        store: The URL of the store.
        settings: The settings of the service.
    """
    opened: list[AsyncApiKeys] = []

    async def open_service(_: ServerSettings) -> Service:
        keys = await AsyncApiKeys.open(store, peppers=[PEPPER], flush_every=3600)
        opened.append(keys)
        return Service(keys, settings, RootKeys(keys, refuse_after=0))

    app = Application(settings, open_service, lambda: settings)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = _Server(
            uvicorn.Config(
                app, log_level="critical", ws="none", lifespan="on", proxy_headers=False, timeout_keep_alive=120
            )
        )
        serve = asyncio.create_task(server.serve([listener]))
        try:
            while not server.started:
                assert not serve.done(), "the service did not start"
                await asyncio.sleep(0.005)
            site = Site(f"http://127.0.0.1:{listener.getsockname()[1]}", opened[0], settings)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Visit, "page", told(site))
                yield site
        finally:
            server.should_exit = True
            await serve
