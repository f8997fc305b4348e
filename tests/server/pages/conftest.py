"""The service with its pages, and a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.server.pages.browser import Browser

from secretsource.server.settings import PagesSettings, ServerSettings

if TYPE_CHECKING:
    from tests.server.conftest import World

    from secretsource._ground.flow import Flow


@pytest.fixture
def settings() -> ServerSettings:
    """The settings of a service with pages."""
    return ServerSettings(pages=PagesSettings(name="Acme API", scopes=("invoices:read", "invoices:write")))


@pytest.fixture
def flushes(world: World, monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """A list with an entry for each flush of the service."""
    flushed: list[None] = []
    stored = world.keys._flushes
    flush = stored.flush

    def noted() -> Flow[None]:
        flushed.append(None)
        return flush()

    monkeypatch.setattr(stored, "flush", noted)
    return flushed


@pytest.fixture
def browser(world: World) -> Browser:
    """A browser that has seen nothing."""
    return Browser(world.app, world.keys)
