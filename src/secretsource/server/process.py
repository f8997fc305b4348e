"""The processes of the service: one that serves, or one that watches over several that serve.

SIGTERM and Ctrl-C stop the service: it accepts no more, answers what it has begun, stores the uses seen, and ends with
exit code 0. SIGHUP reads the settings again (`Application.reload`).
"""

from __future__ import annotations

import logging
import os
import signal
import socket
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from secretsource.exceptions import ConfigurationError
from secretsource.server.news.logs import logging_config

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import uvicorn

    from secretsource.server.settings import ServerSettings

__all__ = ["bound_socket", "run"]

FACTORY = "secretsource.server.app:application"
_log = logging.getLogger(__name__)
KEEP_ALIVE = 75
"""Seconds for which an idle connection stays open: longer than gateways keep theirs, so that these close first."""
SILENT = 10
"""Seconds after which a process that says nothing is replaced; on a busy machine, a start takes several of them."""
FIGURES = "PROMETHEUS_MULTIPROC_DIR"


def bound_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens at an address.

    Args:
        host: The address, IPv4 or IPv6.
        port: The port; 0 for a free one.

    Raises:
        ConfigurationError: The address is taken, or is not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).partition(" (while ")[0]  # Python adds the address
    raise ConfigurationError(f"the service cannot listen at {host} port {port} ({reason}): choose another with --port")


def run(settings: ServerSettings, listening: socket.socket, serving: Callable[[str], None]) -> None:
    """Serve until the service is told to stop.

    Args:
        settings: The settings; every serving process reads them again from the configuration.
        listening: The socket to accept connections from.
        serving: Called with the address of the service before it starts.

    Raises:
        ConfigurationError: The service could not start; the log has the reason.
    """
    import uvicorn

    from secretsource.server.connections.bounded import BoundedProtocol

    config = uvicorn.Config(
        FACTORY,
        factory=True,
        workers=settings.workers,
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=logging_config(settings.log),
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=int(settings.stop_within),
        timeout_worker_healthcheck=SILENT,
    )
    host, port = listening.getsockname()[:2]
    serving(f"http://{f'[{host}]' if ':' in host else host}:{port}")
    if settings.workers > 1:
        _run_several(config, listening)
    else:
        _run_one(config, listening)


def _run_one(config: uvicorn.Config, listening: socket.socket) -> None:
    import uvicorn

    server = uvicorn.Server(config)
    with _stopped_by_signals(server):
        server.run([listening])
    if not server.started:
        raise ConfigurationError("the service could not start: its log says why")


def _run_several(config: uvicorn.Config, listening: socket.socket) -> None:
    from uvicorn.supervisors.multiprocess import Multiprocess, Process

    class Watch(Multiprocess):
        """Processes that read the settings again themselves, and of which one may fail to start for a while."""

        has_served = False

        def handle_hup(self) -> None:
            """Pass the signal on."""
            for process in self.processes:
                if process.pid is not None:
                    os.kill(process.pid, signal.SIGHUP)

        def keep_subprocess_alive(self) -> None:
            """Replace each process that has ended.

            A process that cannot start stops the service only if none has served yet. Later, its settings are known to
            work, and the others have what it lacks for a while, such as its pepper.
            """
            self.has_served = self.has_served or any(map(_is_ready, self.processes))
            is_stopping = self.should_exit.is_set()
            super().keep_subprocess_alive()
            if is_stopping or not (self.has_served and self.should_exit.is_set()):
                return
            self.should_exit.clear()
            _log.warning("a process could not start, and is tried again while others serve")
            for number, process in enumerate(self.processes):
                if not process.process.is_alive():
                    self.processes[number] = Process(self.config, self.sockets)
                    self.processes[number].start()

    with TemporaryDirectory(prefix="secretsource-figures-") as folder:
        os.environ.setdefault(FIGURES, folder)
        listening.set_inheritable(True)
        Watch(config, [listening]).run()


def _is_ready(process: Any) -> bool:
    """Return whether a process serves; older versions of uvicorn cannot say, and replace every process that ended."""
    asked = getattr(process, "is_ready", None)
    return asked is not None and bool(asked(timeout=1))


@contextmanager
def _stopped_by_signals(server: uvicorn.Server) -> Generator[None]:
    """Let signals stop the server, also before it has handlers of its own.

    When it has stopped, the server raises its signal once more, which would end the process as a failure.
    """

    def stop(*_: object) -> None:
        server.should_exit = True

    def later(*_: object) -> None:
        """Do nothing: the settings are read soon."""

    stops = {signal.SIGINT: stop, signal.SIGTERM: stop}
    before = {number: signal.signal(number, handler) for number, handler in stops.items()}
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None:
        before[hangup] = signal.signal(hangup, later)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
