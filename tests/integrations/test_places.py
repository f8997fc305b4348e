"""Streams, failures and clients that go away, by the means of each framework: a request leaves its place at its end."""

from __future__ import annotations

import asyncio
import io
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from fastapi import FastAPI, Security
from fastapi.responses import StreamingResponse
from flask import Flask, Response, request
from quart import Quart
from quart import Response as QuartResponse
from tests.integrations.django_project import project
from tests.integrations.test_aiohttp import served
from werkzeug.test import Client
from werkzeug.wsgi import wrap_file

from secretsource.integrations import aiohttp, fastapi, flask, quart
from secretsource.integrations.routes import require_key
from secretsource.issuing import ApiKeys
from secretsource.testing import FakeClock
from secretsource.testing._integrations.cases import LosableStore, World, bearer
from secretsource.testing.asgi_server import asgi_server
from secretsource.testing.integration_harness import READ, broken

from django.http import FileResponse, StreamingHttpResponse  # isort: skip - the settings come first
from django.test import override_settings  # isort: skip
from django.urls import path  # isort: skip

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterator

    from secretsource.issuing import Issued

PART = b"part"
PATIENCE = 20.0


@pytest.fixture
def world() -> Generator[World]:
    """Keys over an empty store, with a clock that stands still: no lease ends by itself."""
    store, clock = LosableStore(), FakeClock()
    with ApiKeys(store, peppers=["a pepper of these tests, long"], clock=clock) as keys:
        yield World(keys, store, clock)


@pytest.fixture
def issued(world: World) -> Issued:
    """A key for one request at once."""
    return world.issued(rate_limit="1 at once")


def parts() -> Iterator[bytes]:
    """An answer without an end."""
    while True:
        yield PART


async def later_parts() -> AsyncIterator[bytes]:
    """The same, for an event loop."""
    while True:
        yield PART
        await asyncio.sleep(0)


@require_key(READ)
def flask_view() -> Response:
    """A view of Flask, by the path of its request."""
    if request.path == "/broken":
        broken()
    if request.path == "/file":
        return Response(wrap_file(request.environ, io.BytesIO(PART)), direct_passthrough=True)
    return Response(parts())


@require_key(READ)
def django_view(asked: Any) -> Any:
    """A view of Django, by the path of its request."""
    if asked.path == "/broken":
        broken()
    return FileResponse(io.BytesIO(PART)) if asked.path == "/file" else StreamingHttpResponse(parts())


PATHS = ("stream", "file", "broken")


@contextmanager
def of_flask(keys: ApiKeys) -> Generator[Any]:
    """The application of Flask; its errors reach the server."""
    app = Flask(__name__, static_folder=None)
    app.testing = True
    flask.ApiKeyExtension(keys, app)
    for name in PATHS:
        app.add_url_rule(f"/{name}", name, flask_view)
    yield app


@contextmanager
def of_django(keys: ApiKeys) -> Generator[Any]:
    """The project of Django; its errors reach the server."""
    with (
        project([path(name, django_view) for name in PATHS], keys) as app,
        override_settings(DEBUG_PROPAGATE_EXCEPTIONS=True),
    ):
        yield app


@contextmanager
def fastapi_served(keys: ApiKeys) -> Generator[str]:
    """FastAPI behind uvicorn."""
    app, api_key = FastAPI(), fastapi.ApiKey(keys)
    api_key.guard(app)

    async def stream(_: Any = Security(api_key, scopes=[READ])) -> StreamingResponse:  # noqa: B008 - FastAPI's way
        return StreamingResponse(later_parts())

    app.add_api_route("/stream", stream, response_model=None)
    with asgi_server(app) as url:
        yield url


@contextmanager
def quart_served(keys: ApiKeys) -> Generator[str]:
    """Quart behind uvicorn."""
    app = Quart(__name__, static_folder=None)
    quart.ApiKeyExtension(keys, app)

    async def stream() -> QuartResponse:
        return QuartResponse(later_parts())

    app.add_url_rule("/stream", "stream", require_key(READ)(stream))
    with asgi_server(app) as url:
        yield url


@contextmanager
def aiohttp_served(keys: ApiKeys) -> Generator[str]:
    """The server of aiohttp."""
    app = web.Application()
    aiohttp.setup(app, keys)

    async def stream(asked: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(asked)
        async for part in later_parts():
            await response.write(part)
        return response

    app.router.add_get("/stream", require_key(READ)(stream))
    with served(app) as url:
        yield url


@pytest.mark.parametrize("application", [of_flask, of_django])
def test_a_stream_of_threads_holds_its_place_until_it_is_closed(
    application: Callable[..., Any], world: World, issued: Issued
) -> None:
    """In the middle, as a server of WSGI does when the client goes away; another request is refused until then."""
    key = bearer(issued.plaintext)
    with application(world.keys) as app:
        first = Client(app).get("/stream", headers=key)
        assert first.status_code == 200
        assert Client(app).get("/stream", headers=key).status_code == 429
        first.close()
        assert world.is_free(issued, 0)
        last = Client(app).get("/stream", headers=key)
        assert last.status_code == 200
        last.close()


@pytest.mark.parametrize("application", [of_flask, of_django])
def test_a_file_leaves_its_place(application: Callable[..., Any], world: World, issued: Issued) -> None:
    """Also where the server sends it without the framework."""
    with application(world.keys) as app:
        answer = Client(app).get("/file", headers=bearer(issued.plaintext))
        assert (answer.status_code, answer.data) == (200, PART)
        answer.close()
    assert world.is_free(issued, 0)


@pytest.mark.parametrize("application", [of_flask, of_django])
def test_an_error_that_the_server_gets_leaves_its_place(
    application: Callable[..., Any], world: World, issued: Issued
) -> None:
    """No answer is made of it, so none is closed."""
    with application(world.keys) as app, pytest.raises(ArithmeticError):
        Client(app).get("/broken", headers=bearer(issued.plaintext))
    assert world.is_free(issued, 0)


def test_a_function_after_the_view_that_fails_leaves_its_place(world: World, issued: Issued) -> None:
    """Although Flask then calls no other function after it."""

    def fail(_: Response) -> Response:
        raise ArithmeticError("planned")

    with of_flask(world.keys) as app:
        app.after_request(fail)
        with pytest.raises(ArithmeticError):
            Client(app).get("/file", headers=bearer(issued.plaintext))
    assert world.is_free(issued, 0)


@pytest.mark.parametrize("serve", [fastapi_served, quart_served, aiohttp_served])
def test_a_client_that_goes_away_leaves_its_place(serve: Callable[..., Any], world: World, issued: Issued) -> None:
    """In the middle of an answer without an end, which holds its place until then."""
    with serve(world.keys) as url:
        connection = HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)
        connection.request("GET", "/stream", headers=bearer(issued.plaintext))
        answer = connection.getresponse()
        assert answer.read(len(PART)) == PART
        is_held = not world.is_free(issued, 0)
        answer.close()
        connection.close()
        assert is_held
        assert world.is_free(issued, PATIENCE)
