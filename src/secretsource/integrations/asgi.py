"""A single middleware for every ASGI application: Starlette, FastAPI, Litestar, Quart, Django and plain ones.

    app = ApiKeyMiddleware(app, keys, scope="invoices:read", exempt=["/health", "/static/*"])

Requests and web sockets without a good key end here, with the answers of `secretsource.issuing.http_answer`; for the
others ``scope["secretsource"]`` is the key's record. Put it inside ``ProxyHeadersMiddleware``, which finds the client's
address, and inside the middleware that answers CORS preflights.
"""

from __future__ import annotations

from functools import partial
from types import MethodType
from typing import TYPE_CHECKING, Any

from secretsource.exceptions import ConfigurationError
from secretsource.integrations._asgi.connection import hiding, let_in, read
from secretsource.integrations._asgi.lease import serve_leased
from secretsource.integrations._asgi.messages import adding, adding_often, adding_to_socket
from secretsource.integrations._asgi.socket import serve_while
from secretsource.integrations._shared.recheck import interval
from secretsource.integrations.routes import Stated
from secretsource.issuing import Admission, Admitted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Unpack

    from secretsource.integrations._asgi.messages import App, Message, Receive, Scope, Send
    from secretsource.issuing import AdmissionSettings, ApiKeys, AsyncApiKeys, Demand, RouteLimit

__all__ = ["ApiKeyMiddleware"]

_CHECKED = frozenset({"http", "websocket"})


class ApiKeyMiddleware:
    """A middleware that lets requests with a good key in, and answers the others.

    A web socket is refused with the same answer if the server can send it (the ASGI extension
    ``websocket.http.response``), else closed before it opens, which clients see as HTTP 403. ``lifespan`` passes
    unchanged.

    Args:
        app: The application behind it.
        keys: The keys to check with; keys for threads look up in threads of the middleware's own.
        scope: The scope that a key needs, several that are all needed, or `NO_SCOPE`. A function of the ASGI scope may
            return one of them, or a `Stated` with a cost and a limit of its own.
        cost: The amount that a request draws from the key's limits, 0 to 10**9.
        recheck: Seconds after which the key of an open web socket is checked again, up to a day; an ended key closes it
            with 4401. 0 never checks.
        settings: See `AdmissionSettings`.

    Raises:
        ConfigurationError: A setting cannot work.
        InvalidRequest: The scope, the prefix or the environment is malformed.
    """

    def __init__(
        self,
        app: App,
        keys: ApiKeys | AsyncApiKeys,
        *,
        scope: Demand | Callable[[Any], Demand | Stated],
        cost: int = 1,
        recheck: float = 30.0,
        **settings: Unpack[AdmissionSettings],
    ) -> None:
        self._app = app
        self._demand: Callable[[Any], Demand | Stated] | None = scope if callable(scope) else None
        self._stated: tuple[Demand | None, int, RouteLimit | None] = (None, cost, None)
        self._admission = Admission(keys, scope=None if callable(scope) else scope, **settings)
        # A local name is called sooner than an attribute.
        self._at_hand: tuple[Any, Any, Any, Any] = (app, self._admission.glance, None, None)
        self._is_exempt = self._admission.is_exempt
        self._recheck = interval(recheck)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection, or let it through."""
        try:
            kind, path, root_path = scope["type"], scope["path"], scope["root_path"]
            method, client = scope["method"], scope["client"]
        except KeyError:  # a web socket has no method, and a server leaves out what it does not know
            kind, path, root_path, method, client = read(scope)
        if kind not in _CHECKED:
            self._check_kind(kind, path, root_path)
            await self._app(scope, receive, send)
            return
        demand, cost, limit = self._stated if self._demand is None else self._demanded(scope, path, root_path)
        app, glance, usual, add = self._at_hand
        ip = client[0] if client else None
        admitted = glance(scope["headers"], ip, method, path, root_path, demand, cost, limit)
        if admitted is None:
            admitted = await let_in(self._admission, scope, receive, send, ip, demand, cost, limit)
            if admitted is None:
                return
        record, headers, visible, _, _, lease = admitted
        if record is not None:
            scope["secretsource"] = record  # in place, as Starlette's middleware does: a copy costs a fifth of the rest
        if visible is not None:
            scope = hiding(admitted, scope)
        if kind == "http":
            if headers and send is not None:  # a test of an application that sends nothing may have no `send`
                send = MethodType(add if headers is usual else self._adding(headers), send)
            if lease is None:
                await app(scope, receive, send)
                return
        await self._held(admitted, demand, scope, receive, send)

    def _check_kind(self, kind: str, path: str, root_path: str) -> None:
        """Raise a `ConfigurationError` for a connection whose key cannot be checked, unless it needs none."""
        if kind != "lifespan" and not self._is_exempt(path, root_path):
            raise ConfigurationError(f"API keys cannot be checked on connections of type {kind!r}")

    def _adding(self, headers: tuple[tuple[str, str], ...]) -> Callable[[Send, Message], Awaitable[None]]:
        """Return a function that sends an answer with these headers, and keep it if many answers have them.

        The only header of a key without limits is the same object in every answer.
        """
        if len(headers) != 1:
            return adding(headers)
        add = adding_often(headers)
        self._at_hand = (*self._at_hand[:2], headers, add)
        return add

    def _demanded(self, scope: Scope, path: str, root_path: str) -> tuple[Demand | None, int, RouteLimit | None]:
        """Return the demand of a request, its cost and the limit of its route, as the function of the scope says."""
        if self._demand is None or self._is_exempt(path, root_path):
            return self._stated
        stated = self._demand(scope)
        return stated if isinstance(stated, Stated) else (stated, self._stated[1], None)

    def _held(
        self, admitted: Admitted, demand: Demand | None, scope: Scope, receive: Receive, send: Send
    ) -> Awaitable[object]:
        """Serve a request that holds a lease, or a web socket whose key is checked again and again."""
        app: Callable[[Receive, Send], Awaitable[object]] = partial(self._app, scope)
        record = admitted.record
        if admitted.headers and scope["type"] != "http":
            send = adding_to_socket(admitted, send)
        if record is not None and self._recheck and scope["type"] != "http":
            _, path, _, _, client = read(scope)
            is_good = partial(self._admission.astill, record, client[0] if client else None, path, scope=demand)
            app = partial(serve_while, is_good, self._recheck, app)
        if admitted.lease is None:
            return app(receive, send)
        return serve_leased(self._admission, admitted, app, receive, send)
