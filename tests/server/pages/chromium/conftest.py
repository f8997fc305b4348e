"""One Chromium for all tests of a process, and a service and windows for each of them.

A test here begins with ``@browser_test``: it runs in the loop of the session, where Chromium is.
"""

from __future__ import annotations

import os
import shutil
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright
from tests.server.pages.chromium.site import serving
from tests.server.pages.chromium.window import DARK_RULES, RULES, SHAPES, Window

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from pathlib import Path

    from playwright.async_api import Browser
    from tests.server.pages.chromium.site import Site

PROGRAM = shutil.which("chromium")
FLAGS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each test of this folder run in the loop of the session, and skip all where there is no Chromium."""
    for item in items:
        if "chromium" in item.path.parts:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            if PROGRAM is None:
                item.add_marker(pytest.mark.skip(reason="there is no chromium here: apt-get install chromium"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Browser]:
    """A headless Chromium with a home of its own."""
    home = str(tmp_path_factory.mktemp("chromium"))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=PROGRAM, chromium_sandbox=False, args=[*FLAGS], env={**os.environ, "HOME": home}
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def site(tmp_path: Path) -> AsyncGenerator[Site]:
    """A service on a new store."""
    async with serving(f"sqlite:///{tmp_path}/keys.db") as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def open_window(chromium: Browser, site: Site) -> AsyncGenerator[Callable[..., Awaitable[Window]]]:
    """Open windows of a shape; they are closed at the end of the test."""
    async with AsyncExitStack() as stack:

        async def open(shape: str = "desktop", *, scripts: bool = True, **more: Any) -> Window:
            given: dict[str, Any] = {
                "locale": "en-GB",
                "timezone_id": "UTC",
                "reduced_motion": "reduce",
                **SHAPES[shape],
                **more,
            }
            context = await chromium.new_context(java_script_enabled=scripts, **given)
            stack.push_async_callback(context.close)
            rules = DARK_RULES if shape == "dark" else RULES
            return await Window.opened(site, context, has_scripts=scripts, rules=rules)

        yield open
