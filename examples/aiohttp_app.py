"""A shop with aiohttp: python examples/aiohttp_app.py."""

import os

from aiohttp import web

from secretsource.integrations.aiohttp import API_KEY, require_key, setup
from secretsource.issuing import ApiKeys

keys = ApiKeys.open("memory://")


async def health(_: web.Request) -> web.Response:
    return web.Response(text="well")


@require_key("invoices:read")
async def invoices(request: web.Request) -> web.Response:
    key = request[API_KEY]
    return web.json_response({"owner": key and key.owner})


@require_key("reports:make", cost=10)
async def reports(_: web.Request) -> web.Response:
    return web.Response(text="a report")


app = web.Application()
app.add_routes([web.get("/health", health), web.get("/invoices", invoices), web.get("/reports", reports)])
setup(app, keys, exempt=["/health"])

if __name__ == "__main__":
    port = int(os.environ.get("PORT", "8000"))
    key = keys.issue(owner="acme", scopes=["invoices:read"], rate_limit="100/minute").plaintext
    print(f"curl -H 'Authorization: Bearer {key}' http://127.0.0.1:{port}/invoices", flush=True)
    web.run_app(app, host="127.0.0.1", port=port, print=None)
