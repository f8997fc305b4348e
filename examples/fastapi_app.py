"""A shop with FastAPI: python examples/fastapi_app.py, and open /docs."""

import os
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Security

from secretsource.integrations.fastapi import ApiKey
from secretsource.integrations.routes import require_key
from secretsource.issuing import NO_SCOPE, ApiKeys, KeyRecord

keys = ApiKeys.open("memory://")
api_key = ApiKey(keys, exempt=["/health"])
app = FastAPI(title="A shop")
api_key.guard(app)


@app.get("/health")
def health() -> str:
    return "well"


@app.get("/invoices")
def invoices(key: Annotated[KeyRecord, Security(api_key, scopes=["invoices:read"])]) -> dict[str, str]:
    return {"owner": key.owner}


@app.get("/reports")
@require_key(NO_SCOPE, cost=10)
def reports(key: Annotated[KeyRecord, Security(api_key, scopes=["reports:make"])]) -> dict[str, str]:
    return {"owner": key.owner}


if __name__ == "__main__":
    port = int(os.environ.get("PORT", "8000"))
    key = keys.issue(owner="acme", scopes=["invoices:read"], rate_limit="100/minute").plaintext
    print(f"curl -H 'Authorization: Bearer {key}' http://127.0.0.1:{port}/invoices", flush=True)
    uvicorn.run(app, port=port, log_level="warning")
