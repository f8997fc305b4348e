"""The middleware of Starlette, by the acceptance list and in its own idiom."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route, Router, WebSocketRoute

from secretsource.exceptions import ConfigurationError
from secretsource.integrations.starlette import RouteKeyMiddleware, require_key
from secretsource.issuing import ApiKeys
from secretsource.stores.memory import MemoryStore
from secretsource.testing import IntegrationAcceptance, IntegrationHarness
from secretsource.testing._integrations.cases import ask, bearer
from secretsource.testing.asgi_server import asgi_server
from secretsource.testing.integration_harness import ACCEPTANCE_ROUTES, READ, broken, shown, streamed

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from starlette.requests import Request
    from starlette.websockets import WebSocket

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


async def plain(_: Request) -> PlainTextResponse:
    """A view that states no scope."""
    return PlainTextResponse("open")


@require_key(READ)
async def stated_view(_: Request) -> PlainTextResponse:
    """A view that states its scope."""
    return PlainTextResponse("stated")


@pytest.mark.parametrize("change", ["added in a mount", "added in a router", "replaced", "replaced by an equal one"])
def test_a_route_that_changes_later_is_closed(keys: ApiKeys, change: str) -> None:
    """Also deep inside, and where the number of routes stays the same."""
    deep = Router([Route("/deep", stated_view)])
    mount = Mount("/v1", routes=[Route("/invoices", stated_view), Mount("/router", app=deep)])
    app = application(keys, [mount])
    key = bearer(keys.issue(owner="acme", scopes=[READ]).plaintext)
    with asgi_server(app) as url:
        assert ask(url, "/v1/invoices", headers=key).status == 200
        if change == "added in a mount":
            mount.routes.append(Route("/late", plain))
            assert ask(url, "/v1/late").status == 500
        elif change == "added in a router":
            deep.routes.append(Route("/late", plain))
            assert ask(url, "/v1/router/late").status == 500
        elif change == "replaced":
            mount.routes[0] = Route("/late", plain)
            assert ask(url, "/v1/late").status == 500
        else:
            mount.routes[0] = Route("/invoices", stated_view)
            assert [ask(url, "/v1/invoices", headers=each).status for each in ({}, key)] == [401, 200]


def test_applications_that_share_a_route_check_their_own_keys(keys: ApiKeys) -> None:
    """A list of routes at the top of a module may serve several applications, as in tests."""
    shared = [Route("/invoices", stated_view)]
    with ApiKeys(MemoryStore(), peppers=["another pepper of the tests"]) as others:
        for mine, foreign in ((keys, others), (others, keys)):
            own, other = (bearer(each.issue(owner="acme", scopes=[READ]).plaintext) for each in (mine, foreign))
            with asgi_server(application(mine, shared)) as url:
                assert [ask(url, "/invoices", headers=each).status for each in (own, other)] == [200, 401]
    with asgi_server(Starlette(routes=shared)) as url:
        assert ask(url, "/invoices").status == 500


def test_an_application_in_a_mount_checks_its_own_keys(keys: ApiKeys) -> None:
    """Both keys are needed where both have the middleware; its own is enough where its paths are exempt outside."""
    with ApiKeys(MemoryStore(), peppers=["another pepper of the tests"]) as others:
        outer = bearer(keys.issue(owner="acme", scopes=[READ]).plaintext)
        inner = {"X-Inner-Key": others.issue(owner="acme", scopes=[READ]).plaintext}
        for exempt, expected in (((), [401, 401, 200]), (("/in/*",), [401, 200, 200])):
            within = application(others, [Route("/invoices", stated_view)], credentials=["X-Inner-Key"])
            with asgi_server(application(keys, [Mount("/in", app=within)], exempt=exempt)) as url:
                sent = [outer, inner, {**outer, **inner}]
                assert [ask(url, "/in/invoices", headers=each).status for each in sent] == expected


def test_a_route_that_cannot_be_checked_ends_the_start(keys: ApiKeys) -> None:
    """A kind of route that has no application of its own cannot be put behind the check."""

    class Odd(BaseRoute):
        """A route of another framework."""

    app = application(keys, [Odd()])
    with pytest.raises(ConfigurationError, match="Odd at '/' cannot be checked here"), asgi_server(app):
        pass
