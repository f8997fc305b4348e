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

from asyncio import get_running_loop, run_coroutine_threadsafe
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from secretsource.integrations._shared.framework import framework

with framework("grpc"):
    import grpc

from secretsource.integrations._shared.grpc import asynchronous, behaviour_of, rebuilt, runs_in_threads, synchronous
from secretsource.integrations._shared.grpc_call import admission_of, current_key, note, question, refusal
from secretsource.integrations._shared.place import Place
from secretsource.integrations.routes import check_stated, require_key, stated
from secretsource.issuing import HttpAnswer

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Mapping
    from typing import Unpack

    from secretsource.issuing import AdmissionSettings, Admitted, ApiKeys, AsyncApiKeys

__all__ = ["ApiKeyInterceptor", "AsyncApiKeyInterceptor", "current_key", "require_key"]


class _Interceptor:
    """The part that both kinds of interceptor share."""

    def __init__(self, keys: Any, settings: Any) -> None:
        self._admission = admission_of(keys, settings)

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

    def _in_threads(
        self,
        admit: Callable[..., Admitted | HttpAnswer],
        release: Callable[[Admitted], object],
        method: str,
        handler: Any,
    ) -> Any:
        """Return a handler for a thread, which releases its place when its method has ended."""

        @contextmanager
        def let_in(context: Any) -> Generator[None]:
            outcome = admit(**question(self._admission, method, handler, context))
            if isinstance(outcome, HttpAnswer):
                context.abort(*refusal(outcome, context))  # which raises
                return
            note(outcome, context)
            try:
                yield
            finally:
                if outcome.lease is not None:
                    release(outcome)

        return rebuilt(handler, synchronous(handler, let_in))


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
        admission = self._admission
        return None if handler is None else self._in_threads(admission.admit, admission.release, method, handler)


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
            admission, on_loop = self._admission, partial(_from_a_thread, get_running_loop())
            return self._in_threads(on_loop(admission.aadmit), on_loop(admission.arelease), method, handler)
        return rebuilt(handler, asynchronous(handler, partial(self._let_in, method, handler)))

    @asynccontextmanager
    async def _let_in(self, method: str, handler: Any, context: Any) -> AsyncGenerator[None]:
        """Let a call in to its method, and leave its place when the method has ended; or refuse it."""
        outcome = await self._admission.aadmit(**question(self._admission, method, handler, context))
        if isinstance(outcome, HttpAnswer):
            await context.abort(*refusal(outcome, context))  # which raises
            return
        note(outcome, context)
        async with Place() as place:
            place.take(self._admission, outcome)
            yield


def _from_a_thread(loop: AbstractEventLoop, ask: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
    """Return a function that asks a coroutine on an event loop, and waits for it in a thread of the server."""
    return lambda *given, **named: run_coroutine_threadsafe(ask(*given, **named), loop).result()
