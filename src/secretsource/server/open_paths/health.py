"""The paths that need no key: whether the process lives and is ready, its figures, and the document of the API."""

from __future__ import annotations

import asyncio
import json
from time import monotonic
from typing import TYPE_CHECKING

from secretsource.exceptions import KeyNotFound, StoreError
from secretsource.issuing import HttpAnswer
from secretsource.server.front import send_answer
from secretsource.server.news.telling import CONTENT_TYPE
from secretsource.server.open_paths.reference_page import STYLE_DIGEST, reference_page
from secretsource.server.problems import problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from fastapi import FastAPI

    from secretsource.server.news.telling import Telling
    from secretsource.server.service import ASGIApp, Receive, Scope, Send, Service

__all__ = ["health"]

BELIEVED = 1.0
"""Seconds for which an answer of the store counts, so that nobody floods it through here."""
NOBODY = "0" * 22
_POLICY = f"default-src 'none'; style-src '{STYLE_DIGEST}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def health(service: Service, api: FastAPI, telling: Telling) -> Mapping[str, ASGIApp]:
    """Return what is served without a key, by its path.

    Args:
        service: The parts of the process.
        api: The management API.
        telling: The figures.
    """
    ready = _Readiness(service)

    async def live() -> HttpAnswer:
        return _text("application/json", b'{"status":"alive"}')

    async def figures() -> HttpAnswer:
        return _text(CONTENT_TYPE, telling.figures())

    paths = {"/livez": _served(live), "/readyz": _served(ready.answer), "/metrics": _served(figures)}
    if service.settings.docs:  # written now, and not while requests wait
        document, page = json.dumps(api.openapi()).encode(), reference_page(api.openapi()).encode()
        policy = ("Content-Security-Policy", _POLICY)
        paths["/openapi.json"] = _served(_always(_text("application/json", document)))
        paths["/docs"] = _served(_always(_text("text/html; charset=utf-8", page, policy)))
    return paths


def _always(answer: HttpAnswer) -> Callable[[], Awaitable[HttpAnswer]]:
    async def same() -> HttpAnswer:
        return answer

    return same


class _Readiness:
    """The readiness of the process: whether its store answers."""

    def __init__(self, service: Service) -> None:
        self._keys = service.keys
        self._until = float("-inf")
        self._turn = asyncio.Lock()
        self._known = problem(503, "unavailable", "the store was not asked yet")

    async def answer(self) -> HttpAnswer:
        """Return the answer to ``/readyz``; it says nothing about the inside."""
        async with self._turn:  # a store that hangs is asked by one request, and not by all that come meanwhile
            if monotonic() >= self._until:
                self._known = await self._ask()
                self._until = monotonic() + BELIEVED
        return self._known

    async def _ask(self) -> HttpAnswer:
        try:
            await self._keys.get(NOBODY)
        except StoreError:
            return problem(503, "unavailable", "the store cannot answer", headers=[("Retry-After", "5")])
        except KeyNotFound:
            pass
        return _text("application/json", b'{"status":"ready"}')


def _text(media_type: str, body: bytes, *headers: tuple[str, str]) -> HttpAnswer:
    always = (("Content-Type", media_type), ("Content-Length", str(len(body))), ("Cache-Control", "no-store"))
    return HttpAnswer(200, (*always, ("X-Content-Type-Options", "nosniff"), *headers), body)


def _served(answer: Callable[[], Awaitable[HttpAnswer]]) -> ASGIApp:
    """Serve an answer to GET and HEAD."""

    async def serve(scope: Scope, _: Receive, send: Send) -> None:
        if scope["method"] not in {"GET", "HEAD"}:
            refusal = problem(405, "method_not_allowed", "use GET", headers=[("Allow", "GET, HEAD")])
            await send_answer(refusal, send)
            return
        answered = await answer()
        await send_answer(answered._replace(body=b"") if scope["method"] == "HEAD" else answered, send)

    return serve
