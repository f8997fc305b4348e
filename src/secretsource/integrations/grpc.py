"""Interceptors for gRPC that check the key of a call for its method.

    class Invoices(InvoicesServicer):
        @require_key("invoices:read")
        def List(self, request, context):
            return ListReply(owner=current_key().owner)

    server = grpc.server(ThreadPoolExecutor(8), interceptors=[ApiKeyInterceptor(keys)])

The key is in the metadata, as in the headers of HTTP. A refused call ends with the status of
`secretsource.issuing.statuses`; its trailing metadata are the headers of the HTTP answer. A method that states no scope
is refused: `check` finds it at start-up.
"""

from __future__ import annotations

import json
from asyncio import get_running_loop, run_coroutine_threadsafe
from contextlib import ExitStack, asynccontextmanager, contextmanager
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc

from secretsource.exceptions import ConfigurationError, KeyRejected
from secretsource.integrations._shared.grpc import (
    address_of,
    asynchronous,
    behaviour_of,
    metadata_of,
    rebuilt,
    runs_in_threads,
    synchronous,
)
from secretsource.integrations._shared.place import Place
from secretsource.integrations.routes import Stated, check_stated, require_key, stated
from secretsource.issuing import NO_SCOPE, Admission, HttpAnswer
from secretsource.issuing.statuses import statuses_of

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import AsyncGenerator, Generator, Mapping
    from typing import Unpack

    from secretsource.issuing import AdmissionSettings, Admitted, ApiKeys, AsyncApiKeys, KeyRecord

__all__ = ["ApiKeyInterceptor", "AsyncApiKeyInterceptor", "current_key", "require_key"]

_KEY: ContextVar[KeyRecord | None] = ContextVar("secretsource_key", default=None)


def current_key() -> KeyRecord | None:
    """Return the record of the key of the call that is being served, or None without a key."""
    return _KEY.get()


class _Interceptor:
    """The part that both kinds of interceptor share."""

    def __init__(self, keys: Any, settings: Any) -> None:
        self._admission = Admission(keys, scope=None, **settings)

    def check(self, service: str, methods: Mapping[str, Any]) -> None:
        """Refuse a service with a method that states no scope; call it before the server starts.

        Args:
            service: The full name of the service, such as ``shop.Invoices``.
            methods: The methods by name: those of the servicer, or their handlers.

        Raises:
            ConfigurationError: A method states no scope.
        """
        for name, method in methods.items():
            check_stated(self._admission, f"/{service}/{name}", stated(method, behaviour_of(method)))

    def _question(self, method: str, handler: Any, context: Any) -> dict[str, Any]:
        """Return the arguments of `Admission.admit` for a call."""
        found = stated(behaviour_of(handler))
        if found is None and not self._admission.is_exempt(method):
            raise ConfigurationError(f"method {method!r:.200} must state a scope: write  @require_key(...)")
        demand, cost, limit = found or Stated(NO_SCOPE)
        headers = [(name, value) for name, value in context.invocation_metadata() or () if isinstance(value, str)]
        return {
            "headers": headers, "ip": address_of(context.peer()), "method": "POST", "path": method,
            "scope": demand, "cost": cost, "limit": limit,
        }  # fmt: skip


# grpc has no types
class ApiKeyInterceptor(_Interceptor, grpc.ServerInterceptor):  # type: ignore[misc]
    """An interceptor for a server of threads; `current_key` returns the record of the key.

    Args:
        keys: The keys to check with.
        settings: See `AdmissionSettings`; exempt are paths such as ``/grpc.health.v1.Health/*``.

    Raises:
        ConfigurationError: A setting cannot work.
        InvalidRequest: The prefix or the environment is malformed.
    """

    def __init__(self, keys: ApiKeys, **settings: Unpack[AdmissionSettings]) -> None:
        super().__init__(keys, settings)

    def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """Put the check before the method of a call."""
        handler, method = continuation(handler_call_details), handler_call_details.method
        around = partial(self._let_in, method, handler)
        return None if handler is None else rebuilt(handler, synchronous(handler, around))

    @contextmanager
    def _let_in(self, method: str, handler: Any, context: Any) -> Generator[None]:
        """Let a call in to its method, and release its place when the method has ended; or refuse it."""
        outcome = self._admission.admit(**self._question(method, handler, context))
        if isinstance(outcome, HttpAnswer):
            context.abort(*_refusal(outcome, context))  # which raises
            return
        _note(outcome, context)
        try:
            yield
        finally:
            if outcome.lease is not None:
                self._admission.release(outcome)


# grpc has no types
class AsyncApiKeyInterceptor(_Interceptor, grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """An interceptor for a server of ``grpc.aio``; `current_key` returns the record of the key.

    Args:
        keys: The keys to check with; keys for threads look up in threads of their own.
        settings: As for `ApiKeyInterceptor`.

    Raises:
        ConfigurationError: A setting cannot work.
        InvalidRequest: The prefix or the environment is malformed.
    """

    def __init__(self, keys: ApiKeys | AsyncApiKeys, **settings: Unpack[AdmissionSettings]) -> None:
        super().__init__(keys, settings)

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """Put the check before the method of a call, which may be one for the server's threads."""
        handler, method = await continuation(handler_call_details), handler_call_details.method
        if handler is None:
            return None
        if runs_in_threads(handler):
            around = partial(self._let_in_threads, get_running_loop(), method, handler)
            return rebuilt(handler, synchronous(handler, around))
        return rebuilt(handler, asynchronous(handler, partial(self._let_in, method, handler)))

    @asynccontextmanager
    async def _let_in(self, method: str, handler: Any, context: Any) -> AsyncGenerator[None]:
        """Let a call in to its method, and leave its place when the method has ended; or refuse it."""
        outcome = await self._admission.aadmit(**self._question(method, handler, context))
        if isinstance(outcome, HttpAnswer):
            await context.abort(*_refusal(outcome, context))  # which raises
            return
        _note(outcome, context)
        async with Place() as place:
            place.take(self._admission, outcome)
            yield

    @contextmanager
    def _let_in_threads(self, loop: AbstractEventLoop, method: str, handler: Any, context: Any) -> Generator[None]:
        """Let a call in to a method that runs in a thread of the server; its key is checked on the event loop."""
        with ExitStack() as after:
            asked = self._admission.aadmit(**self._question(method, handler, context))
            outcome = run_coroutine_threadsafe(asked, loop).result()
            if isinstance(outcome, HttpAnswer):
                context.abort(*_refusal(outcome, context))  # which raises
                return
            _note(outcome, context)
            if outcome.lease is not None:
                after.callback(lambda: run_coroutine_threadsafe(self._admission.arelease(outcome), loop).result())
            yield


def _refusal(answer: HttpAnswer, context: Any) -> tuple[Any, str]:
    """Set the trailing metadata of a refusal, and return its status and its sentence."""
    problem = json.loads(answer.body)
    statuses = statuses_of(KeyRejected(problem["detail"], reason=problem["code"]))
    context.set_trailing_metadata((("problem-code", problem["code"]), *metadata_of(answer.headers)))
    return getattr(grpc.StatusCode, statuses.grpc), problem["detail"]


def _note(admitted: Admitted, context: Any) -> None:
    _KEY.set(admitted.record)
    context.set_trailing_metadata(metadata_of(admitted.headers))
