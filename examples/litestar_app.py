"""A shop with Litestar: python examples/litestar_app.py."""

import os
from typing import Any

import uvicorn
from litestar import Litestar, Request, get

from secretsource.integrations.litestar import ApiKeyPlugin, HasScope
from secretsource.issuing import ApiKeys

keys = ApiKeys.open("memory://")


@get("/health")
async def health() -> str:
    return "well"


@get("/invoices", guards=[HasScope("invoices:read")])
async def invoices(request: Request[Any, Any, Any]) -> dict[str, str]:
    return {"owner": request.scope["secretsource"].owner}  # type: ignore[typeddict-item]


@get("/reports", guards=[HasScope("reports:make", cost=10)])
async def reports() -> str:
    return "a report"


app = Litestar([health, invoices, reports], plugins=[ApiKeyPlugin(keys, exempt=["/health", "/schema", "/schema/*"])])

if __name__ == "__main__":
    port = int(os.environ.get("PORT", "8000"))
    key = keys.issue(owner="acme", scopes=["invoices:read"], rate_limit="100/minute").plaintext
    print(f"curl -H 'Authorization: Bearer {key}' http://127.0.0.1:{port}/invoices", flush=True)
    uvicorn.run(app, port=port, log_level="warning")
