"""The middleware of aiohttp's server, by the acceptance list and in its own idiom."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from secretsource.exceptions import ConfigurationError
from secretsource.integrations import aiohttp as edge
from secretsource.integrations.aiohttp import API_KEY, require_key, setup
from secretsource.testing import IntegrationAcceptance, IntegrationHarness
from secretsource.testing._integrations.cases import ask, bearer
from secretsource.testing.integration_harness import ACCEPTANCE_ROUTES, READ, broken, shown, streamed

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from secretsource.issuing import ApiKeys
    from secretsource.testing.integration_harness import AcceptanceRoute

VIEW = {"X-View": "yes"}


def view_of(route: AcceptanceRoute) -> Any:
    """The view of a route of the acceptance list."""

    async def view(request: web.Request) -> web.StreamResponse:
        if route.answers == "broken":
            broken()
        if route.answers == "streamed":
            response = web.StreamResponse(headers=VIEW)
            await response.prepare(request)
            for part in streamed():
                await response.write(part)
            return response
        return web.json_response(shown(request[API_KEY], request.headers.items()), headers=VIEW)

    return view if route.scope is None else require_key(route.scope, cost=route.cost, limit=route.limit)(view)


@require_key(READ)
async def echo(request: web.Request) -> web.WebSocketResponse:
    """A web socket that says back what it hears."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(message.data)
    return socket


def application(keys: ApiKeys, **settings: Any) -> web.Application:
    """The application of the acceptance list; half of its routes are those of an application in it."""
    app, inner = web.Application(), web.Application()
    setup(app, keys, **settings)
    for route in ACCEPTANCE_ROUTES:
        for method in route.methods:
            app.router.add_route(method, route.path, view_of(route))
            if method == "GET":
                app.router.add_head(route.path, view_of(route))
    app.router.add_get("/socket", echo)
    inner.router.add_get("/reports", view_of(ACCEPTANCE_ROUTES[2]))
    app.add_subapp("/inner", inner)
    return app


@contextmanager
def served(app: web.Application) -> Generator[str]:
    """Serve an application on an event loop in a thread."""
    loop, ready, over = asyncio.new_event_loop(), Event(), asyncio.Event()
    said: list[Any] = []

    async def serve() -> None:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        try:
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            said.append(f"http://127.0.0.1:{runner.addresses[0][1]}")
        except ConfigurationError as error:
            said.append(error)
        ready.set()
        await over.wait()
        await runner.cleanup()

    thread = Thread(target=loop.run_until_complete, args=(serve(),), name="aiohttp-server")
    thread.start()
    try:
        assert ready.wait(30)
        if isinstance(said[0], Exception):
            raise said[0]
        yield said[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


@web.middleware
async def trusting(request: web.Request, handler: Any) -> Any:
    """A middleware that takes the client's address from a proxy."""
    return await handler(request.clone(remote=request.headers["X-Forwarded-For"]))


class Harness(IntegrationHarness):
    """Builds the routes behind the middleware, and serves them with aiohttp."""

    def serve(self, keys: ApiKeys, **settings: Any) -> Any:
        return served(application(keys, **settings))

    def serve_behind_proxy(self, keys: ApiKeys, **settings: Any) -> Any:
        app = application(keys, **settings)
        app.middlewares.insert(0, trusting)
        return served(app)

    def start_unstated(self, keys: ApiKeys) -> None:
        app = application(keys, exempt=["/health"])
        app.router.add_get("/forgotten", view_of(ACCEPTANCE_ROUTES[-1]))
        with served(app):
            pass


class TestAiohttp(IntegrationAcceptance):
    """The acceptance list."""

    @pytest.fixture
    def harness(self) -> Harness:
        return Harness()


class Invoices(web.View):
    """A class of views."""

    @require_key(READ)
    async def get(self) -> web.Response:
        key = self.request[API_KEY]
        return web.Response(text=key and key.owner, headers={"Vary": "Accept"})

    @require_key("invoices:write")
    async def post(self) -> web.Response:
        return web.Response(text="written")


def test_applications_in_it_and_classes_state_their_scopes(keys: ApiKeys, tmp_path: Path) -> None:
    """A folder of files is a route, too; a wrong method is aiohttp's to answer."""
    (tmp_path / "a.txt").write_text("a")
    app = application(keys, exempt=["/health", "/files/*"])
    app.router.add_view("/invoices/7", Invoices)
    app.router.add_static("/files", tmp_path)
    key = bearer(keys.issue(owner="acme", scopes=[READ], rate_limit="6/hour").plaintext)
    with served(app) as url:
        assert ask(url, "/inner/reports", headers=key).values("RateLimit") == ['"hour";r=1;t=3000']
        answer = ask(url, "/invoices/7", headers=key)
        assert (answer.body, answer.values("Vary")) == (b"acme", ["Accept", "Authorization"])
        assert [ask(url, "/invoices/7", method, key).status for method in ("POST", "PATCH")] == [403, 429]
        assert [ask(url, path).status for path in ("/files/a.txt", "/nowhere", "/inner/reports")] == [200, 404, 401]


def test_a_folder_and_a_method_must_state_a_scope(keys: ApiKeys, tmp_path: Path) -> None:
    """A folder that is not exempt is refused, and a class with a method that states no scope."""

    class Half(web.View):
        @require_key(READ)
        async def get(self) -> None: ...

        async def post(self) -> None: ...

    ways: list[Any] = [
        lambda routes: routes.add_static("/forgotten", tmp_path),
        lambda routes: routes.add_view("/forgotten", Half),
    ]
    for add in ways:
        app = web.Application()
        setup(app, keys)
        add(app.router)
        with pytest.raises(ConfigurationError, match=r"forgotten.* must state the scope"), served(app):
            pass


@web.middleware
async def cloning(request: web.Request, handler: Any) -> Any:
    """A middleware that hands on a copy of the request."""
    return await handler(request.clone())


@pytest.mark.parametrize("place", [0, 1], ids=["before", "behind"])
@pytest.mark.parametrize("raised", [True, False])
def test_every_answer_of_a_view_has_the_headers_for_its_key(keys: ApiKeys, place: int, raised: bool) -> None:
    """Also one that the view raises, and where another middleware has cloned the request."""

    @require_key(READ)
    async def moved(_: web.Request) -> web.Response:
        if raised:
            raise web.HTTPFound("/elsewhere")
        return web.Response(status=302)

    app = web.Application()
    app.router.add_get("/moved", moved)
    setup(app, keys)
    app.middlewares.insert(place, cloning)
    key = bearer(keys.issue(owner="acme", scopes=[READ], rate_limit="10/hour").plaintext)
    with served(app) as url:
        answer = ask(url, "/moved", headers=key)
    assert (answer.status, len(answer.values("RateLimit")), answer.values("Vary")) == (302, 1, ["Authorization"])


def test_an_exempt_folder_asks_for_a_key_where_its_path_is_odd(keys: ApiKeys) -> None:
    """A path that a reader could take for another one is not exempt, and is no fault of the application."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="a page")

    app = web.Application()
    app.router.add_get("/pages/{path:.*}", page)
    setup(app, keys, exempt=["/pages/*"])
    with served(app) as url:
        assert [ask(url, f"/pages/{path}").status for path in ("one", "a%00b", "one%2f..%2ftwo")] == [200, 401, 401]


def test_only_a_socket_is_checked_again(keys: ApiKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain request makes no question that nobody asks."""
    made: list[str] = []
    monkeypatch.setattr(edge, "Recheck", lambda: made.append("one"))
    key = keys.issue(owner="acme", scopes=[READ]).plaintext
    with served(application(keys, exempt=["/health"])) as url:
        assert ask(url, "/invoices", headers=bearer(key)).status == 200
    assert made == []
