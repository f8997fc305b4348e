"""A shop with Quart: python examples/quart_app.py."""

import os

import uvicorn
from quart import Quart, g

from secretsource.integrations.quart import ApiKeyExtension, require_key
from secretsource.issuing import ApiKeys

keys = ApiKeys.open("memory://")
app = Quart(__name__)
ApiKeyExtension(keys, app, exempt=["/health", "/static/*"])


@app.get("/health")
async def health() -> str:
    return "well"


@app.get("/invoices")
@require_key("invoices:read")
async def invoices() -> dict[str, str]:
    return {"owner": g.api_key.owner}


@app.get("/reports")
@require_key("reports:make", cost=10)
async def reports() -> str:
    return "a report"


if __name__ == "__main__":
    port = int(os.environ.get("PORT", "8000"))
    key = keys.issue(owner="acme", scopes=["invoices:read"], rate_limit="100/minute").plaintext
    print(f"curl -H 'Authorization: Bearer {key}' http://127.0.0.1:{port}/invoices", flush=True)
    uvicorn.run(app, port=port, log_level="warning")
