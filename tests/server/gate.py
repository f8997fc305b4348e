"""A service in this process, asked by hand as a gateway asks it."""

from __future__ import annotations

import json
from ipaddress import ip_network
from typing import Any, NamedTuple

from secretsource.issuing import AsyncApiKeys
from secretsource.server.chores.settings import ChoreSettings
from secretsource.server.root_keys import RootKeys
from secretsource.server.service import Service
from secretsource.server.settings import Route, ServerSettings
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore

PEPPER = "a pepper of the tests, long enough"
GATEWAY = "10.0.0.1"
CLIENT = "203.0.113.7"
ROUTES = (
    Route("GET", "/orders/*", "orders:read"),
    Route("*", "/orders/*", ("orders:read", "orders:write"), 5),
    Route("*", "/admin/*", "admin"),
)


class Answer(NamedTuple):
    """An answer of an ASGI application."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> Any:
        """Its body, read as JSON."""
        return json.loads(self.body)


def service(store: MemoryStore | None = None, *, clock: Any = None, **settings: Any) -> Service:
    """The parts of a service with these settings, beside the defaults of the tests."""
    given: dict[str, Any] = {
        "routes": ROUTES,
        "trusted_proxies": (ip_network("10.0.0.0/8"),),
        "chores": ChoreSettings(every=0),
        **settings,
    }
    more = {} if clock is None else {"clock": clock}
    keys = AsyncApiKeys(AsyncMemoryStore(store or MemoryStore()), peppers=[PEPPER], **more)
    return Service(keys, ServerSettings(**given), RootKeys(keys))


async def ask(
    app: Any,
    path: str = "/v1/forward-auth",
    headers: Any = (),
    *,
    method: str = "GET",
    peer: str | None = GATEWAY,
    body: bytes | None = None,
) -> Answer:
    """Ask an application; without a ``body``, reading one fails."""
    sent: list[dict[str, Any]] = []
    raw, _, query = path.partition("?")
    coming = [] if body is None else [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        assert coming, "the application read a body"
        return coming.pop()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": method, "path": raw, "raw_path": raw.encode(), "query_string": query.encode(),
        "root_path": "", "client": None if peer is None else (peer, 4711),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
    }  # fmt: skip
    await app(scope, receive, send)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    start, end = sent
    told = [(name.decode(), value.decode()) for name, value in start["headers"]]
    assert len(dict(told)) == len([name for name, _ in told if name != "vary"]) + any(n == "vary" for n, _ in told)
    return Answer(start["status"], dict(told), end["body"])
