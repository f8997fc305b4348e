"""The endpoints for gateways and for other services on uvicorn, each in a process of its own.

    python -m benchmarks.gates_server NAME DATABASE

does as `benchmarks.edge_server` does.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from benchmarks.edge_server import LIMITED, NEVER_FLUSHED, hello, serve_app
from benchmarks.keyring import SCOPE
from benchmarks.raw import LOCATOR, RawSqlite
from secretsource.issuing import ApiKeys, AsyncApiKeys
from secretsource.server.app import build
from secretsource.server.rights import ROOT_OWNER, ROOT_PREFIX
from secretsource.server.root_keys import RootKeys
from secretsource.server.service import Service
from secretsource.server.settings import Route, ServerSettings

SETTINGS = ServerSettings(
    trusted_proxies=(ip_network("127.0.0.0/8"),),
    routes=(Route("POST", "/orders/*", "orders:write"), Route("*", "/admin/*", "admin"), Route("GET", "/*", SCOPE)),
)
QUESTION = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = {body}
"""


class ByHand:
    """Forward-auth by hand: SHA-256, one look-up by `sqlite3`, the same questions to the row, and its three headers."""

    def __init__(self, database: str) -> None:
        self._check = RawSqlite(Path(database)).check

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        asked = dict(scope["headers"])
        assert asked[b"x-forwarded-method"] == b"GET"
        assert asked[b"x-forwarded-uri"].partition(b"?")[0].startswith(b"/")
        row = self._check(asked[b"authorization"][7:].decode(), SCOPE)
        assert row is not None
        headers = [
            (b"x-key-id", asked[b"authorization"][7:][LOCATOR]),
            (b"x-key-owner", b"acme"),
            (b"x-key-scopes", SCOPE.encode()),
            (b"vary", b"Authorization, X-API-Key"),
            (b"cache-control", b"no-store"),
            (b"content-length", b"0"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


async def serve(name: str, database: str) -> None:
    """Serve the application of a name until standard input ends."""
    url = f"sqlite:///{database}"
    with ApiKeys.open(url, **NEVER_FLUSHED) as keys:
        rate_limit = LIMITED if "limit" in name else None
        text = keys.issue(owner="acme", scopes=[SCOPE], rate_limit=rate_limit).plaintext
        root = keys.issue(owner=ROOT_OWNER, prefix=ROOT_PREFIX, scopes=["keys:verify"]).plaintext
    settings: dict[str, Any] = {**NEVER_FLUSHED, "ttl": 1e-9 if "uncached" in name else 1e6}
    checked = await AsyncApiKeys.open(url, **settings)
    service = Service(checked, replace(SETTINGS, traces="spans" in name), RootKeys(checked))
    if name == "bare":
        await serve_app(hello, "/invoices", {"Authorization": f"Bearer {text}"}, proxy_headers=False)
    elif name.startswith("forward-auth") or name == "by hand, uncached":
        sent = {
            "Authorization": f"Bearer {text}",
            "X-Forwarded-Method": "GET",
            "X-Forwarded-Uri": "/invoices/7?page=2",
            "X-Forwarded-For": "203.0.113.7",
        }
        app = build(service) if name.startswith("forward-auth") else ByHand(database)
        await serve_app(app, "/v1/forward-auth", sent, proxy_headers=False)
    else:
        body = json.dumps({"key": text, "scope": SCOPE, "ip": "203.0.113.7"})
        script = Path(f"{database}.lua")
        Path(f"{database}.body").write_text(body)
        script.write_text(QUESTION.format(body=json.dumps(body)))
        app = reading if "bare" in name else build(service)
        sent = {"Authorization": f"Bearer {root}"}
        await serve_app(app, "/v1/keys:verify", sent, "-s", str(script), proxy_headers=False)


async def reading(scope: Any, receive: Any, send: Any) -> None:
    """Read the body, and answer as little as can be."""
    while (await receive()).get("more_body"):
        pass
    await hello(scope, receive, send)


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:3]))
