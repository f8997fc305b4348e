"""A shop with Flask behind waitress: python examples/flask_app.py."""

import os

import waitress
from flask import Flask, g

from secretsource.integrations.flask import ApiKeyExtension, require_key
from secretsource.issuing import ApiKeys

keys = ApiKeys.open("memory://")
app = Flask(__name__)
ApiKeyExtension(keys, app, exempt=["/health", "/static/*"])


@app.get("/health")
def health() -> str:
    return "well"


@app.get("/invoices")
@require_key("invoices:read")
def invoices() -> dict[str, str]:
    return {"owner": g.api_key.owner}


@app.get("/reports")
@require_key("reports:make", cost=10)
def reports() -> dict[str, str]:
    return {"owner": g.api_key.owner}


if __name__ == "__main__":
    port = int(os.environ.get("PORT", "8000"))
    key = keys.issue(owner="acme", scopes=["invoices:read"], rate_limit="100/minute").plaintext
    print(f"curl -H 'Authorization: Bearer {key}' http://127.0.0.1:{port}/invoices", flush=True)
    waitress.serve(app, host="127.0.0.1", port=port)
