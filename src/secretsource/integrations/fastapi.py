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

from secretsource.integrations._shared.framework import framework

with framework("fastapi"):
    from fastapi import FastAPI
    from fastapi.security.base import SecurityBase
    from starlette.requests import HTTPConnection

from secretsource.exceptions import ConfigurationError
from secretsource.integrations._asgi.connection import refuse
from secretsource.integrations._asgi.guarded import Guarded
from secretsource.integrations._asgi.start import Late, late_name
from secretsource.integrations._shared.fastapi import scheme
from secretsource.integrations._shared.recheck import interval
from secretsource.issuing import Admission, HttpAnswer, KeyRecord

if TYPE_CHECKING:
    from typing import Unpack

    from secretsource.integrations.routes import Stated
    from secretsource.issuing import AdmissionSettings, Admitted, ApiKeys, AsyncApiKeys

__all__ = ["ApiKey"]

_UNKNOWN = (None,)


class ApiKey(SecurityBase):
    """A dependency whose value is the record of the key, or None on a route that is exempt or optional.

    Use it in ``Security(api_key, scopes=[...])``, at a route, a router or the application: a request needs the scopes
    of all of them, and its key is checked once. `require_key` on the function states a cost, a limit, or `NO_SCOPE`.
    ``app.dependency_overrides[api_key]`` replaces it in tests. An application may have several, such as one for its
    customers and one for its staff; a route needs the keys of all that it uses.

    Args:
        keys: The keys to check with; keys for threads look up in threads of their own.
        scheme_name: The name of the security scheme in the OpenAPI document.
        recheck: As for `ApiKeyMiddleware`.
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
        recheck: float = 30.0,
        **settings: "Unpack[AdmissionSettings]",
    ) -> None:
        self._admission = Admission(keys, scope=None, **settings)
        self._glance = self._admission.glance
        self.model = scheme(next(iter(settings.get("credentials", ())), "Authorization: Bearer"))
        self.scheme_name = scheme_name
        self._late, self._recheck = late_name(self), interval(recheck)

    def guard(self, app: FastAPI) -> None:
        """Refuse to start an application with a route that states no scope, and add our headers to its answers.

        Args:
            app: The application. Guard an application that is mounted in it by itself.
        """
        app.add_middleware(Guarded, of=app, admission=self._admission, dependency=self, recheck=self._recheck)
        app.add_exception_handler(_Refused, _refusal)

    async def __call__(self, connection: HTTPConnection) -> KeyRecord | None:
        """Return the record of the key that came with a request."""
        scope: Any = connection.scope
        late: Late | None = scope.get(self._late)
        stated = None if late is None else late.stated.get(scope.get("endpoint"))
        if late is None or stated is None:
            raise ConfigurationError("an application must be guarded, with all its routes: call  api_key.guard(app)")
        admitted = late.admitted
        if admitted is None:
            demand, cost, limit = stated
            ip, method = (scope.get("client") or _UNKNOWN)[0], scope.get("method", "GET")
            headers, path, root = scope["headers"], scope["path"], scope["root_path"]
            glance = self._glance  # a local name is called sooner than an attribute
            admitted = glance(headers, ip, method, path, root, demand, cost, limit)
            if admitted is None:
                admitted = await self._admit((headers, ip, method, path), root, stated)
            if admitted.visible is not None:
                headers[:] = admitted.visible  # the list that the request object holds, too
            late.admitted = admitted
            if admitted.lease is not None:
                late.take_place(self._admission, admitted)
            if late.is_good is not None:
                late.is_good.begin(self._admission, admitted.record, ip, path, demand)
        return admitted.record

    async def _admit(self, asked: Any, root: str, stated: "Stated") -> "Admitted":
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
