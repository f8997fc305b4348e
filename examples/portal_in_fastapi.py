"""A shop whose customers look after their keys inside of it, with FastAPI: python examples/portal_in_fastapi.py."""

import asyncio
import os
import secrets

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from secretsource.issuing import AsyncApiKeys
from secretsource.server.pages.hosted import portal
from secretsource.server.settings import PagesSettings

app = FastAPI()
signed_in: dict[str, str] = {}  # the sessions of the shop; yours are in a database


async def customer_of(scope) -> str | None:
    """The customer of a request, by the shop's own cookie."""
    return signed_in.get(Request(scope).cookies.get("shop", ""))


@app.get("/")
async def front() -> HTMLResponse:
    return HTMLResponse('<form method="post" action="/sign-in"><button>Sign in as acme</button></form>')


@app.post("/sign-in")
async def sign_in() -> RedirectResponse:
    cookie = secrets.token_urlsafe(32)
    signed_in[cookie] = "acme"  # after checking a password, as you do
    answer = RedirectResponse("/account/portal/keys", 303)
    answer.set_cookie("shop", cookie, httponly=True, samesite="lax")
    return answer


async def main() -> None:
    port = int(os.environ.get("PORT", "8000"))
    async with await AsyncApiKeys.open("memory://") as keys:
        await keys.issue(owner="acme", name="Billing worker", scopes=["invoices:read"])
        pages = PagesSettings(name="The shop", scopes=("invoices:read", "invoices:write"))
        app.mount("/account", portal(keys, customer_of, pages=pages))
        print(f"Open http://127.0.0.1:{port}/", flush=True)
        await uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning")).serve()


if __name__ == "__main__":
    asyncio.run(main())
