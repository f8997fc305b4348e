"""An ASGI application behind a real server on this machine, for tests, demonstrations and benchmarks.

with asgi_server(ApiKeyMiddleware(app, keys, scope="invoices:read")) as url:
    urlopen(url)
"""

from __future__ import annotations

import socket
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING

from secretsource.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import ModuleType
    from typing import Any

__all__ = ["asgi_server"]


@contextmanager
def asgi_server(app: Any) -> Generator[str]:
    """Serve an application with uvicorn, in a thread, until the end of the ``with`` block.

    Args:
        app: The application; its ``lifespan`` is run if it has one.

    Yields:
        The base URL: ``http://127.0.0.1:PORT``.

    Raises:
        ConfigurationError: uvicorn is not installed.
    """
    uvicorn = _uvicorn()
    if uvicorn is None:
        raise ConfigurationError("asgi_server needs uvicorn: run  pip install 'secretsource[server]'")
    with socket.create_server(("127.0.0.1", 0)) as listening:  # it queues connections before the server is up
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=5))
        thread = Thread(target=server.run, args=([listening],), name="asgi-server", daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _uvicorn() -> ModuleType | None:
    try:
        import uvicorn
    except ImportError:
        return None
    return uvicorn
