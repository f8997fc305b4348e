"""The service as one ASGI application: it opens the keys when it starts, and closes them when it stops.

    uvicorn --factory secretsource.server.app:application

Checks for gateways are bare ASGI callables in front of the router: a layer of a framework costs more than a check.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from secretsource.exceptions import ConfigurationError, SecretSourceError
from secretsource.server.api.document import management
from secretsource.server.chores.rounds import ChoreRounds
from secretsource.server.forward_auth import forward_auth
from secretsource.server.front import Front
from secretsource.server.gateway.originals import PATH as GATEWAYS
from secretsource.server.leaks.action import Action
from secretsource.server.leaks.github import PATH as LEAKS
from secretsource.server.leaks.github import github_leaks
from secretsource.server.news.spans import Spans
from secretsource.server.news.telling import Telling
from secretsource.server.open_paths.health import health
from secretsource.server.opening import load_settings, open_service
from secretsource.server.pages.app import PLACES, pages
from secretsource.server.verify import CHECK, CHECK_MANY, verify
from secretsource.server.webhooks.endpoint import endpoint_worker
from secretsource.server.webhooks.events import queue_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from secretsource.server.errands import Work
    from secretsource.server.front import Count
    from secretsource.server.service import ASGIApp, Receive, Scope, Send, Service
    from secretsource.server.settings import ServerSettings

__all__ = ["RESTARTED", "Application", "application", "build", "workers"]

RESTARTED = (
    "host", "port", "workers", "store", "limiter", "prefixes", "environments", "ttl", "imported", "log", "stop_within",
    "note_clients", "traces",
)  # fmt: skip
"""Settings whose change needs a restart."""
SOONEST = 0.0001
"""Seconds for which a thread keeps the interpreter while the event loop waits for it.

A turn of the loop asks for the interpreter several times, and so waits several times as long."""
_log = logging.getLogger(__name__)


class Application:
    """The service of one process.

    Args:
        settings: The settings to start with.
        open: Opens the parts of the service by the settings.
        load: Reads the settings again.
    """

    def __init__(
        self,
        settings: ServerSettings,
        open: Callable[[ServerSettings], Awaitable[Service]] = open_service,
        load: Callable[[], ServerSettings] = load_settings,
    ) -> None:
        self._settings = settings
        self._open = open
        self._load = load
        self._dispatch: ASGIApp = self._begin
        self._workers: Sequence[Work] = ()
        self._telling: Telling | None = None
        self.service: Service | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        await self._dispatch(scope, receive, send)

    async def start(self) -> None:
        """Open the parts, and build the application on them.

        Raises:
            SecretSourceError: A part could not be opened.
        """
        self.service = await self._open(self._settings)
        await _place_endpoints(self.service)
        self._telling = Telling(self.service)
        self._dispatch = build(self.service, self._telling)
        self._work(workers(self.service))

    async def stop(self) -> None:
        """Wait for the errands, store the uses seen, and close the parts."""
        service, self._dispatch, self.service = self.service, self._begin, None
        if service is not None:
            try:
                await service.errands.finish(service.settings.stop_within)
            finally:
                await service.keys.close()

    def reload(self) -> None:
        """Read the settings again; a mistake in them leaves the service as it is.

        The address, the store, the limiter and the forms of keys need a restart.
        """
        service = self.service
        if service is None:
            return
        kept = {name: getattr(service.settings, name) for name in RESTARTED}
        try:
            new = self._load()
            changed = replace(service, settings=replace(new, **kept))
            dispatch, work = build(changed, self._telling), workers(changed)
        except SecretSourceError as error:
            _log.error("the settings were not read again: %s", error)
            return
        self.service, self._dispatch = changed, dispatch
        held_back = [name for name in RESTARTED if getattr(new, name) != kept[name]]
        self._work(work)
        _log.info("the settings were read again")
        if held_back:
            _log.warning("a change of %s needs a restart", ", ".join(held_back))

    def _work(self, work: Sequence[Work]) -> None:
        """Begin the work beside the requests, in place of the work before."""
        for worker in self._workers:
            worker.end()
        self._workers = work
        for worker in self._workers:
            worker.begin()

    def _listen_to_hangup(self) -> None:
        """Reload at SIGHUP, where the system has it and this is the main thread."""
        with suppress(AttributeError, NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self.reload)

    async def _begin(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a connection where the parts are not open: that of the server's life, and no other."""
        if scope["type"] != "lifespan":
            return
        await receive()
        try:
            await self.start()
        except SecretSourceError as error:
            failure = str(error)
        else:
            failure = ""
        if failure:
            await send({"type": "lifespan.startup.failed", "message": failure})
            return
        self._listen_to_hangup()
        _keep_the_loop_free()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})


def _keep_the_loop_free() -> None:
    """Let nothing hold up the event loop of this process for long.

    A collection of garbage passes over what is there by now, which stays. A thread that works for the store hands the
    interpreter over sooner.
    """
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(SOONEST)


def application() -> Application:
    """Return the service by the configuration that is in force; servers that take a factory call this."""
    return Application(load_settings())


def workers(service: Service) -> Sequence[Work]:
    """Return the work beside the requests that the settings of a service ask for: the outbox, and the chores.

    Args:
        service: The parts.

    Raises:
        ConfigurationError: The store has no outbox.
    """
    settings, outbox = service.settings, service.keys.outbox
    found: list[Work] = [] if settings.leaks is None else [Action(service, settings.leaks).worker()]
    if settings.chores.every:
        found.append(ChoreRounds(service.keys, settings.chores, service.errands, service.chores))
    if settings.webhooks and outbox is None:
        raise ConfigurationError("the store has no outbox for webhooks: use a store in SQLite or PostgreSQL")
    for endpoint in settings.webhooks:
        assert outbox is not None
        found.append(endpoint_worker(endpoint, service.keys, outbox, service.errands, service.webhooks))
    return found


async def _place_endpoints(service: Service) -> None:
    """Give each endpoint of webhooks its place in the feed, so that it is told of the first request, too."""
    if service.keys.outbox is not None:
        for endpoint in service.settings.webhooks:
            await service.keys.outbox.begin(queue_of(endpoint.name))


def build(service: Service, telling: Telling | None = None) -> ASGIApp:
    """Return the dispatcher of the service.

    Args:
        service: The parts.
        telling: The log and the figures of the process; new ones when left out.
    """
    api = management(service)
    telling = telling or Telling(service)
    spans = Spans() if service.settings.traces else None
    managed = _fronted(api, telling, spans)
    bare = _bare(service, telling, spans)
    gateways = bare[GATEWAYS]
    served = {**health(service, api, telling), **bare}
    settings = service.settings.pages
    shown = None if settings is None else _fronted(pages(service, settings), telling, spans)

    def dispatch(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http":
            return _nothing()
        path: str = scope["path"]
        app = served.get(path)
        if app is not None:
            return app(scope, receive, send)
        if path.startswith(GATEWAYS):
            return gateways(scope, receive, send)
        if shown is not None and path.startswith(PLACES):
            return shown(scope, receive, send)
        # Ids are routed as the client wrote them: a slash inside of one does not divide the path.
        raw: bytes = scope.get("raw_path") or path.encode()
        return managed({**scope, "path": raw.decode("latin-1")}, receive, send)

    return dispatch


def _fronted(app: ASGIApp, telling: Telling, spans: Spans | None) -> ASGIApp:
    """Return an application within the bounds of the service, with a span around it if there are spans."""
    front = Front(app, telling.request)
    return front if spans is None else spans.around(front)


async def _nothing() -> None:
    """Send nothing: the connection is not a request."""


def _bare(service: Service, telling: Telling, spans: Spans | None) -> dict[str, ASGIApp]:
    """Return the bare applications by their paths, each within the bounds of the service."""
    verifying, leaks = verify(service), service.settings.leaks
    made: list[tuple[str, str, Callable[[Count], ASGIApp]]] = [
        (GATEWAYS, "forwardAuth", partial(forward_auth, service)),
        (CHECK, "verifyKey", verifying),
        (CHECK_MANY, "verifyKeys", verifying),
    ]
    if leaks is not None:
        made.append((LEAKS, "reportLeaks", lambda count: github_leaks(service, leaks, count=count)))
    apps: dict[str, ASGIApp] = {}
    for path, operation, make in made:
        app = make(telling.counter(operation))
        apps[path] = app if spans is None else spans.around(app, operation, path)
    return apps
