"""A plugin for Litestar that checks the key of a request, or of a web socket, for its route.

    @get("/invoices", guards=[HasScope("invoices:read")])
    async def invoices(request: Request) -> dict[str, str]:
        return {"owner": request.scope["secretsource"].owner}

    app = Litestar([invoices], plugins=[ApiKeyPlugin(keys, exempt=["/schema/*", "/schema"])])

It answers, and serves web sockets, as `ApiKeyMiddleware` does. The application cannot be made with a route that states
no scope; the pages of Litestar's own schema are routes, too.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from secretsource.integrations._shared.framework import framework
from secretsource.integrations._shared.statements import together
from secretsource.integrations.asgi import ApiKeyMiddleware
from secretsource.integrations.routes import Stated, check_stated, name_of, require_key, stated
from secretsource.issuing import NO_SCOPE, Admission

with framework("litestar"):
    from litestar.exceptions import NotAuthorizedException
    from litestar.plugins import InitPlugin, ReceiveRoutePlugin

if TYPE_CHECKING:
    from typing import Unpack

    from litestar.config.app import AppConfig
    from litestar.routes import BaseRoute

    from secretsource.issuing import AdmissionSettings, ApiKeys, AsyncApiKeys, Demand

__all__ = ["ApiKeyPlugin", "HasScope", "require_key"]


class HasScope:
    """A guard for requests whose key has a scope; `ApiKeyPlugin` reads the scope and checks the key.

    Args:
        scope: The scope that a key needs, several that are all needed, or `NO_SCOPE`.
        cost: The amount that a request draws from the limits, 0 to 10**9.
        limit: The limit that each key has on each route with this guard; see `require_key`.
        limit_name: The name that the limit is counted under; that of each route's function when left out.
    """

    def __init__(self, scope: Demand, *, cost: int = 1, limit: str | None = None, limit_name: str = "") -> None:
        require_key(scope, cost=cost, limit=limit, limit_name=limit_name)(self)

    async def __call__(self, connection: Any, _: Any) -> None:
        """Refuse a request that the plugin has not let in.

        Args:
            connection: The connection.

        Raises:
            NotAuthorizedException: The application has no `ApiKeyPlugin`.
        """
        if not connection.scope.get("secretsource.checked"):
            raise NotAuthorizedException


class ApiKeyPlugin(InitPlugin, ReceiveRoutePlugin):
    """A plugin that checks a key before each route; ``scope["secretsource"]`` is the record of the key.

    A route states its scope by guards, `HasScope`, or by `require_key` on its function. As all guards of Litestar do,
    those of all levels hold together: a key needs the scopes of all, the largest cost counts, and the innermost limit.

    Args:
        keys: The keys to check with; keys for threads look up in threads of their own.
        recheck: As for `ApiKeyMiddleware`.
        settings: See `AdmissionSettings`.

    Raises:
        ConfigurationError: A setting cannot work.
        InvalidRequest: The prefix or the environment is malformed.
    """

    def __init__(
        self, keys: ApiKeys | AsyncApiKeys, *, recheck: float = 30.0, **settings: Unpack[AdmissionSettings]
    ) -> None:
        self._admission = Admission(keys, scope=None, **settings)
        self._guard = partial(ApiKeyMiddleware, keys=keys, scope=_stated_here, recheck=recheck, **settings)

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Put the check before the other middleware.

        Args:
            app_config: The configuration of the application.
        """
        app_config.middleware.insert(0, self._before)
        return app_config

    def receive_route(self, route: BaseRoute) -> None:
        """Refuse a route that states no scope.

        Args:
            route: The route, which Litestar has made.

        Raises:
            ConfigurationError: The route states no scope.
        """
        for each in getattr(route, "route_handlers", None) or [getattr(route, "route_handler", None)]:
            if getattr(each, "http_methods", None) != {"OPTIONS"}:  # which Litestar answers by itself
                check_stated(self._admission, route.path, _stated(each))

    def _before(self, app: Any) -> Any:
        async def checked(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, "secretsource.checked": True}, receive, send)

        return self._guard(checked)


def _stated_here(scope: Any) -> Stated:
    return _stated(scope["route_handler"]) or Stated(NO_SCOPE)


def _stated(route: Any) -> Stated | None:
    view = getattr(route, "fn", None)
    guards = () if route is None else reversed(route.resolve_guards())
    return together(stated(view), *[stated(each, name=name_of(view, "get")) for each in guards])
