"""Spans of OpenTelemetry: one for each request of the management API, of a check, and of a gateway.

They are off by default, and then nothing is loaded and nothing is in the way of a request. A span continues the trace
that ``traceparent`` names (W3C Trace Context). It is current while the request is answered. So the spans of the driver
of the store are below it, in a process that is instrumented for them.

A span has the method, the operation, the pattern of the path and the status. It has no header, no query, no id, no
address and no text of an error. A span that nobody records is given none of it.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from secretsource import __version__
from secretsource.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from secretsource.server.service import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Spans", "check_installed"]

_CARRIED = (b"traceparent", b"tracestate")
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
"""The methods that a span names; any other one would be a text of the client."""


def check_installed() -> None:
    """Check that spans can be made.

    Raises:
        ConfigurationError: The package is not installed.
    """
    try:
        import_module("opentelemetry.trace")
        return
    except ImportError:
        pass
    raise ConfigurationError(
        "traces of [server] needs the package opentelemetry-api: run  pip install 'secretsource[otel]'"
    )


class Spans:
    """The spans of one process, for the provider of spans that the process has.

    Args:
        provider: The provider of spans; that of the process when left out.

    Raises:
        ConfigurationError: The package is not installed.
    """

    def __init__(self, provider: Any = None) -> None:
        check_installed()
        from opentelemetry.trace import SpanKind, Status, StatusCode, get_tracer, use_span
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._tracer = get_tracer("secretsource.server", __version__, provider)
        self._extract = TraceContextTextMapPropagator().extract
        self._root = self._extract({})
        self._current = partial(use_span, record_exception=False, set_status_on_exception=False)
        self._kind = SpanKind.SERVER
        self._failed = Status(StatusCode.ERROR)

    def around(self, app: ASGIApp, operation: str | None = None, route: str = "") -> ASGIApp:
        """Return an application that answers each request in a span of its own.

        Args:
            app: The application.
            operation: The name of its operation; None for one that is known after the router has chosen.
            route: The pattern of its path.
        """

        async def record(span: Any, method: str, scope: Scope, receive: Receive, send: Send) -> None:
            status = 0

            def noted_send(message: Message) -> Awaitable[None]:
                nonlocal status
                status = message.get("status", status)
                return send(message)

            with self._current(span, end_on_exit=True):  # and no text of an error, which may quote a value
                try:
                    await app(scope, receive, noted_send)
                finally:
                    self._close(span, method, status, *_chosen(scope, operation, route))

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
            span = self._started(scope, method, route)
            if span.is_recording():
                await record(span, method, scope, receive, send)
            elif span.get_span_context().is_valid:  # whatever is below it is not recorded either
                with self._current(span):
                    await app(scope, receive, send)
            else:
                await app(scope, receive, send)

        return serve

    def _started(self, scope: Scope, method: str, route: str) -> Any:
        carried = _carried(scope)
        return self._tracer.start_span(
            f"{method} {route}".rstrip(),
            self._extract(carried) if carried else self._root,
            self._kind,
            {"http.request.method": method, "url.scheme": scope.get("scheme", "http")},
        )

    def _close(self, span: Any, method: str, status: int, operation: str, route: str) -> None:
        """Note what is known at the end of a request; a status of 0 means that nobody was answered."""
        if route:
            span.update_name(f"{method} {route}")
            span.set_attribute("http.route", route)
        span.set_attribute("secretsource.operation", operation)
        if status:
            span.set_attribute("http.response.status_code", status)
        if status >= 500:
            span.set_attribute("error.type", str(status))
            span.set_status(self._failed)


def _carried(scope: Scope) -> dict[str, str]:
    """Return the headers that name the trace of a request; the first of each counts."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        if name in _CARRIED:
            found.setdefault(name.decode("ascii"), value.decode("latin-1"))
    return found


def _chosen(scope: Scope, operation: str | None, route: str) -> tuple[str, str]:
    """Return the operation of a request and the pattern of its path, as the router has chosen them."""
    if operation is not None:
        return operation, route
    chosen = scope.get("route")
    return getattr(chosen, "operation_id", None) or "none", getattr(chosen, "path_format", "")
