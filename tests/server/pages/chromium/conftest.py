"""One Chromium and one service for all tests of a process, and windows for each of them.

A test here begins with ``@browser_test``: it runs in the loop of the session, where Chromium is.
"""

from __future__ import annotations

import os
import shutil
from contextlib import AsyncExitStack
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright
from tests.server.pages.chromium.sample import filled
from tests.server.pages.chromium.site import PEPPER, Site, serving
from tests.server.pages.chromium.window import LISTEN, SHAPES, WAYS, Window

from secretsource.issuing import NO_SCOPE

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
    from typing import TypeAlias

    from playwright.async_api import Browser, Page

    Pages: TypeAlias = Callable[[str, str], Awaitable[Page]]
    Open: TypeAlias = Callable[..., Awaitable[Window]]


class Sample(NamedTuple):
    """A service on the sample.

    Attributes:
        site: The service.
        ids: The ids of keys, each by a word of its own.
    """

    site: Site
    ids: Mapping[str, str]


NUMBERS = count(1)
PROGRAM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
"""The one without windows draws none, and takes half of the processor's time."""
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


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Site]:
    """One service for all journeys; each has customers and plans of its own."""
    async with serving(f"sqlite:///{tmp_path_factory.mktemp('journeys')}/keys.db") as running:
        await running.begin()
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sample(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Sample]:
    """A service on customers that have lived, which no test changes, and the ids of their keys."""
    store = f"sqlite:///{tmp_path_factory.mktemp('sample')}/keys.db"
    ids = await filled(store, PEPPER)
    async with serving(store) as running:
        await running.begin()
        # Limits are counted in memory: this is the part of the plan's quota that the pages tell of.
        await running.keys.verify(ids["test-text"], scope=NO_SCOPE, cost=5000)
        yield Sample(running, ids)


@pytest.fixture
def site(service: Site) -> Site:
    """The service that the windows of a test look at."""
    return service


@pytest.fixture
def owner() -> str:
    """A customer of this test alone."""
    return f"globex-{next(NUMBERS):03}"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pages(chromium: Browser) -> AsyncGenerator[Pages]:
    """The pages of this session, each in a context of its own: a new one for each test costs as much as five visits."""
    opened: dict[tuple[str, str], Page] = {}

    async def page_of(shape: str, kind: str) -> Page:
        if (shape, kind) not in opened:
            context = await chromium.new_context(
                java_script_enabled=kind != "without scripts",
                locale="en-GB",
                timezone_id="UTC",
                reduced_motion="reduce",
                permissions=["clipboard-read", "clipboard-write"],
                **SHAPES[shape],
            )
            opened[shape, kind] = await context.new_page()
            await opened[shape, kind].add_init_script(LISTEN)
        return opened[shape, kind]

    yield page_of
    for page in opened.values():
        await page.context.close()


@pytest.fixture(scope="session")
def looked() -> set[tuple[object, ...]]:
    """The kinds of pages that axe has looked at."""
    return set()


@pytest_asyncio.fixture(loop_scope="session")
async def open_window(pages: Pages, site: Site, looked: set[tuple[object, ...]]) -> AsyncGenerator[Open]:
    """Open windows of a way, each signed in nowhere; they are left at the end of the test."""
    async with AsyncExitStack() as stack:

        async def opened(way: str = "desktop") -> Window:
            chosen = WAYS[way]
            page = await pages(chosen.shape, "with scripts" if chosen.scripts else "without scripts")
            await page.context.clear_cookies()
            copies = None if chosen.scripts else await pages(chosen.shape, "copies")
            window = Window(site, page, chosen, copies, looked=looked)
            stack.push_async_callback(window.leave)
            return window

        yield opened
