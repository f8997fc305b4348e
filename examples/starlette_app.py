"""A shop with Starlette: python examples/starlette_app.py."""

import os

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from secretsource.integrations.starlette import RouteKeyMiddleware, require_key
from secretsource.issuing import ApiKeys

keys = ApiKeys.open("memory://")


async def health(_: Request) -> JSONResponse:
    return JSONResponse("well")


@require_key("invoices:read")
async def invoices(request: Request) -> JSONResponse:
    return JSONResponse({"owner": request.scope["secretsource"].owner})


@require_key("reports:make", cost=10)
async def reports(_: Request) -> JSONResponse:
    return JSONResponse("a report")


app = Starlette(
    routes=[Route("/health", health), Route("/invoices", invoices), Route("/reports", reports)],
    middleware=[Middleware(RouteKeyMiddleware, keys=keys, exempt=["/health"])],
)

if __name__ == "__main__":
    port = int(os.environ.get("PORT", "8000"))
    key = keys.issue(owner="acme", scopes=["invoices:read"], rate_limit="100/minute").plaintext
    print(f"curl -H 'Authorization: Bearer {key}' http://127.0.0.1:{port}/invoices", flush=True)
    uvicorn.run(app, port=port, log_level="warning")
