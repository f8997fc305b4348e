"""The middleware of Django, by the acceptance list: with plain views, Django REST framework and Django Ninja."""

# mypy: disable-error-code="misc, untyped-decorator"
from __future__ import annotations

from contextlib import contextmanager
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from tests.integrations.django_project import project
from tests.integrations.gunicorn_server import gunicorn_server

from secretsource.exceptions import ConfigurationError
from secretsource.integrations.django import project_keys, require_key
from secretsource.integrations.drf import ApiKeyAuthentication, HasScope, KeyOwner
from secretsource.integrations.ninja import ApiKeyAuth
from secretsource.issuing import NO_SCOPE
from secretsource.testing import IntegrationAcceptance, IntegrationHarness
from secretsource.testing._integrations.cases import ask, bearer
from secretsource.testing.integration_harness import ACCEPTANCE_ROUTES, READ, broken, shown, streamed
from secretsource.testing.wsgi_server import wsgi_server

from django.http import HttpResponse, JsonResponse, StreamingHttpResponse  # isort: skip - the settings come first
from django.urls import include, path, re_path  # isort: skip
from django.views import View  # isort: skip
from ninja import NinjaAPI  # isort: skip
from rest_framework.decorators import action, api_view, permission_classes  # isort: skip
from rest_framework.response import Response  # isort: skip
from rest_framework.routers import SimpleRouter  # isort: skip
from rest_framework.views import APIView  # isort: skip
from rest_framework.viewsets import ViewSet  # isort: skip

if TYPE_CHECKING:
    from collections.abc import Generator

    from secretsource.issuing import ApiKeys, KeyRecord
    from secretsource.testing.integration_harness import AcceptanceRoute

NUMBERS = count()
"""Numbers for the namespaces of Django Ninja, each of which a process may use once."""

TRUSTED = {"trusted_proxy": "127.0.0.1", "trusted_proxy_headers": "x-forwarded-for"}


def answer_of(route: AcceptanceRoute, record: KeyRecord | None, request: Any) -> Any:
    """The answer of a view of the acceptance list."""
    if route.answers == "broken":
        broken()
    answer: Any = JsonResponse(shown(record, request.headers.items()))
    if route.answers == "streamed":
        answer = StreamingHttpResponse(streamed())
    answer["X-View"] = "yes"
    return answer


def plain(route: AcceptanceRoute) -> Any:
    """A plain view, found below another URLconf."""

    def view(request: Any) -> Any:
        return answer_of(route, request.api_key, request)

    view.csrf_exempt = True  # type: ignore[attr-defined]
    marked = view if route.scope is None else require_key(route.scope, cost=route.cost, limit=route.limit)(view)
    return path(route.path[1:], marked)


def of_rest_framework(route: AcceptanceRoute) -> Any:
    """A view of Django REST framework, whose permission states the scope."""

    def answer(_: Any, request: Any) -> Any:
        return answer_of(route, request.auth, request)

    fields: dict[str, Any] = {"authentication_classes": [ApiKeyAuthentication], **dict.fromkeys(
        [method.lower() for method in route.methods], answer
    )}  # fmt: skip
    if route.scope is not None:
        fields["permission_classes"] = [HasScope.of(route.scope, cost=route.cost, limit=route.limit)]
    return path(route.path[1:], type("Shown", (APIView,), fields).as_view())


def of_ninja(api: NinjaAPI, route: AcceptanceRoute) -> None:
    """An operation of Django Ninja."""

    def operation(request: Any) -> Any:
        return answer_of(route, getattr(request, "auth", request.api_key), request)

    marked = (
        operation if route.scope is None else require_key(route.scope, cost=route.cost, limit=route.limit)(operation)
    )
    auth = None if route.path in {"/health", "/catalogue"} else ApiKeyAuth()
    methods = [*route.methods, *(["HEAD"] if "GET" in route.methods else [])]
    api.api_operation(methods, route.path, auth=auth)(marked)


class Harness(IntegrationHarness):
    """Serves a project behind waitress.

    Args:
        server: Another server for WSGI.
    """

    def __init__(self, server: Any = wsgi_server) -> None:
        self.server = server

    def patterns(self) -> list[Any]:
        """The routes, some of them included."""
        made = [plain(route) for route in ACCEPTANCE_ROUTES]
        return [*made[:4], path("", include(made[4:]))]

    @contextmanager
    def serve(self, keys: ApiKeys, **settings: Any) -> Generator[str]:
        with project(self.patterns(), keys, **settings) as app, self.server(app) as url:
            yield url

    @contextmanager
    def serve_behind_proxy(self, keys: ApiKeys, **settings: Any) -> Generator[str]:
        with project(self.patterns(), keys, **settings) as app, wsgi_server(app, **TRUSTED) as url:
            yield url

    def start_unstated(self, keys: ApiKeys) -> None:
        with project([*self.patterns(), path("forgotten", lambda _: None)], keys, exempt=["/health"]):
            pass


class RestHarness(Harness):
    """The same with Django REST framework."""

    def patterns(self) -> list[Any]:
        return [of_rest_framework(route) for route in ACCEPTANCE_ROUTES]


class NinjaHarness(Harness):
    """The same with Django Ninja."""

    def patterns(self) -> list[Any]:
        api = NinjaAPI(openapi_url="", urls_namespace=f"of a test {next(NUMBERS)}")
        for route in ACCEPTANCE_ROUTES:
            of_ninja(api, route)
        made, *_ = api.urls
        return [path("", include(made[:-1]))]  # without the root of the API


class TestDjango(IntegrationAcceptance):
    """The acceptance list."""

    impossible = {"websocket": "WSGI has none"}

    @pytest.fixture(params=[Harness, RestHarness, NinjaHarness], ids=["django", "drf", "ninja"])
    def harness(self, request: pytest.FixtureRequest) -> Harness:
        made: Harness = request.param()
        return made


class TestDjangoOverGunicorn(IntegrationAcceptance):
    """The acceptance list, over another server."""

    impossible = {"websocket": "WSGI has none", "proxy": "gunicorn leaves it to the application to name the client"}

    @pytest.fixture
    def harness(self) -> Harness:
        return Harness(gunicorn_server)


class Invoices(View):
    """A class of plain views."""

    @require_key(READ)
    def get(self, _: Any, number: int) -> HttpResponse:
        return HttpResponse(b"invoice %d" % number)

    @require_key("invoices:write")
    def delete(self, _: Any, number: int) -> HttpResponse:
        return HttpResponse(b"invoice %d is gone" % number)


class Reports(ViewSet):
    """A set of views of Django REST framework."""

    authentication_classes = [ApiKeyAuthentication]
    permission_classes = [HasScope.of("reports:read")]

    def list(self, request: Any) -> Response:
        return Response({"user": str(request.user), "owner": request.auth.owner})

    @require_key("reports:make", cost=2)
    def create(self, _: Any) -> Response:
        return Response({})

    @action(detail=False, permission_classes=[HasScope.of("reports:print")])
    def printed(self, _: Any) -> Response:
        return Response({})


@api_view(["GET"])
@permission_classes([HasScope.of(NO_SCOPE)])
def anyone(_: Any) -> Response:
    """A function of Django REST framework."""
    return Response({})


def statuses(app: Any, key: str, *asked: tuple[str, str]) -> list[int]:
    """The statuses of several requests with a key."""
    with wsgi_server(app) as url:
        return [ask(url, target, method, bearer(key)).status for method, target in asked]


def test_views_state_their_scopes_in_each_idiom(keys: ApiKeys) -> None:
    """Methods of a class, permission classes, actions of a set, and functions."""
    router = SimpleRouter(trailing_slash=False)
    router.register("reports", Reports, "report")
    patterns = [path("invoices/<int:number>", Invoices.as_view()), path("anyone", anyone), *router.urls]
    key = keys.issue(owner="acme", scopes=[READ, "reports:read"]).plaintext
    with project(patterns, keys) as app:
        asked = [("GET", "/invoices/7"), ("DELETE", "/invoices/7"), ("HEAD", "/invoices/7"), ("PUT", "/invoices/7")]
        assert statuses(app, key, *asked, ("OPTIONS", "/invoices/7")) == [200, 403, 200, 405, 200]
        asked = [("GET", "/anyone"), ("GET", "/reports"), ("POST", "/reports"), ("GET", "/reports/printed")]
        assert statuses(app, key, *asked, ("GET", "/nowhere")) == [200, 200, 403, 403, 404]


class Listed:
    """A method that sets of views inherit, as of a mixin of REST framework."""

    def list(self, _: Any) -> Response:
        return Response({})


def test_each_set_of_views_has_a_limit_of_its_own(keys: ApiKeys) -> None:
    """Also with an inherited method, and with a permission that several name; an action counts by itself."""
    fields: dict[str, Any] = {"permission_classes": [HasScope.of(READ, limit="1/hour")]}
    patterns: list[Any] = []
    for name in ("orders", "refunds"):
        kind: Any = type(name.title(), (Listed, ViewSet), {**fields, "count": Listed.list})
        patterns += [
            path(name, kind.as_view({"get": "list"})),
            path(f"{name}/count", kind.as_view({"get": "count"}, **fields)),
        ]
    key = keys.issue(owner="acme", scopes=[READ]).plaintext
    with project(patterns, keys) as app:
        asked = [("GET", f"/{name}") for name in ("orders", "refunds", "orders/count", "refunds/count") * 2]
        assert statuses(app, key, *asked) == [200] * 4 + [429] * 4


class Both(APIView):
    """A view with two permissions of ours."""

    authentication_classes = [ApiKeyAuthentication]
    permission_classes = [HasScope.of("reports:read", cost=3), HasScope.of("reports:print", limit="9/hour")]

    def get(self, request: Any) -> Response:
        return Response(request.auth.owner)


class Joined(Both):
    """The same, written with an operator."""

    permission_classes = [HasScope.of("reports:read") & HasScope.of("reports:print") & HasScope.of(NO_SCOPE)]


class Hidden(Both):
    """A view that asks for one scope in sight of the middleware, and for another behind it."""

    permission_classes = [HasScope.of("reports:read")]

    def get_permissions(self) -> list[Any]:
        return [HasScope.of("reports:print")()]


@pytest.mark.parametrize("view", [Both, Joined])
def test_permissions_hold_together(keys: ApiKeys, view: Any) -> None:
    """A key needs the scopes of all permissions of a view; the largest cost counts, and the first limit."""
    scopes = ["reports:read", "reports:print"]
    both = keys.issue(owner="acme", scopes=scopes).plaintext
    with project([path("both", view.as_view())], keys) as app, wsgi_server(app) as url:
        for scope in scopes:
            refused = ask(url, "/both", headers=bearer(keys.issue(owner="acme", scopes=[scope]).plaintext))
            assert (refused.status, refused.shown["scope"]) == (403, "reports:read reports:print")
        answer = ask(url, "/both", headers=bearer(both))
        limit = ['"route hour";r=6;t=1200'] if view is Both else []
        assert (answer.shown, [each for each in answer.values("RateLimit") if each]) == ("acme", limit)


def test_a_permission_that_the_middleware_cannot_see_is_an_error(keys: ApiKeys) -> None:
    """Its scope was not asked for, so nothing is let in; the error names it."""
    key = keys.issue(owner="acme", scopes=["reports:read", "reports:print"]).plaintext
    with project([path("hidden", Hidden.as_view())], keys) as app:
        assert statuses(app, key, ("GET", "/hidden")) == [500]
    request: Any = SimpleNamespace(secretsource=object(), secretsource_demand="reports:read")
    with pytest.raises(ConfigurationError, match="'reports:print' must stand in permission_classes"):
        HasScope.of("reports:print")().has_permission(request, None)
    for demand in ("reports:read", ("reports:print", "reports:read")):
        request.secretsource_demand = demand
        assert HasScope.of("reports:read")().has_permission(request, None)


@pytest.mark.parametrize("pattern", ["^health$", r"^health\Z", "health$"])
def test_an_exempt_path_may_be_a_regular_expression(keys: ApiKeys, pattern: str) -> None:
    """Its anchors are no part of the path."""
    patterns = [re_path(pattern, lambda _: HttpResponse(b"well"))]
    with project(patterns, keys, exempt=["/health"]) as app:
        assert statuses(app, "no key", ("GET", "/health")) == [200]


def test_an_exempt_folder_asks_for_a_key_where_its_path_is_odd(keys: ApiKeys) -> None:
    """A path that a reader could take for another one is not exempt, and is no fault of the project."""
    patterns = [path("pages/<path:rest>", lambda _, rest: HttpResponse(rest.encode()))]
    with project(patterns, keys, exempt=["/pages/*"]) as app:
        asked = [("GET", f"/pages/{each}") for each in ("one", "a%00b", "one/%2e%2e/two")]
        assert statuses(app, "no key", *asked) == [200, 401, 401]


class Half(View):
    """A class with a method that states no scope."""

    @require_key(READ)
    def get(self, _: Any) -> HttpResponse:
        return HttpResponse(b"stated")

    def post(self, _: Any) -> HttpResponse:
        return HttpResponse(b"open")


class Bare(ViewSet):
    """A set of views without a permission of ours."""

    def list(self, _: Any) -> Response:
        return Response({})


class Surgery:
    """An owner of a view, whose operations are not those of Django Ninja."""

    operations: ClassVar = ["appendix"]

    def forgotten(self, _: Any) -> HttpResponse:
        return HttpResponse(b"open")


def forgotten_operation() -> list[Any]:
    """The routes of Django Ninja with an operation that states no scope."""
    api = NinjaAPI(openapi_url="", urls_namespace="forgotten")
    api.get("/forgotten")(lambda request: None)
    return [path("", include(api.urls[0]))]


@pytest.mark.parametrize(
    "patterns",
    [
        [path("shop/", include([path("forgotten/<int:pk>", lambda _: None)]))],
        [re_path(r"^forgotten/(?P<pk>\d+)$", lambda _: None)],
        [path("forgotten", Half.as_view())],
        [path("forgotten", Bare.as_view({"get": "list"}))],
        forgotten_operation(),
        [path("forgotten", Surgery().forgotten)],
    ],
    ids=["included", "expression", "method", "rest", "ninja", "bound"],
)
def test_a_forgotten_route_ends_the_start(keys: ApiKeys, patterns: list[Any]) -> None:
    """Wherever it is, and whatever it is made with."""
    with (
        pytest.raises(ConfigurationError, match=r"route '/.*forgotten.*' must state the scope"),
        project(patterns, keys),
    ):
        pass


def test_an_exempt_folder_may_hold_any_route(keys: ApiKeys) -> None:
    """As Django's own administration; a path that may be misread there needs a key, and is not an open door."""
    patterns = [re_path(r"^admin/(?P<rest>.*)$", lambda _, rest: HttpResponse(rest))]
    with project(patterns, keys, exempt=["/admin/*"]) as app:
        assert statuses(app, "nonsense", ("GET", "/admin/users"), ("GET", "/admin//users")) == [200, 401]


def test_the_classes_of_rest_framework_refuse_without_the_middleware(keys: ApiKeys) -> None:
    """With 401, as the challenge of the authentication says, and not with 403."""
    from django.test import override_settings

    key = keys.issue(owner="acme", scopes=["reports:read"]).plaintext
    with project([path("reports", Reports.as_view({"get": "list"}))], keys), override_settings(MIDDLEWARE=[]):
        from django.core.handlers.wsgi import WSGIHandler

        with wsgi_server(WSGIHandler()) as url:
            answer = ask(url, "/reports", headers=bearer(key))
            assert (answer.status, answer.values("WWW-Authenticate")) == (401, ['Bearer realm="api"'])


def test_the_user_of_rest_framework_is_the_owner(keys: ApiKeys) -> None:
    """Permissions of the framework see a user that is authenticated."""
    record = keys.issue(owner="acme", scopes=["reports:read"]).record
    user = KeyOwner(record)
    assert (str(user), user.pk, user.is_authenticated, user.is_anonymous) == ("acme", "acme", True, False)
    assert ApiKeyAuth()(type("Request", (), {"api_key": record})()) is record


@pytest.mark.parametrize("given", [None, 7])
def test_keys_must_be_named_in_the_settings(given: Any) -> None:
    """The error says what to write."""
    with pytest.raises(ConfigurationError, match=r'SECRETSOURCE\["keys"\] in the settings'), project([], given):
        pass


@pytest.mark.parametrize("given", [None, "sqlite:///keys.db", ["sqlite:///keys.db"]])
def test_the_settings_must_be_a_dictionary(given: Any) -> None:
    """A URL in their place, too, is answered with what to write."""
    from django.test import override_settings

    with override_settings(SECRETSOURCE=given), pytest.raises(ConfigurationError, match=r"write  SECRETSOURCE = \{"):
        project_keys()


def test_the_keys_of_a_url_are_opened_once(keys: ApiKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a view that issues keys shares them with the middleware."""
    monkeypatch.setenv("SECRETSOURCE_PEPPER", "a pepper of the tests, long enough")
    from django.test import override_settings

    with override_settings(SECRETSOURCE={"keys": "memory://"}), project_keys() as opened:
        assert project_keys() is opened
    with override_settings(SECRETSOURCE={"keys": keys}):
        assert project_keys() is keys
