"""A request through a framework: FastAPI beside a dependency by hand, and DRF beside djangorestframework-api-key.

All are called in this process, as a server calls them; nothing is sent.
"""

import asyncio
import statistics
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from benchmarks.django_settings import configure
from benchmarks.edge import request
from benchmarks.harness import Figure, Sample, at_least, interleave, per_await, per_call
from benchmarks.keyring import PEPPER, SCOPE
from secretsource.integrations.fastapi import ApiKey
from secretsource.issuing import ApiKeys, KeyRecord

TITLE = "frameworks: a request with a key, requests for the time of"
SETTINGS: dict[str, Any] = {"peppers": [PEPPER], "flush_every": 3600.0, "ttl": 1e6}


def measure(rounds: int = 100, seconds: float = 0.005) -> list[Figure]:
    """Time requests in rounds."""
    return [*fast_api(rounds, seconds), *rest_framework(rounds, seconds)]


def fast_api(rounds: int, seconds: float) -> list[Figure]:
    """Time our dependency, and two that look the text up in a dictionary of records and compare the scopes.

    Nothing waits, so processor time says the same as an idle machine.
    """
    keys = ApiKeys.open("memory://", **SETTINGS)
    issued = keys.issue(owner="acme", scopes=[SCOPE])
    assert keys.check(issued.plaintext, scope=SCOPE)
    loop, known = asyncio.new_event_loop(), {issued.plaintext: issued.record}
    apps = {"ours": _ours(keys), "by hand, with its scheme": _documented(known), "by hand": _by_hand(known)}
    samples = interleave({name: _of_app(app, issued.plaintext, seconds, loop) for name, app in apps.items()}, rounds)
    loop.close()
    keys.close()

    def against(name: str) -> float:
        return statistics.median(other / one for other, one in zip(samples[name], samples["ours"], strict=True))

    return [
        Figure(
            "FastAPI: a dependency by hand, with its scheme", against("by hand, with its scheme"), "x", at_least(0.9)
        ),
        Figure("FastAPI: a dependency by hand, from the bare header", against("by hand"), "x"),
        *(Figure(f"FastAPI: {name}", statistics.median(each) * 1e6, "us") for name, each in samples.items()),
    ]


def rest_framework(rounds: int, seconds: float) -> list[Figure]:
    """Time the middleware with a view of Django REST framework, and djangorestframework-api-key with the same view."""
    with TemporaryDirectory(prefix="secretsource-") as name:
        configure(Path(name) / "drf.db")
        from django.core.management import call_command
        from django.db import connections

        call_command("migrate", verbosity=0)
        from rest_framework_api_key.models import APIKey

        theirs = APIKey.objects.create_key(name="acme")[1]
        with ApiKeys.open("memory://", **SETTINGS) as keys:
            ours = keys.issue(owner="acme", scopes=[SCOPE]).plaintext
            asked = {
                "ours": _of_django(keys, "/ours", f"Bearer {ours}"),
                "djangorestframework-api-key": _of_django(keys, "/theirs", f"Api-Key {theirs}"),
            }
            samples = interleave(
                {case: per_call("ask()", {"ask": ask}, seconds) for case, ask in asked.items()}, rounds
            )
        connections.close_all()
    pairs = zip(samples["djangorestframework-api-key"], samples["ours"], strict=True)
    what = statistics.median(other / one for other, one in pairs)
    return [
        Figure("DRF: a permission of djangorestframework-api-key", what, "x", at_least(2)),
        *(Figure(f"DRF: {name}", statistics.median(each) * 1e6, "us") for name, each in samples.items()),
    ]


def _ours(keys: ApiKeys) -> FastAPI:
    app, api_key = FastAPI(), ApiKey(keys)
    api_key.guard(app)

    @app.get("/invoices")
    async def invoices(key: Annotated[KeyRecord, Security(api_key, scopes=[SCOPE])]) -> str:
        return key.owner

    return app


def _documented(known: dict[str, KeyRecord]) -> FastAPI:
    """What FastAPI's manual has you write: its own scheme, which is in the OpenAPI document, and the scopes."""
    scheme = HTTPBearer()

    async def key_of(
        needed: SecurityScopes, sent: Annotated[HTTPAuthorizationCredentials, Depends(scheme)]
    ) -> KeyRecord:
        return _allowed(known.get(sent.credentials), needed)

    return _app_of(key_of)


def _by_hand(known: dict[str, KeyRecord]) -> FastAPI:
    """The same from the bare header: no scheme in the document, and no *Authorize* in its page."""

    async def key_of(needed: SecurityScopes, asked: Request) -> KeyRecord:
        return _allowed(known.get(asked.headers.get("authorization", "")[7:]), needed)

    return _app_of(key_of)


def _allowed(found: KeyRecord | None, needed: SecurityScopes) -> KeyRecord:
    if found is None:
        raise HTTPException(401)
    if not found.scopes.issuperset(needed.scopes):
        raise HTTPException(403)
    return found


def _app_of(key_of: Any) -> FastAPI:
    app = FastAPI()

    @app.get("/invoices")
    async def invoices(key: Annotated[KeyRecord, Security(key_of, scopes=[SCOPE])]) -> str:
        return key.owner

    return app


def _of_app(app: Any, text: str, seconds: float, loop: asyncio.AbstractEventLoop) -> Sample:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    said: list[int] = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            said.append(message["status"])

    async def once() -> None:
        await app(request(text), receive, send)

    loop.run_until_complete(once())
    assert said == [200]
    return per_await("await once()", {"once": once}, seconds, loop, process_time)


def _of_django(keys: ApiKeys, path_of: str, authorization: str) -> Callable[[], None]:
    from types import ModuleType

    from django.core.handlers.wsgi import WSGIHandler
    from django.test import override_settings
    from django.urls import path
    from rest_framework.response import Response
    from rest_framework.views import APIView
    from rest_framework_api_key.permissions import HasAPIKey

    from secretsource.integrations.drf import ApiKeyAuthentication, HasScope

    def get(_: Any, asked: Any) -> Response:
        return Response("ok")

    is_ours = path_of == "/ours"
    fields: dict[str, Any] = {
        "get": get,
        "authentication_classes": [ApiKeyAuthentication] if is_ours else [],
        "permission_classes": [HasScope.of(SCOPE)] if is_ours else [HasAPIKey],
    }
    urls: Any = ModuleType(f"urls_of_{path_of[1:]}")
    shown: Any = type("Shown", (APIView,), fields)
    urls.urlpatterns = [path(path_of[1:], shown.as_view())]
    chosen = override_settings(
        ALLOWED_HOSTS=["*"],
        MIDDLEWARE=["secretsource.integrations.django.ApiKeyMiddleware"] if is_ours else [],
        REST_FRAMEWORK={"UNAUTHENTICATED_USER": None, "DEFAULT_RENDERER_CLASSES": [
            "rest_framework.renderers.JSONRenderer"
        ]},
        ROOT_URLCONF=urls,
        SECRETSOURCE={"keys": keys},
    )  # fmt: skip
    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": path_of, "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80",
        "REMOTE_ADDR": "127.0.0.1", "HTTP_AUTHORIZATION": authorization, "wsgi.url_scheme": "http",
    }  # fmt: skip
    with chosen:
        app: Any = WSGIHandler()
    said: list[str] = []

    def start(status: str, _: Any) -> None:
        said.append(status)

    def ask() -> None:
        asked = {**environ, "wsgi.input": BytesIO(), "wsgi.errors": BytesIO()}
        for _ in app(asked, start):
            pass
        assert said.pop().startswith("200")

    def within() -> None:
        with chosen:
            for _ in range(20):
                ask()

    within()
    return within
