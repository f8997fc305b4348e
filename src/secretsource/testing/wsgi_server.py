"""A WSGI application behind a real server on this machine, for tests and demonstrations.

with wsgi_server(app) as url:
    urlopen(url)
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING

from secretsource.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import ModuleType
    from typing import Any

__all__ = ["wsgi_server"]


@contextmanager
def wsgi_server(app: Any, **settings: Any) -> Generator[str]:
    """Serve an application with waitress, in threads, until the end of the ``with`` block.

    Args:
        app: The application.
        settings: Settings of waitress, such as ``trusted_proxy``; its own headers of a proxy are left as they come.

    Yields:
        The base URL: ``http://127.0.0.1:PORT``.

    Raises:
        ConfigurationError: waitress is not installed.
    """
    waitress = _waitress()
    if waitress is None:
        raise ConfigurationError("wsgi_server needs waitress: run  pip install waitress")
    sockets: dict[int, Any] = {}
    settings = {"clear_untrusted_proxy_headers": False, **settings}  # they are for the application to judge
    server = waitress.create_server(app, map=sockets, host="127.0.0.1", port=0, **settings)
    thread = Thread(target=server.run, name="wsgi-server", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        # In its own thread, which then has nothing to wait for; it may be closed before it is woken up.
        with suppress(OSError):
            server.trigger.pull_trigger(partial(_close, sockets))
        thread.join()
        server.task_dispatcher.shutdown()


def _close(sockets: dict[int, Any]) -> None:
    for each in [*sockets.values()]:
        each.close()


def _waitress() -> ModuleType | None:
    try:
        return import_module("waitress.server")
    except ImportError:
        return None
