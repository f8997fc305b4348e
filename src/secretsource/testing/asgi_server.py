"""An ASGI application behind a real server on this machine, for tests, demonstrations and benchmarks.

with asgi_server(ApiKeyMiddleware(app, keys, scope="invoices:read")) as url:
    urlopen(url)
"""

from __future__ import annotations

import socket
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import TYPE_CHECKING

from secretsource.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import ModuleType
    from typing import Any

__all__ = ["asgi_server"]


@contextmanager
def asgi_server(app: Any, *, trusts_proxy: bool = False) -> Generator[str]:
    """Serve an application with uvicorn, in a thread, until the end of the ``with`` block.

    Args:
        app: The application; its ``lifespan`` is run if it has one.
        trusts_proxy: Whether 127.0.0.1 is a proxy that may name the client in ``X-Forwarded-For``.

    Yields:
        The base URL: ``http://127.0.0.1:PORT``.

    Raises:
        ConfigurationError: uvicorn is not installed.
        Exception: The application refused to start; the error is its own.
    """
    uvicorn = _uvicorn()
    if uvicorn is None:
        raise ConfigurationError("asgi_server needs uvicorn: run  pip install 'secretsource[server]'")
    start = _Start(app)
    with socket.create_server(("127.0.0.1", 0)) as listening:  # it queues connections before the server is up
        settings = {"log_level": "critical", "timeout_graceful_shutdown": 5, "proxy_headers": trusts_proxy}
        server = uvicorn.Server(uvicorn.Config(start, **settings))
        thread = Thread(target=_run, args=(server, listening), name="asgi-server", daemon=True)
        thread.start()
        try:
            start.over.wait()
            if start.error is not None:
                raise start.error
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


class _Start:
    """An application whose start is watched.

    Attributes:
        over: Set when it has started, or has failed to.
        error: The error that ended the start.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self.over = Event()
        self.error: Exception | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            await self._app(scope, receive, self._noting(send))
        except Exception as error:
            self.error = None if self.over.is_set() else error
            raise
        finally:
            self.over.set()

    def _noting(self, send: Any) -> Any:
        async def noting(message: Any) -> None:
            if message["type"] == "lifespan.startup.complete":
                self.over.set()
            await send(message)

        return noting


def _run(server: Any, listening: socket.socket) -> None:
    with suppress(SystemExit):  # by which uvicorn says that the application did not start
        server.run([listening])


def _uvicorn() -> ModuleType | None:
    try:
        import uvicorn
    except ImportError:
        return None
    return uvicorn
