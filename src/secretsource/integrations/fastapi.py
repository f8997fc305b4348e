"""A dependency for FastAPI that checks the key of a request for its route.

    api_key = ApiKey(keys)
    app = FastAPI()
    api_key.guard(app)

    @app.get("/invoices")
    def invoices(key: Annotated[KeyRecord, Security(api_key, scopes=["invoices:read"])]): ...

A refused request is answered as `Admission` says, before the function is called. The application does not start while
a route states no scope. FastAPI reads the body of a request before its dependencies.
"""

from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from secretsource.exceptions import ConfigurationError
from secretsource.integrations._asgi.messages import refuse
from secretsource.integrations._asgi.start import LATE, Late, start
from secretsource.integrations._shared.fastapi import joined, scheme, stated_routes
from secretsource.integrations.routes import Stated, check_stated
from secretsource.issuing import NO_SCOPE, Admission, HttpAnswer, KeyRecord

if TYPE_CHECKING:
    from typing import Unpack

    from secretsource.integrations._asgi.messages import App, Receive, Scope, Send
    from secretsource.issuing import AdmissionSettings, Admitted, ApiKeys, AsyncApiKeys

__all__ = ["ApiKey"]

_CHECKED = frozenset({"http", "websocket"})
_UNKNOWN = (None,)


class ApiKey(SecurityBase):
    """A dependency whose value is the record of the key, or None on a route that is exempt or optional.

    Use it in ``Security(api_key, scopes=[...])``, at a route, a router or the application: a request needs the scopes
    of all of them, and its key is checked once. `require_key` on the function states a cost, a limit, or `NO_SCOPE`.
    ``app.dependency_overrides[api_key]`` replaces it in tests.

    Args:
        keys: The keys to check with; keys for threads look up in threads of their own.
        scheme_name: The name of the security scheme in the OpenAPI document.
        settings: See `AdmissionSettings`.

    Raises:
        ConfigurationError: A setting cannot work.
        InvalidRequest: The prefix or the environment is malformed.
    """

    def __init__(
        self,
        keys: "ApiKeys | AsyncApiKeys",
        *,
        scheme_name: str = "ApiKey",
        **settings: "Unpack[AdmissionSettings]",
    ) -> None:
        self._admission = Admission(keys, scope=None, **settings)
        self._glance = self._admission.glance
        self.model = scheme(next(iter(settings.get("credentials", ())), "Authorization: Bearer"))
        self.scheme_name = scheme_name

    def guard(self, app: FastAPI) -> None:
        """Refuse to start an application with a route that states no scope, and add our headers to its answers.

        Args:
            app: The application. Guard an application that is mounted in it by itself.
        """
        app.add_middleware(_Guarded, of=app, admission=self._admission, dependency=self)
        app.add_exception_handler(_Refused, _refusal)

    async def __call__(self, connection: HTTPConnection) -> KeyRecord | None:
        """Return the record of the key that came with a request."""
        scope: Any = connection.scope
        late: Late | None = scope.get(LATE)
        stated = None if late is None else late.stated.get(scope["endpoint"])
        if late is None or stated is None:
            raise ConfigurationError("an application must be guarded, with all its routes: call  api_key.guard(app)")
        admitted = late.admitted
        if admitted is None:
            demand, cost, limit = stated
            ip, method = (scope.get("client") or _UNKNOWN)[0], scope.get("method", "GET")
            headers, path, root = scope["headers"], scope["path"], scope["root_path"]
            admitted = self._glance(headers, ip, method, path, root, demand, cost, limit)
            if admitted is None:
                admitted = await self._admit((headers, ip, method, path), root, stated)
            if admitted.visible is not None:
                headers[:] = admitted.visible  # the list that the request object holds, too
            late.let_in(self._admission, admitted)
        return admitted.record

    async def _admit(self, asked: Any, root: str, stated: Stated) -> "Admitted":
        """Let a request in that memory cannot decide on, or raise its refusal."""
        demand, cost, limit = stated
        outcome = await self._admission.aadmit(
            *asked, root_path=root, scope=demand, cost=cost, limit=limit, glanced=True
        )
        if isinstance(outcome, HttpAnswer):
            raise _Refused(outcome)
        return outcome


class _Refused(Exception):
    """A request that is not let in; `_refusal` sends its answer."""


async def _refusal(_: object, refused: Exception) -> Any:
    return partial(refuse, refused.args[0])


class _Guarded:
    """The middleware of a guarded application."""

    def __init__(self, app: "App", of: FastAPI, admission: Admission, dependency: ApiKey) -> None:
        self._app, self._of, self._admission, self._dependency = app, of, admission, dependency
        self._stated: dict[object, Stated] = {}
        self._checked = 0

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] == "lifespan":
            await start(self._check, receive, send)
        elif self._checked != len(self._of.router.routes):
            self._check()
        if scope["type"] not in _CHECKED:
            await self._app(scope, receive, send)
            return
        late = scope[LATE] = Late(self._stated, scope["type"], send)
        try:
            await self._app(scope, receive, late.send)
        finally:
            if late.place is not None:
                await late.place.leave()

    def _check(self) -> None:
        """Read what each view states on all its routes, and refuse a route that states no scope."""
        views: dict[object, list[Stated]] = {}
        for route, stated in stated_routes(self._of, self._dependency):
            if not _is_guarded(getattr(route, "app", None)):
                check_stated(self._admission, route.path, stated)
                views.setdefault(getattr(route, "endpoint", None), []).append(stated or Stated(NO_SCOPE))
        self._stated = {view: joined(several) or Stated(NO_SCOPE) for view, several in views.items()}
        self._checked = len(self._of.router.routes)


def _is_guarded(app: object) -> bool:
    kinds: list[object] = [each.cls for each in app.user_middleware] if isinstance(app, FastAPI) else []
    return _Guarded in kinds
