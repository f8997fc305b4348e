"""The dependency of FastAPI, by the acceptance list and in its own idiom."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, Request, Security, WebSocket, routing
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from starlette.routing import Host, Mount

from secretsource.exceptions import ConfigurationError
from secretsource.integrations._shared.statements import joined
from secretsource.integrations.fastapi import ApiKey
from secretsource.integrations.routes import Stated, check_stated, require_key
from secretsource.issuing import NO_SCOPE, Admission, ApiKeys, KeyRecord
from secretsource.stores.memory import MemoryStore
from secretsource.testing import IntegrationAcceptance, IntegrationHarness
from secretsource.testing._integrations.cases import ask, bearer
from secretsource.testing.asgi_server import asgi_server
from secretsource.testing.integration_harness import (
    ACCEPTANCE_ROUTES,
    READ,
    AcceptanceRoute,
    broken,
    shown,
    streamed,
)

VIEW = {"X-View": "yes"}


def add(app: FastAPI, route: AcceptanceRoute, api_key: ApiKey) -> None:
    """One route of the acceptance list, with its scopes in the dependency."""
    demand: Any = route.scope
    scopes = [] if demand in {None, NO_SCOPE} else [demand] if isinstance(demand, str) else demand

    async def view(request: Request, key: Annotated[KeyRecord | None, Security(api_key, scopes=scopes)]) -> Any:
        if route.answers == "broken":
            broken()
        if route.answers == "streamed":
            return StreamingResponse(streamed(), headers=VIEW)
        return JSONResponse(shown(key, request.headers.items()), headers=VIEW)

    if route.scope is not None:
        view = require_key(NO_SCOPE, cost=route.cost, limit=route.limit)(view)
    methods = [*route.methods, *(["HEAD"] if "GET" in route.methods else [])]
    app.add_api_route(route.path, view, methods=methods)


def application(keys: ApiKeys, **settings: Any) -> FastAPI:
    """The application of the acceptance list."""
    app, api_key = FastAPI(), ApiKey(keys, **settings)
    api_key.guard(app)
    for route in ACCEPTANCE_ROUTES:
        add(app, route, api_key)

    @app.websocket("/socket")
    async def socket(socket: WebSocket, key: Annotated[KeyRecord, Security(api_key, scopes=[READ])]) -> None:
        await socket.accept()
        async for text in socket.iter_text():
            await socket.send_text(text)

    return app


class Harness(IntegrationHarness):
    """Builds the routes with the dependency, behind uvicorn."""

    @contextmanager
    def serve(self, keys: ApiKeys, **settings: Any) -> Generator[str]:
        with asgi_server(application(keys, **settings)) as url:
            yield url

    @contextmanager
    def serve_behind_proxy(self, keys: ApiKeys, **settings: Any) -> Generator[str]:
        with asgi_server(application(keys, **settings), trusts_proxy=True) as url:
            yield url

    def start_unstated(self, keys: ApiKeys) -> None:
        app = application(keys, exempt=["/health"])
        app.add_api_route("/forgotten", lambda: None)
        with asgi_server(app):
            pass


class TestFastApi(IntegrationAcceptance):
    """The acceptance list."""

    @pytest.fixture
    def harness(self) -> Harness:
        return Harness()


@pytest.fixture
def guarded(keys: ApiKeys) -> tuple[FastAPI, ApiKey]:
    """An application without routes, and its dependency."""
    app, api_key = FastAPI(), ApiKey(keys)
    api_key.guard(app)
    return app, api_key


def owner(key: KeyRecord | None) -> str | None:
    """The owner of a key."""
    return key and key.owner


def test_scopes_of_all_levels_are_needed_and_drawn_once(keys: ApiKeys) -> None:
    """The application's, the router's and the route's; a router that is included in a router counts."""
    api_key = ApiKey(keys)
    app = FastAPI(dependencies=[Depends(api_key)])
    api_key.guard(app)
    inner = APIRouter(prefix="/paid", dependencies=[Security(api_key, scopes=["router:use"])])
    outer = APIRouter(prefix="/v1")

    @inner.get("/report")
    @require_key(NO_SCOPE, cost=3)
    async def report(key: Annotated[KeyRecord, Security(api_key, scopes=["reports:read"])]) -> str | None:
        return owner(key)

    outer.include_router(inner)
    app.include_router(outer)
    good = keys.issue(owner="acme", scopes=["router:use", "reports:read"], rate_limit="10/hour").plaintext
    with asgi_server(app) as url:
        answer = ask(url, "/v1/paid/report", headers=bearer(good))
        assert (answer.shown, answer.values("RateLimit")) == ("acme", ['"hour";r=7;t=1080'])
        for lacking in ("router:use", "reports:read"):
            text = keys.issue(owner="acme", scopes=[lacking]).plaintext
            refusal = ask(url, "/v1/paid/report", headers=bearer(text))
            assert (refusal.status, refusal.shown["scope"]) == (403, "router:use reports:read")


def test_the_document_shows_the_scheme_and_the_scopes(guarded: tuple[FastAPI, ApiKey]) -> None:
    """So that *Authorize* of the documentation page works; that page itself needs no key."""
    app, api_key = guarded

    @app.get("/invoices")
    async def invoices(key: Annotated[KeyRecord, Security(api_key, scopes=[READ])]) -> str | None:
        return owner(key)

    with asgi_server(app) as url:
        document = ask(url, "/openapi.json").shown
        assert ask(url, "/docs").status == 200
    assert document["components"]["securitySchemes"] == {"ApiKey": {"type": "http", "scheme": "bearer"}}
    assert document["paths"]["/invoices"]["get"]["security"] == [{"ApiKey": [READ]}]


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ("X-API-Key", {"type": "apiKey", "in": "header", "name": "X-API-Key"}),
        ("Authorization: Api-Key", {"type": "http", "scheme": "api-key"}),
    ],
)
def test_the_scheme_is_the_first_place(keys: ApiKeys, place: str, shown: dict[str, str]) -> None:
    """The document names the place where a client puts the key."""
    scheme: Any = ApiKey(keys, credentials=[place]).model
    assert scheme.model_dump(mode="json", by_alias=True, exclude_none=True) == shown


def test_a_place_is_left_with_the_last_part_of_the_answer(keys: ApiKeys) -> None:
    """What an application does after its answer holds no place: the key may be used again."""
    text = keys.issue(owner="acme", scopes=[READ], rate_limit="1 at once").plaintext
    app, api_key, let_in = FastAPI(), ApiKey(keys), list[bool]()
    api_key.guard(app)

    async def ask_again() -> None:
        let_in.append(bool(keys.check(text, scope=READ)))

    @app.get("/invoices")
    async def invoices(key: Annotated[KeyRecord, Security(api_key, scopes=[READ])], after: BackgroundTasks) -> str:
        await ask_again()
        after.add_task(ask_again)
        return key.owner

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Any) -> None: ...

    headers = [(b"authorization", b"Bearer " + text.encode())]
    scope = {"type": "http", "method": "GET", "path": "/invoices", "raw_path": b"/invoices", "root_path": "",
             "query_string": b"", "headers": headers, "client": None, "http_version": "1.1"}  # fmt: skip
    asyncio.run(app(scope, receive, send))
    assert let_in == [False, True]


def test_a_test_may_replace_the_dependency(guarded: tuple[FastAPI, ApiKey], keys: ApiKeys) -> None:
    """As any dependency of FastAPI; the record is that of the test."""
    app, api_key = guarded

    @app.get("/invoices")
    async def invoices(key: Annotated[KeyRecord, Security(api_key, scopes=[READ])]) -> str | None:
        return owner(key)

    record = keys.issue(owner="of the test").record
    app.dependency_overrides[api_key] = lambda: record
    with asgi_server(app) as url:
        assert ask(url, "/invoices").shown == "of the test"


@pytest.mark.parametrize("has_statement", [True, False])
def test_a_route_must_use_the_dependency_and_state_a_scope(
    guarded: tuple[FastAPI, ApiKey], has_statement: bool
) -> None:
    """A statement alone checks nothing, and a dependency alone asks for nothing: each error names what is missing."""
    app, api_key = guarded

    async def stated() -> None: ...

    async def used(key: Annotated[KeyRecord, Depends(api_key)]) -> None: ...

    app.add_api_route("/forgotten", require_key(READ)(stated) if has_statement else used)
    missing = "has require_key, .*: add  Depends" if has_statement else "must state the scope"
    with pytest.raises(ConfigurationError, match=f"'/forgotten' {missing}"), asgi_server(app):
        pass


def test_a_malformed_scope_ends_the_start(guarded: tuple[FastAPI, ApiKey]) -> None:
    """The error names the route."""
    app, api_key = guarded

    @app.get("/invoices")
    async def invoices(key: Annotated[KeyRecord, Security(api_key, scopes=["invoices:*"])]) -> None: ...

    with pytest.raises(ConfigurationError, match="'/invoices' cannot be checked"), asgi_server(app):
        pass


def test_an_application_that_is_not_guarded_is_closed(keys: ApiKeys) -> None:
    """Its routes answer 500 rather than without a check."""
    app, api_key = FastAPI(), ApiKey(keys)

    @app.get("/invoices")
    async def invoices(key: Annotated[KeyRecord, Security(api_key, scopes=[READ])]) -> str | None:
        return owner(key)

    with asgi_server(app) as url:
        key = keys.issue(owner="acme", scopes=[READ]).plaintext
        assert ask(url, "/invoices", headers=bearer(key)).status == 500


def test_a_route_that_is_added_later_is_closed(guarded: tuple[FastAPI, ApiKey]) -> None:
    """A running application with a route that states no scope answers nothing more."""
    app, _ = guarded
    with asgi_server(app) as url:
        assert ask(url, "/late").status == 404
        app.add_api_route("/late", lambda: "open")
        assert ask(url, "/late").status == 500


def test_a_mounted_application_is_guarded_by_itself(guarded: tuple[FastAPI, ApiKey], keys: ApiKeys) -> None:
    """A guarded one is served with its own statements; any other must be exempt."""
    app, api_key = guarded
    inner = FastAPI()
    api_key.guard(inner)

    @inner.get("/invoices")
    async def invoices(key: Annotated[KeyRecord, Security(api_key, scopes=[READ])]) -> str | None:
        return owner(key)

    app.mount("/inner", inner)
    key = keys.issue(owner="acme", scopes=[READ], rate_limit="10/hour").plaintext
    with asgi_server(app) as url:
        assert ask(url, "/inner/invoices").status == 401
        answer = ask(url, "/inner/invoices", headers=bearer(key))
        assert (answer.shown, len(answer.values("RateLimit"))) == ("acme", 1)
    app.router.routes.append(Mount("/files", app=FastAPI()))
    with pytest.raises(ConfigurationError, match="/files"), asgi_server(app):
        pass


def test_a_route_that_is_added_to_a_router_later_is_closed(guarded: tuple[FastAPI, ApiKey], keys: ApiKeys) -> None:
    """Also where the router was included before, and where a route takes the place of another."""
    app, api_key = guarded
    router, key = APIRouter(), bearer(keys.issue(owner="acme", scopes=[READ]).plaintext)

    async def invoices(key: Annotated[KeyRecord, Security(api_key, scopes=[READ])]) -> str | None:
        return owner(key)

    router.add_api_route("/invoices", invoices)
    app.include_router(router)
    app.add_api_route("/more", invoices)
    with asgi_server(app) as url:
        assert [ask(url, path, headers=key).status for path in ("/invoices", "/more")] == [200, 200]
        router.add_api_route("/late", lambda: "open")
        assert ask(url, "/late").status in {404, 500}  # older versions of FastAPI copy the routes of a router
        router.routes.pop()
        app.router.routes.pop()
        app.add_api_route("/late", lambda: "open")
        assert (ask(url, "/late").status, ask(url, "/invoices", headers=key).status) == (500, 500)


def test_a_folder_is_exempt_by_its_path(keys: ApiKeys, tmp_path: Path) -> None:
    """A mount, and a host: all below it is served without a key, so its path ends with a slash and a star."""
    (tmp_path / "page").write_text("a page")
    for exempt in (["/files/*"], ["/files"]):
        app, api_key = FastAPI(), ApiKey(keys, exempt=exempt)
        api_key.guard(app)
        app.mount("/files", StaticFiles(directory=tmp_path))
        if exempt == ["/files/*"]:
            with asgi_server(app) as url:
                assert ask(url, "/files/page").body == b"a page"
        else:
            with pytest.raises(ConfigurationError, match="route '/files/' must state"), asgi_server(app):
                pass
    app, api_key = FastAPI(docs_url=None), ApiKey(keys)
    api_key.guard(app)
    app.router.routes.append(Host("api.example", app=FastAPI()))
    with pytest.raises(ConfigurationError, match="route '/' must state"), asgi_server(app):
        pass


@pytest.mark.skipif(not hasattr(FastAPI, "frontend"), reason="this version of FastAPI has no frontends")
def test_a_frontend_is_a_folder(keys: ApiKeys, tmp_path: Path) -> None:
    """It is exempt by its path, or served to keys by a dependency of its router."""
    (tmp_path / "index.html").write_text("a page")
    for include in (False, True):
        for exempt in ([], ["/shop/*"]):
            app, api_key = FastAPI(), ApiKey(keys, exempt=exempt)
            api_key.guard(app)
            router: Any = APIRouter(prefix="/shop") if include else app
            router.frontend("/" if include else "/shop", directory=str(tmp_path))
            if include:
                app.include_router(router)
            if exempt:
                with asgi_server(app) as url:
                    assert ask(url, "/shop/").body == b"a page"
            else:
                with pytest.raises(ConfigurationError, match="route '/shop/' must state"), asgi_server(app):
                    pass
    api_key = ApiKey(keys)
    app = FastAPI()
    api_key.guard(app)
    guarded: Any = APIRouter(dependencies=[Security(api_key, scopes=[READ])])
    guarded.frontend("/shop", directory=str(tmp_path))
    app.include_router(guarded)
    key = bearer(keys.issue(owner="acme", scopes=[READ]).plaintext)
    with asgi_server(app) as url:
        assert [ask(url, "/shop/", headers=each).status for each in ({}, key)] == [401, 200]


class ElsewhereRouter(APIRouter):
    """A router of a version to come, which keeps its frontends in no list."""

    def frontend(self, path: str, **settings: Any) -> None:
        self.kept = {path: settings}


class HidingRouter(APIRouter):
    """A router of a version to come, which does not name the routers in it."""

    def include_router(self, router: APIRouter, **_: Any) -> None:
        inner: Any = SimpleNamespace(effective_low_priority_routes=lambda: [object()])
        self.routes.append(inner)


@pytest.mark.skipif(not hasattr(FastAPI, "frontend"), reason="this version of FastAPI has no frontends")
@pytest.mark.parametrize("router", [ElsewhereRouter, HidingRouter])
def test_a_version_that_hides_its_frontends_ends_the_start(
    router: type[APIRouter], keys: ApiKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not seen would be served without a key."""
    app, api_key = FastAPI(), ApiKey(keys)
    api_key.guard(app)
    monkeypatch.setattr(routing, "APIRouter", router)
    with pytest.raises(ConfigurationError, match="keeps its frontends in a new way"), asgi_server(app):
        pass


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
def test_a_route_beside_the_documentation_states_its_scope(guarded: tuple[FastAPI, ApiKey], path: str) -> None:
    """Only the pages of FastAPI itself need no key, not other methods of their paths."""
    app, _ = guarded
    app.add_api_route(path, lambda: "open", methods=["POST"])
    with pytest.raises(ConfigurationError, match=f"'{path}' must state the scope"), asgi_server(app):
        pass


def test_an_application_may_have_keys_of_two_kinds(keys: ApiKeys) -> None:
    """Each route needs the keys that it uses, and a route that uses none is refused."""
    with ApiKeys(MemoryStore(), peppers=["another pepper of the tests"]) as others:
        app = FastAPI()
        customer = ApiKey(keys, scheme_name="Customer")
        staff = ApiKey(others, scheme_name="Staff", credentials=["X-Staff-Key"])
        customer.guard(app)
        staff.guard(app)

        @app.get("/invoices")
        async def invoices(key: Annotated[KeyRecord, Security(customer, scopes=[READ])]) -> str | None:
            return owner(key)

        @app.get("/users")
        async def users(key: Annotated[KeyRecord, Security(staff, scopes=["users:read"])]) -> str | None:
            return owner(key)

        @app.get("/both")
        async def both(
            key: Annotated[KeyRecord, Security(customer, scopes=[READ])],
            other: Annotated[KeyRecord, Security(staff, scopes=["users:read"])],
        ) -> str:
            return f"{owner(key)} and {owner(other)}"

        one = bearer(keys.issue(owner="acme", scopes=[READ]).plaintext)
        two = {"X-Staff-Key": others.issue(owner="ada", scopes=["users:read"]).plaintext}
        with asgi_server(app) as url:
            sent = {path: [ask(url, path, headers=each) for each in (one, two)] for path in ("/invoices", "/users")}
            assert [answer.status for answer in sent["/invoices"]] == [200, 401]
            assert [answer.status for answer in sent["/users"]] == [401, 200]
            assert [ask(url, "/both", headers=each).status for each in (one, two)] == [401, 401]
            assert ask(url, "/both", headers={**one, **two}).shown == "acme and ada"
        app.add_api_route("/forgotten", lambda: "open")
        with pytest.raises(ConfigurationError, match="/forgotten"), asgi_server(app):
            pass


def test_one_scope_is_decided_at_a_glance() -> None:
    """A list of one is the scope itself, which a check from memory knows; several stay a list, each once."""
    assert joined([Stated(()), Stated((READ,), 2), Stated(READ)]) == Stated(READ, 2)
    assert joined([Stated((READ, "a")), Stated(NO_SCOPE), Stated("a")]) == Stated((READ, "a"))
    assert joined([Stated(()), Stated(NO_SCOPE, 3)]) == Stated(NO_SCOPE, 3)
    assert joined([Stated(())]) is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (Stated(5), "scope 5 cannot be demanded"),  # type: ignore[arg-type]
        (Stated(None), "scope None cannot be demanded"),  # type: ignore[arg-type]
        (Stated(b"a"), "scope b'a' cannot be demanded"),  # type: ignore[arg-type]
        (Stated((READ, ["a"])), r"scope \['a'\] cannot be demanded"),  # type: ignore[arg-type]
        (Stated((["a"],)), r"scope \['a'\] cannot be demanded"),  # type: ignore[arg-type]
        (Stated("a b"), "scope 'a b' cannot be demanded"),
        (Stated(READ, "5"), "its cost must be a whole number"),  # type: ignore[arg-type]
    ],
)
def test_a_malformed_statement_among_several_is_told_with_its_route(keys: ApiKeys, wrong: Stated, said: str) -> None:
    """As one alone is."""
    for several in ([wrong, Stated(READ)], [Stated(NO_SCOPE), wrong], [Stated(()), wrong]):
        with pytest.raises(ConfigurationError, match=f"route '/invoices' cannot be checked: {said}"):
            check_stated(Admission(keys, scope=None), "/invoices", joined(several))
