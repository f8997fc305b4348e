"""The plugin of Litestar, by the acceptance list."""

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from litestar import Controller, HttpMethod, Litestar, Request, Response, WebSocket, get, route, websocket
from litestar.response import Stream

from secretsource.exceptions import ConfigurationError
from secretsource.integrations.litestar import ApiKeyPlugin, HasScope, require_key
from secretsource.issuing import NO_SCOPE
from secretsource.testing import IntegrationAcceptance, IntegrationHarness
from secretsource.testing._integrations.cases import ask, bearer
from secretsource.testing.asgi_server import asgi_server
from secretsource.testing.integration_harness import ACCEPTANCE_ROUTES, READ, AcceptanceRoute, broken, shown, streamed

if TYPE_CHECKING:
    from collections.abc import Generator

    from secretsource.issuing import ApiKeys

VIEW = {"X-View": "yes"}


def handler_of(stated: AcceptanceRoute) -> Any:
    """The handler of a route of the acceptance list; half of them state their scope by a guard."""
    methods = [HttpMethod[each] for each in (*stated.methods, *(["HEAD"] if "GET" in stated.methods else []))]

    async def view(request: Request[Any, Any, Any]) -> Response[Any]:
        if stated.answers == "broken":
            broken()
        if stated.answers == "streamed":
            return Stream(streamed, headers=VIEW)
        record: Any = request.scope.get("secretsource")
        return Response(shown(record, request.headers.items()), headers=VIEW)

    guards, made = [], view
    if stated.scope is not None and len(stated.path) % 2:
        guards = [HasScope(stated.scope, cost=stated.cost, limit=stated.limit)]
    elif stated.scope is not None:
        made = require_key(stated.scope, cost=stated.cost, limit=stated.limit)(view)
    return route(stated.path, http_method=methods, status_code=200, guards=guards)(made)


@websocket("/socket", guards=[HasScope(READ)])
async def echo(socket: WebSocket[Any, Any, Any]) -> None:
    """A web socket that says back what it hears."""
    await socket.accept()
    async for text in socket.iter_data("text"):
        await socket.send_text(text)


def application(keys: "ApiKeys", *more: Any, **settings: Any) -> Litestar:
    """The application of the acceptance list."""
    plugin = ApiKeyPlugin(keys, **settings)
    made = [handler_of(each) for each in ACCEPTANCE_ROUTES]
    return Litestar([*made, echo, *more], plugins=[plugin], openapi_config=None)


class Harness(IntegrationHarness):
    """Builds the routes with the plugin, behind uvicorn."""

    @contextmanager
    def serve(self, keys: "ApiKeys", **settings: Any) -> "Generator[str]":
        with asgi_server(application(keys, **settings)) as url:
            yield url

    @contextmanager
    def serve_behind_proxy(self, keys: "ApiKeys", **settings: Any) -> "Generator[str]":
        with asgi_server(application(keys, **settings), trusts_proxy=True) as url:
            yield url

    def start_unstated(self, keys: "ApiKeys") -> None:
        @get("/forgotten")
        async def forgotten() -> str:
            return "open"

        application(keys, forgotten, exempt=["/health"])


class TestLitestar(IntegrationAcceptance):
    """The acceptance list."""

    @pytest.fixture
    def harness(self) -> Harness:
        return Harness()


class Invoices(Controller):
    """A controller whose guard holds for all its handlers but one."""

    path = "/invoices"
    guards = [HasScope(READ)]

    @get("/")
    async def listed(self) -> str:
        return "listed"

    @get("/paid", guards=[HasScope("invoices:pay")])
    async def paid(self) -> str:
        return "paid"


def test_guards_hold_together(keys: "ApiKeys") -> None:
    """A key needs the scopes of a handler and of its controller; the pages of the schema must be exempt."""
    with pytest.raises(ConfigurationError, match=r"'/schema.*' must state the scope"):
        Litestar([Invoices], plugins=[ApiKeyPlugin(keys)])
    app = Litestar([Invoices], plugins=[ApiKeyPlugin(keys, exempt=["/schema", "/schema/*"])])
    held = ([READ], ["invoices:pay"], [READ, "invoices:pay"])
    with asgi_server(app) as url:
        for scopes, expected in zip(held, ([200, 403], [403, 403], [200, 200]), strict=True):
            key = bearer(keys.issue(owner="acme", scopes=scopes).plaintext)
            assert [ask(url, path, headers=key).status for path in ("/invoices", "/invoices/paid")] == expected
        assert ask(url, "/schema/openapi.json").status == 200


def test_all_guards_of_a_route_count(keys: "ApiKeys") -> None:
    """In any order, and with the function's own statement; the largest cost counts, and the innermost limit."""

    @get("/both", guards=[HasScope(READ, cost=3, limit="9/hour"), HasScope("invoices:pay", limit="7/hour")])
    @require_key("invoices:print")
    async def both() -> str:
        return "both"

    app = Litestar([both], plugins=[ApiKeyPlugin(keys)], openapi_config=None)
    with asgi_server(app) as url:
        refused = ask(url, "/both", headers=bearer(keys.issue(owner="acme", scopes=[READ]).plaintext))
        assert (refused.status, refused.shown["scope"]) == (403, "invoices:print invoices:pay invoices:read")
        good = keys.issue(owner="acme", scopes=refused.shown["scope"].split()).plaintext
        assert ask(url, "/both", headers=bearer(good)).values("RateLimit") == ['"route hour";r=4;t=1543']


def test_a_guard_without_the_plugin_refuses(keys: "ApiKeys") -> None:
    """Nothing is checked there, so nothing is let in."""
    key = bearer(keys.issue(owner="acme", scopes=[READ]).plaintext)
    with asgi_server(Litestar([Invoices])) as url:
        assert ask(url, "/invoices", headers=key).status == 401


def test_each_route_of_a_guard_has_a_limit_of_its_own(keys: "ApiKeys") -> None:
    """Also of one guard that several routes share."""
    guard = HasScope(NO_SCOPE, limit="1/hour")

    @get("/orders", guards=[guard])
    async def orders() -> str:
        return "orders"

    @get("/refunds", guards=[guard])
    async def refunds() -> str:
        return "refunds"

    app = Litestar([orders, refunds], plugins=[ApiKeyPlugin(keys)], openapi_config=None)
    headers = bearer(keys.issue(owner="acme").plaintext)
    with asgi_server(app) as url:
        asked = [ask(url, path, headers=headers).status for path in ("/orders", "/refunds", "/orders", "/refunds")]
    assert asked == [200, 200, 429, 429]
