"""The endpoints for gateways and for other services on uvicorn, each in a process of its own.

    python -m benchmarks.gates_server NAME DATABASE

does as `benchmarks.edge_server` does.
"""

from __future__ import annotations

import asyncio
import json
import sys
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from benchmarks.edge_server import LIMITED, NEVER_FLUSHED, hello, serve_app
from benchmarks.keyring import SCOPE
from secretsource.issuing import ApiKeys, AsyncApiKeys
from secretsource.server.forward_auth import forward_auth
from secretsource.server.rights import ROOT_OWNER, ROOT_PREFIX
from secretsource.server.root_keys import RootKeys
from secretsource.server.service import Service
from secretsource.server.settings import Route, ServerSettings
from secretsource.server.verify import verify

SETTINGS = ServerSettings(
    trusted_proxies=(ip_network("127.0.0.0/8"),),
    routes=(Route("POST", "/orders/*", "orders:write"), Route("*", "/admin/*", "admin"), Route("GET", "/*", SCOPE)),
)
QUESTION = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = {body}
"""


async def serve(name: str, database: str) -> None:
    """Serve the application of a name until standard input ends."""
    url = f"sqlite:///{database}"
    with ApiKeys.open(url, **NEVER_FLUSHED) as keys:
        rate_limit = LIMITED if "limit" in name else None
        text = keys.issue(owner="acme", scopes=[SCOPE], rate_limit=rate_limit).plaintext
        root = keys.issue(owner=ROOT_OWNER, prefix=ROOT_PREFIX, scopes=["keys:verify"]).plaintext
    settings: dict[str, Any] = {**NEVER_FLUSHED, "ttl": 1e6}
    checked = await AsyncApiKeys.open(url, **settings)
    service = Service(checked, SETTINGS, RootKeys(checked))
    if name == "bare":
        await serve_app(hello, "/invoices", {"Authorization": f"Bearer {text}"}, proxy_headers=False)
    elif name.startswith("forward-auth"):
        sent = {
            "Authorization": f"Bearer {text}",
            "X-Forwarded-Method": "GET",
            "X-Forwarded-Uri": "/invoices/7?page=2",
            "X-Forwarded-For": "203.0.113.7",
        }
        await serve_app(forward_auth(service), "/v1/forward-auth", sent, proxy_headers=False)
    else:
        body = json.dumps({"key": text, "scope": SCOPE, "ip": "203.0.113.7"})
        script = Path(f"{database}.lua")
        Path(f"{database}.body").write_text(body)
        script.write_text(QUESTION.format(body=json.dumps(body)))
        app = reading if "bare" in name else verify(service)
        sent = {"Authorization": f"Bearer {root}"}
        await serve_app(app, "/v1/keys:verify", sent, "-s", str(script), proxy_headers=False)


async def reading(scope: Any, receive: Any, send: Any) -> None:
    """Read the body, and answer as little as can be."""
    while (await receive()).get("more_body"):
        pass
    await hello(scope, receive, send)


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:3]))
