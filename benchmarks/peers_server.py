"""Web applications behind the packages that people use for API keys, on uvicorn, each in a process of its own.

    python -m benchmarks.peers_server NAME DATABASE

does as `benchmarks.edge_server` does. Each answers one request with a key, as its package's manual has it.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from fastapi import Depends, FastAPI, HTTPException, Request

from benchmarks.django_settings import configure
from benchmarks.edge_server import guarded, issue, serve_app
from benchmarks.libraries import keyshield


async def serve(name: str, database: str) -> None:
    """Serve the application of a name until standard input ends."""
    if name == "ASGI middleware":
        text = issue(database, False)
        await serve_app(await guarded("scope", database, text), "/invoices", {"Authorization": f"Bearer {text}"})
    elif "keyshield" in name:
        async with keyshield(Path(database), cached=True) as (check, text):
            await serve_app(_with_keyshield(check), "/invoices", {"Authorization": f"Bearer {text}"})
    else:
        text = await asyncio.to_thread(_of_django, Path(database))
        await serve_app(_with_django(), "/invoices", {"Authorization": f"Api-Key {text}"})


def _with_keyshield(check: Any) -> FastAPI:
    app, turn = FastAPI(), asyncio.Lock()  # its session serves one request at a time, and each check writes

    async def key_of(asked: Request) -> str:
        async with turn:
            found = await check(asked.headers["authorization"][7:])
        if found is None:
            raise HTTPException(401)
        return str(found.name)

    @app.get("/invoices")
    async def invoices(key: str = Depends(key_of)) -> str:
        return key

    return app


def _of_django(file: Path) -> str:
    from django.core.management import call_command

    configure(file)
    call_command("migrate", verbosity=0)
    from rest_framework_api_key.models import APIKey

    text: str = APIKey.objects.create_key(name="acme")[1]
    return text


def _with_django() -> Any:
    from django.core.handlers.asgi import ASGIHandler
    from django.test import override_settings
    from django.urls import path
    from rest_framework.renderers import JSONRenderer
    from rest_framework.response import Response
    from rest_framework.views import APIView
    from rest_framework_api_key.permissions import HasAPIKey

    def get(_: Any, __: Any) -> Response:
        return Response("ok")

    fields: dict[str, Any] = {
        "get": get,
        "authentication_classes": [],
        "permission_classes": [HasAPIKey],
        "renderer_classes": [JSONRenderer],
    }
    shown: Any = type("Shown", (APIView,), fields)
    urls: Any = ModuleType("urls_of_a_peer")
    urls.urlpatterns = [path("invoices", shown.as_view())]
    sys.modules[urls.__name__] = urls
    override_settings(
        ROOT_URLCONF=urls.__name__, ALLOWED_HOSTS=["*"], MIDDLEWARE=[], REST_FRAMEWORK={"UNAUTHENTICATED_USER": None}
    ).enable()
    return ASGIHandler()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:3]))
