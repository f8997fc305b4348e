"""An HTTP server in a thread of this process."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["LocalServer", "serving"]

LOOPBACK = "127.0.0.1"


class LocalServer(ThreadingHTTPServer):
    """A server with a thread for each connection; a client that went away is not an error."""

    daemon_threads = True
    request_queue_size = 128  # a burst of connections must not wait for another attempt

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print the error, unless it is of the connection."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


@contextmanager
def serving(server: LocalServer) -> Generator[int]:
    """Serve until the end of the ``with`` block; yield the port."""
    thread = Thread(target=server.serve_forever, args=(0.02,), name="local-server", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
