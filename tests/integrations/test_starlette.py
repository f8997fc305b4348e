"""The middleware of Starlette, by the acceptance list and in its own idiom."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute

from secretsource.exceptions import ConfigurationError
from secretsource.integrations.starlette import RouteKeyMiddleware, require_key
from secretsource.testing import IntegrationAcceptance, IntegrationHarness
from secretsource.testing._integrations.cases import ask, bearer
from secretsource.testing.asgi_server import asgi_server
from secretsource.testing.integration_harness import ACCEPTANCE_ROUTES, READ, broken, shown, streamed

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.websockets import WebSocket

    from secretsource.issuing import ApiKeys
    from secretsource.testing.integration_harness import AcceptanceRoute

VIEW = {"X-View": "yes"}


def route_of(route: AcceptanceRoute) -> Route:
    """A route of the acceptance list."""

    async def view(request: Request) -> Any:
        if route.answers == "broken":
            broken()
        if route.answers == "streamed":
            return StreamingResponse(streamed(), headers=VIEW)
        return JSONResponse(shown(request.scope.get("secretsource"), request.headers.items()), headers=VIEW)

    marked = view if route.scope is None else require_key(route.scope, cost=route.cost, limit=route.limit)(view)
    return Route(route.path, marked, methods=[*route.methods])


@require_key(READ)
async def echo(socket: WebSocket) -> None:
    """A web socket that says back what it hears."""
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(text)


def application(keys: ApiKeys, routes: Sequence[BaseRoute] = (), **settings: Any) -> Starlette:
    """An application behind the middleware."""
    return Starlette(routes=[*routes], middleware=[Middleware(RouteKeyMiddleware, keys=keys, **settings)])


class Harness(IntegrationHarness):
    """Builds the routes behind the middleware, half of them in a mount, and serves them with uvicorn."""

    def application(self, keys: ApiKeys, *more: BaseRoute, **settings: Any) -> Starlette:
        made = [route_of(route) for route in ACCEPTANCE_ROUTES]
        inner = Starlette(routes=made[4:])
        return application(keys, [*made[:4], WebSocketRoute("/socket", echo), *more, Mount("", app=inner)], **settings)

    @contextmanager
    def serve(self, keys: ApiKeys, **settings: Any) -> Generator[str]:
        with asgi_server(self.application(keys, **settings)) as url:
            yield url

    @contextmanager
    def serve_behind_proxy(self, keys: ApiKeys, **settings: Any) -> Generator[str]:
        with asgi_server(self.application(keys, **settings), trusts_proxy=True) as url:
            yield url

    def start_unstated(self, keys: ApiKeys) -> None:
        forgotten = Route("/forgotten", lambda _: PlainTextResponse("open"))
        with asgi_server(self.application(keys, forgotten, exempt=["/health"])):
            pass


class TestStarlette(IntegrationAcceptance):
    """The acceptance list."""

    @pytest.fixture
    def harness(self) -> Harness:
        return Harness()


class Invoices(HTTPEndpoint):
    """A class of views."""

    @require_key(READ)
    async def get(self, request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(request.url_for("invoices")))

    @require_key("invoices:write")
    async def post(self, _: Request) -> PlainTextResponse:
        return PlainTextResponse("written")


class Half(HTTPEndpoint):
    """A class with a method that states no scope."""

    @require_key(READ)
    async def get(self, _: Request) -> PlainTextResponse:
        return PlainTextResponse("stated")

    async def delete(self, _: Request) -> PlainTextResponse:
        return PlainTextResponse("open")


async def files(scope: Any, receive: Any, send: Any) -> None:
    """An application without routes."""
    await PlainTextResponse(scope["path"])(scope, receive, send)


def test_methods_and_mounts_state_their_scopes(keys: ApiKeys) -> None:
    """A path is exempt by its whole path; the application in a mount sees its own, and makes its own links."""
    inner = [Route("/invoices", Invoices, name="invoices")]
    routes = [Mount("/v1", routes=inner), Mount("/files", app=files)]
    key = bearer(keys.issue(owner="acme", scopes=[READ]).plaintext)
    with asgi_server(application(keys, routes, exempt=["/files/*"])) as url:
        assert ask(url, "/v1/invoices", headers=key).body.decode() == f"{url}/v1/invoices"
        assert [ask(url, "/v1/invoices", method, key).status for method in ("HEAD", "POST", "PUT")] == [200, 403, 405]
        paths = ("/v1/invoices", "/files/a", "/files//a", "/nowhere")
        assert [ask(url, path).status for path in paths] == [401, 200, 401, 404]


@pytest.mark.parametrize(
    "route",
    [
        Mount("/v1", routes=[Route("/forgotten", Half)]),
        Mount("/forgotten", app=files),
        WebSocketRoute("/forgotten", files),
    ],
    ids=["method", "mount", "web socket"],
)
def test_a_forgotten_route_ends_the_start(keys: ApiKeys, route: BaseRoute) -> None:
    """Wherever it is."""
    app = application(keys, [route])
    with pytest.raises(ConfigurationError, match=r"forgotten.* must state the scope"), asgi_server(app):
        pass


def test_a_route_that_is_added_later_is_closed(keys: ApiKeys) -> None:
    """A running application with a route that states no scope answers nothing more."""
    app = application(keys, [Route("/invoices", Invoices, name="invoices")])
    with asgi_server(app) as url:
        assert ask(url, "/invoices").status == 401
        app.router.routes.append(Route("/late", lambda _: PlainTextResponse("open")))
        assert (ask(url, "/late").status, ask(url, "/invoices").status) == (500, 500)
