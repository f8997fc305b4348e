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

from secretsource.integrations._asgi.start import start
from secretsource.integrations.asgi import ApiKeyMiddleware
from secretsource.integrations.routes import Stated, check_stated, methods_of, require_key, stated_view
from secretsource.issuing import NO_SCOPE, Admission

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Unpack

    from secretsource.integrations._asgi.messages import App, Receive, Scope, Send
    from secretsource.issuing import AdmissionSettings, ApiKeys, AsyncApiKeys

__all__ = ["RouteKeyMiddleware", "require_key"]

_HERE, _ROOT = "secretsource.here", "secretsource.root"


class RouteKeyMiddleware:
    """A middleware that checks a key for the route that its request leads to; `require_key` states the scope.

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
        self._checked = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; the key of a request is checked at its route."""
        routes: list[Any] = scope["app"].routes
        if scope["type"] == "lifespan":
            await start(lambda: self._check(routes), receive, send)
        elif self._checked != len(routes):
            self._check(routes)
        await self._app({**scope, _ROOT: scope.get("root_path", "")}, receive, send)

    def _check(self, routes: list[Any]) -> None:
        """Put the check before each route, and refuse a route that states no scope."""
        self._guard_all(routes, "")
        self._checked = len(routes)

    def _guard_all(self, routes: Iterable[Any], before: str) -> None:
        for route in routes:
            path = before + getattr(route, "path", "")
            inner = getattr(route, "routes", None)
            if inner:
                self._guard_all(inner, path)
            elif not isinstance(route.app, _Route):
                view = getattr(route, "endpoint", None)
                for method in methods_of(view):
                    check_stated(self._admission, path if view else f"{path}/", stated_view(view, method))
                route.app = _Route(route.app, view, self._guard)


class _Route:
    """A route behind the check."""

    def __init__(self, app: App, view: object, guard: ApiKeyMiddleware) -> None:
        self.app, self.view, self._guard = app, view, guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        here = (self, scope.get("root_path", ""))
        await self._guard({**scope, _HERE: here, "root_path": scope.get(_ROOT, "")}, receive, send)


async def _go_on(scope: Any, receive: Any, send: Any) -> None:
    """Call the route behind the check, which sees the mount that it is in."""
    route, scope["root_path"] = scope.pop(_HERE)
    await route.app(scope, receive, send)


def _stated_here(scope: Any) -> Stated:
    view = scope[_HERE][0].view
    method = scope.get("method", "GET")
    return stated_view(view, method) or stated_view(view, methods_of(view)[0]) or Stated(NO_SCOPE)
