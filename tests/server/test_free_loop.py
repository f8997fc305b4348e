"""What keeps the event loop of a serving process free."""

from __future__ import annotations

import asyncio
import gc
import inspect
import sys
from typing import TYPE_CHECKING, Any, get_args

import pytest
from fastapi.routing import APIRoute

from secretsource.server.api import history, keys, owners, plans, possession
from secretsource.server.api.document import management, openapi
from secretsource.server.api.life import life
from secretsource.server.api.managed import CUSTOMERS
from secretsource.server.api.route import Caller, Serving
from secretsource.server.app import SOONEST, Application

if TYPE_CHECKING:
    from tests.server.conftest import World


async def test_a_process_that_starts_to_serve_frees_its_loop(world: World) -> None:
    """A collection passes over what is there at the start, and a thread hands the interpreter over sooner."""
    service = world.app.service
    assert service is not None
    begun, ending = asyncio.Event(), asyncio.Event()
    told: list[str] = []

    async def open_service(_: Any) -> Any:
        return service

    async def receive() -> dict[str, Any]:
        if "lifespan.startup.complete" in told:
            await ending.wait()
        return {"type": "lifespan.startup"}

    async def send(message: Any) -> None:
        told.append(message["type"])
        begun.set()

    before = sys.getswitchinterval()
    app = Application(world.settings, open_service, lambda: world.settings)
    living = asyncio.ensure_future(app({"type": "lifespan"}, receive, send))
    try:
        await begun.wait()
        assert told == ["lifespan.startup.complete"]
        assert gc.get_freeze_count() > 10_000
        assert sys.getswitchinterval() == pytest.approx(SOONEST)  # Python counts in microseconds
    finally:
        gc.unfreeze()
        sys.setswitchinterval(before)
        app.service = None  # the world closes it
        ending.set()
        await living


def test_no_request_waits_for_a_thread_that_the_framework_starts() -> None:
    """The framework calls each plain function in a thread, so no route and nothing that routes share is one."""
    shared = [get_args(each)[1].dependency for each in (Serving, Caller)]
    routers = [keys.routes, life(CUSTOMERS, "keys"), possession.routes, owners.routes, plans.routes, history.routes]
    called = [route.endpoint for each in routers for route in each.routes if isinstance(route, APIRoute)]
    assert len(called) > 20
    assert [each for each in (*shared, *called) if not inspect.iscoroutinefunction(each)] == []


def test_the_document_is_made_once_in_a_process() -> None:
    """It takes a fifth of a second, which no request waits for."""
    assert management(None).openapi() is openapi()  # type: ignore[arg-type]


def test_the_routes_are_read_once_in_a_process() -> None:
    """It takes some 60 milliseconds, which the first request after a reload of the settings does not wait for again."""
    first, second = (management(None).router.routes for _ in range(2))  # type: ignore[arg-type]
    assert [*map(id, first)] == [*map(id, second)]
    assert len(first) >= 8
