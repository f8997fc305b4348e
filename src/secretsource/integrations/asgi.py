"""One middleware for every ASGI application: Starlette, FastAPI, Litestar, Quart, Django and plain ones.

    app = ApiKeyMiddleware(app, keys, scope="invoices:read", exempt=["/health", "/static/*"])

Requests and web sockets without a good key end here, with the answers of `secretsource.issuing.http_answer`; for the
others ``scope["secretsource"]`` is the key's record. Put it inside what answers without a key, such as CORS preflights
and ``ProxyHeadersMiddleware``, which finds out the client's address.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from typing import TYPE_CHECKING, Any

from secretsource.exceptions import ConfigurationError
from secretsource.issuing._http.answer import check_realm, http_answer
from secretsource.issuing._http.credential import credential
from secretsource.issuing._http.pace import settle
from secretsource.issuing._policy import check_demand
from secretsource.issuing._verdict import Rejected

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, MutableMapping
    from typing import TypeAlias

    from secretsource.issuing import ApiKeys, AsyncApiKeys, HttpAnswer, Verdict
    from secretsource.issuing._policy import Demand

    Message: TypeAlias = MutableMapping[str, Any]
    Scope: TypeAlias = MutableMapping[str, Any]
    Receive: TypeAlias = Callable[[], Awaitable[Message]]
    Send: TypeAlias = Callable[[Message], Awaitable[None]]
    App: TypeAlias = Callable[[Any, Any, Any], Awaitable[Any]]

__all__ = ["ApiKeyMiddleware"]

_DENIAL = "websocket.http.response"
_STARTS = frozenset({"http.response.start", "websocket.accept", f"{_DENIAL}.start"})
_TRY_AGAIN_LATER = 1013
_LONGEST = 10.0


class ApiKeyMiddleware:
    """Lets requests in that carry a good key, and answers the others.

    A web socket is refused with the same answer where the server can send one (the ASGI extension
    ``websocket.http.response``), else closed with 4401, 4403, 4429, 4400, or 1013 (try again later). ``lifespan`` goes
    through untouched.

    Args:
        app: The application behind it.
        keys: What checks keys; one for threads is asked in a thread.
        scope: What a key needs: a scope, several that are all needed, `NO_SCOPE`, or a function of the ASGI scope that
            gives one of them.
        realm: What the keys are for, as challenges name it: 1 to 128 printable ASCII characters.
        exempt: Paths that need no key: exact ones, and ``/static/*`` for all that is below ``/static/``.
        refuse_after: Seconds from the arrival of a request to the answer that its key is not accepted, 0 to 10: as long
            for every reason, so that the time does not tell which. Longer than a look-up takes; 0 answers at once.

    Raises:
        ConfigurationError: The realm, a path or the time cannot be.
        InvalidRequest: The scope cannot be.
    """

    def __init__(
        self,
        app: App,
        keys: ApiKeys | AsyncApiKeys,
        *,
        scope: Demand | Callable[[Any], Demand],
        realm: str = "api",
        exempt: Iterable[str] = (),
        refuse_after: float = 0.025,
    ) -> None:
        if not 0 <= refuse_after <= _LONGEST:
            raise ConfigurationError(f"refuse_after is in seconds from 0 to {_LONGEST}, not {refuse_after!r}")
        self._app = app
        self._check: Callable[..., Any] = keys.check
        self._is_async = inspect.iscoroutinefunction(keys.check)
        self._demand: Callable[[Any], Demand] = scope if callable(scope) else _constant(scope)
        self._realm = check_realm(realm)
        self._exact, self._below = _exemptions(exempt)
        self._refuse_after = refuse_after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection, or let it through."""
        came = time.monotonic()
        if scope["type"] == "lifespan" or self._is_exempt(scope.get("path", "")):
            await self._app(scope, receive, send)
            return
        if scope["type"] not in {"http", "websocket"}:
            raise ConfigurationError(f"API keys cannot be checked on connections of type {scope['type']!r}")
        verdict = await self._verdict(scope)
        answer = http_answer(verdict, realm=self._realm, now=time.time())
        if isinstance(verdict, Rejected):
            if self._refuse_after and verdict.answer.code == "invalid_key":
                await settle(came, self._refuse_after)
            await _refuse(answer, scope, receive, send)
            return
        scope = {**scope, "secretsource": verdict.record}
        await self._app(scope, receive, _adding(answer, send) if answer.headers else send)

    async def _verdict(self, scope: Scope) -> Verdict:
        demand = self._demand(scope)
        check_demand(demand)  # a wrong one is found before the key is taken, and no traceback has it
        sent = credential(scope["headers"])
        if isinstance(sent, Rejected):
            return sent
        ip = (scope.get("client") or (None,))[0]
        agent = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"user-agent"), None)
        verdict: Verdict
        if self._is_async:
            verdict = await self._check(sent, scope=demand, ip=ip, agent=agent)
        else:
            verdict = await asyncio.to_thread(self._check, sent, scope=demand, ip=ip, agent=agent)
        return verdict

    def _is_exempt(self, path: str) -> bool:
        """Whether a path needs no key; one that some server might read as another path needs one."""
        if path in self._exact:
            return True
        return path.startswith(self._below) and not {"", ".", ".."} & set(path.removesuffix("/").split("/")[1:])


def _constant(demand: Demand) -> Callable[[Any], Demand]:
    check_demand(demand)
    return lambda _: demand


def _exemptions(paths: Iterable[str]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Exact paths, and beginnings of paths."""
    if isinstance(paths, str):
        raise ConfigurationError("exempt paths are a list of texts, not one text: write  exempt=[...]")
    exact, below = set[str](), list[str]()
    for path in paths:
        stem = path.removesuffix("*")
        if not path.startswith("/") or "*" in stem or (stem != path and not (stem.endswith("/") and len(stem) > 1)):
            raise ConfigurationError(f"exempt path {path!r:.80} cannot be: write  /health  or  /static/*")
        if stem == path:
            exact.add(path)
        else:
            below.append(stem)
    return frozenset(exact), tuple(below)


def _adding(answer: HttpAnswer, send: Send) -> Send:
    """A `send` that adds what an accepted key hears to the headers of the application."""
    added = _raw(answer)

    async def send_with_headers(message: Message) -> None:
        if message["type"] in _STARTS:
            message = {**message, "headers": [*message.get("headers", ()), *added]}
        await send(message)

    return send_with_headers


async def _refuse(answer: HttpAnswer, scope: Scope, receive: Receive, send: Send) -> None:
    kind = "http.response"
    if scope["type"] == "websocket":
        await receive()  # websocket.connect, before which nothing may be sent
        if _DENIAL not in (scope.get("extensions") or {}):
            code = _TRY_AGAIN_LATER if answer.status == 503 else 4000 + answer.status
            await send({"type": "websocket.close", "code": code, "reason": ""})
            return
        kind = _DENIAL
    await send({"type": f"{kind}.start", "status": answer.status, "headers": _raw(answer)})
    await send({"type": f"{kind}.body", "body": answer.body})


def _raw(answer: HttpAnswer) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("ascii"), value.encode("ascii")) for name, value in answer.headers]
