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
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc

from secretsource.integrations._shared.grpc import asynchronous, behaviour_of, rebuilt, runs_in_threads, synchronous
from secretsource.integrations._shared.grpc_call import current_key, note, question, refusal
from secretsource.integrations._shared.place import Place
from secretsource.integrations.routes import check_stated, require_key, stated
from secretsource.issuing import Admission, HttpAnswer

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import AsyncGenerator, Generator, Mapping
    from typing import Unpack

    from secretsource.issuing import AdmissionSettings, ApiKeys, AsyncApiKeys

__all__ = ["ApiKeyInterceptor", "AsyncApiKeyInterceptor", "current_key", "require_key"]


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
        outcome = self._admission.admit(**question(self._admission, method, handler, context))
        if isinstance(outcome, HttpAnswer):
            context.abort(*refusal(outcome, context))  # which raises
            return
        note(outcome, context)
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
        outcome = await self._admission.aadmit(**question(self._admission, method, handler, context))
        if isinstance(outcome, HttpAnswer):
            await context.abort(*refusal(outcome, context))  # which raises
            return
        note(outcome, context)
        async with Place() as place:
            place.take(self._admission, outcome)
            yield

    @contextmanager
    def _let_in_threads(self, loop: AbstractEventLoop, method: str, handler: Any, context: Any) -> Generator[None]:
        """Let a call in to a method that runs in a thread of the server; its key is checked on the event loop."""
        with ExitStack() as after:
            asked = self._admission.aadmit(**question(self._admission, method, handler, context))
            outcome = run_coroutine_threadsafe(asked, loop).result()
            if isinstance(outcome, HttpAnswer):
                context.abort(*refusal(outcome, context))  # which raises
                return
            note(outcome, context)
            if outcome.lease is not None:
                after.callback(lambda: run_coroutine_threadsafe(self._admission.arelease(outcome), loop).result())
            yield
