"""The middleware of a guarded FastAPI application: it checks the routes, and adds to the answers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from secretsource.exceptions import ConfigurationError
from secretsource.integrations._asgi.routes import RouteLists
from secretsource.integrations._asgi.socket import serve_while
from secretsource.integrations._asgi.start import Late, late_name, start
from secretsource.integrations._shared.fastapi import lists, served
from secretsource.integrations._shared.statements import joined
from secretsource.integrations.routes import Stated, check_stated
from secretsource.integrations.routes import stated as on_view
from secretsource.issuing import NO_SCOPE

if TYPE_CHECKING:
    from secretsource.integrations._asgi.messages import App, Receive, Scope, Send
    from secretsource.issuing import Admission

_CHECKED = frozenset({"http", "websocket"})


class Guarded:
    """The middleware of an application for one dependency; an application may have several.

    Args:
        app: The application behind it.
        of: The guarded application.
        admission: The admission of the dependency.
        dependency: The dependency.
        recheck: Seconds after which the key of an open web socket is checked again; 0 for never.
    """

    def __init__(self, app: App, of: FastAPI, admission: Admission, dependency: object, recheck: float) -> None:
        self._app, self._of, self._admission, self._dependency = app, of, admission, dependency
        self._late, self._recheck = late_name(dependency), recheck
        self._stated: dict[object, Stated] = {}
        self._lists = RouteLists()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; its key is checked by the dependency."""
        app, kind = self._app, scope["type"]
        if kind == "lifespan":
            await start(self._check, receive, send)
        elif not self._lists.are_unchanged():
            self._check()
        if kind not in _CHECKED:
            await app(scope, receive, send)
            return
        late = scope[self._late] = Late(self._stated, kind, send)
        try:
            if late.is_good is not None and self._recheck:
                await serve_while(late.is_good, self._recheck, partial(self._app, scope), receive, late.send)
            else:
                await app(scope, receive, late.send)
        finally:
            if late.place is not None:
                await late.place.leave()

    def _check(self) -> None:
        """Read what each view states on all its routes, and refuse a route that states no scope."""
        seen = RouteLists()
        for each in lists(self._of.router):
            seen.add(each)
        others = [each for each in _dependencies(self._of) if each is not self._dependency]
        views: dict[object, list[Stated]] = {}
        for route in served(self._of):
            stated = route.stated(self._dependency)
            if stated is None and (_dependencies(route.app) or any(map(route.stated, others))):
                continue
            if stated is None and on_view(route.view) and not self._admission.rules.exempt.covers(route.path):
                raise ConfigurationError(
                    f"route {route.path!r} has require_key, and no dependency that asks for a key: add "
                    " Depends(api_key)  to its parameters, or to its dependencies"
                )
            check_stated(self._admission, route.path, stated)
            views.setdefault(route.view, []).append(stated or Stated(NO_SCOPE))
        self._stated = {view: joined(several) or Stated(NO_SCOPE) for view, several in views.items()}
        self._lists = seen


def _dependencies(app: object) -> list[Any]:
    """Return the dependencies that guard an application."""
    added = app.user_middleware if isinstance(app, FastAPI) else []
    kinds: list[tuple[object, Any]] = [(each.cls, each.kwargs) for each in added]
    return [given["dependency"] for kind, given in kinds if kind is Guarded]
