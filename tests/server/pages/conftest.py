"""The service with its pages, and a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.server.pages.browser import Browser

from secretsource.server.settings import PagesSettings, ServerSettings

if TYPE_CHECKING:
    from tests.server.conftest import World


@pytest.fixture
def settings() -> ServerSettings:
    """The settings of a service with pages."""
    return ServerSettings(pages=PagesSettings(name="Acme API", scopes=("invoices:read", "invoices:write")))


@pytest.fixture
def browser(world: World) -> Browser:
    """A browser that has seen nothing."""
    return Browser(world.app, world.keys)
