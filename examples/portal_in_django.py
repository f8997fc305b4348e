"""A shop whose customers look after their keys inside of it, with Django: python examples/portal_in_django.py."""

import asyncio
import os
import secrets
from http.cookies import SimpleCookie
from importlib import import_module

import django
import uvicorn
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from secretsource.issuing import AsyncApiKeys
from secretsource.server.pages.hosted import portal
from secretsource.server.settings import PagesSettings

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    SECRET_KEY=secrets.token_urlsafe(50),
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
)
django.setup()
Session = import_module(settings.SESSION_ENGINE).SessionStore


async def customer_of(scope) -> str | None:
    """The customer of a request, by Django's own session."""
    cookies = SimpleCookie(dict(scope["headers"]).get(b"cookie", b"").decode("latin-1"))
    cookie = cookies.get(settings.SESSION_COOKIE_NAME)
    return None if cookie is None else await Session(cookie.value).aget("customer")


def front(request) -> HttpResponse:
    return HttpResponse('<form method="post" action="/sign-in"><button>Sign in as acme</button></form>')


@csrf_exempt  # a real form has {% csrf_token %}
def sign_in(request) -> HttpResponse:
    request.session["customer"] = "acme"  # after checking a password, as you do
    return HttpResponseRedirect("/account/portal/keys")


urlpatterns = [path("", front), path("sign-in", sign_in)]


async def main() -> None:
    port = int(os.environ.get("PORT", "8000"))
    async with await AsyncApiKeys.open("memory://") as keys:
        await keys.issue(owner="acme", name="Billing worker", scopes=["invoices:read"])
        pages = PagesSettings(name="The shop", scopes=("invoices:read", "invoices:write"))
        shop, account = get_asgi_application(), portal(keys, customer_of, pages=pages)

        async def app(scope, receive, send) -> None:
            if scope["path"].startswith("/account/"):
                await account({**scope, "root_path": "/account"}, receive, send)
            else:
                await shop(scope, receive, send)

        print(f"Open http://127.0.0.1:{port}/", flush=True)
        await uvicorn.Server(uvicorn.Config(app, port=port, lifespan="off", log_level="warning")).serve()


if __name__ == "__main__":
    asyncio.run(main())
