"""A middleware for Starlette that checks the key of a request for its route.

    @require_key("invoices:read")
    async def invoices(request):
        return JSONResponse({"owner": request.scope["secretsource"].owner})

    app = Starlette(routes=[Route("/invoices", invoices)], middleware=[Middleware(RouteKeyMiddleware, keys=keys)])

It answers, and serves web sockets, as `ApiKeyMiddleware` does. The application does not start while a route states no
scope. A path that leads to no route is Starlette's to answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from secretsource.exceptions import ConfigurationError
from secretsource.integrations._asgi.routes import RouteLists
from secretsource.integrations._asgi.start import start
from secretsource.integrations.asgi import ApiKeyMiddleware
from secretsource.integrations.routes import Stated, check_stated, methods_of, require_key, stated_view
from secretsource.issuing import NO_SCOPE, Admission

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from secretsource.integrations._asgi.messages import App, Receive, Scope, Send
    from secretsource.issuing import AdmissionSettings, ApiKeys, AsyncApiKeys

__all__ = ["RouteKeyMiddleware", "require_key"]

_CHECKS, _HERE = "secretsource.checks", "secretsource.here"


class RouteKeyMiddleware:
    """A middleware that checks a key for the route that its request leads to; `require_key` states the scope.

    An application in a mount that has such a middleware, too, needs both keys, unless its paths are exempt outside.

    Args:
        app: The application behind it.
        keys: The keys to check with; keys for threads look up in threads of their own.
        recheck: As for `ApiKeyMiddleware`.
        settings: See `AdmissionSettings`.

    Raises:
        ConfigurationError: A setting cannot work.
        InvalidRequest: The prefix or the environment is malformed.
    """

    def __init__(
        self, app: App, keys: ApiKeys | AsyncApiKeys, *, recheck: float = 30.0, **settings: Unpack[AdmissionSettings]
    ) -> None:
        self._app = app
        self._guard = ApiKeyMiddleware(_go_on, keys, scope=_stated_here, recheck=recheck, **settings)
        self._admission = Admission(keys, scope=None, **settings)
        self._checked = RouteLists()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; the key of a request is checked at its route."""
        routes: list[Any] = scope["app"].routes
        if scope["type"] == "lifespan":
            await start(lambda: self._check(routes), receive, send)
        elif not self._checked.are_unchanged():
            self._check(routes)
        check = (self._guard, scope.get("root_path", ""))
        await self._app({**scope, _CHECKS: (*scope.get(_CHECKS, ()), check)}, receive, send)

    def _check(self, routes: list[Any]) -> None:
        """Put the checks before each route, and refuse a route that states no scope."""
        lists = RouteLists()
        self._check_all(routes, "", lists)
        self._checked = lists

    def _check_all(self, routes: Sequence[Any], before: str, lists: RouteLists) -> None:
        lists.add(routes)
        for route in routes:
            path = before + getattr(route, "path", "")
            inner = getattr(route, "routes", None)
            if inner:
                self._check_all(inner, path, lists)
            else:
                self._check_one(route, path)

    def _check_one(self, route: Any, path: str) -> None:
        if not hasattr(route, "app"):
            raise ConfigurationError(
                f"{type(route).__name__} at {path or '/'!r:.200} cannot be checked here: in FastAPI, use  ApiKey  of "
                "secretsource.integrations.fastapi"
            )
        view = getattr(route, "endpoint", None)
        for method in methods_of(view):
            check_stated(self._admission, path if view else f"{path}/", stated_view(view, method))
        if not isinstance(route.app, _Checked):
            route.app = _Checked(route.app, view)


class _Checked:
    """A route behind the checks of the middleware that a request came through; it may be on several applications."""

    def __init__(self, app: App, view: object) -> None:
        self.app, self.view = app, view

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        checks = scope.get(_CHECKS)
        if not checks:
            raise ConfigurationError(
                "a route behind RouteKeyMiddleware must be reached through it: make routes anew for another application"
            )
        await _go_on({**scope, _HERE: (self, scope.get("root_path", ""), checks)}, receive, send)


async def _go_on(scope: Any, receive: Any, send: Any) -> None:
    """Make the next check, or call the route behind them, which sees the mount that it is in."""
    route, mount, checks = scope.pop(_HERE)
    if checks:
        guard, root = checks[0]
        await guard({**scope, _HERE: (route, mount, checks[1:]), "root_path": root}, receive, send)
    else:
        scope["root_path"] = mount
        await route.app(scope, receive, send)


def _stated_here(scope: Any) -> Stated:
    route, _, _ = scope[_HERE]
    view = route.view
    method = scope.get("method", "GET")
    return stated_view(view, method) or stated_view(view, methods_of(view)[0]) or Stated(NO_SCOPE)
