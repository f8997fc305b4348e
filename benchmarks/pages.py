"""The pages of a customer among a hundred thousand keys on SQLite: the work before the first byte, beside a plain file.

A page is written as a whole before its first byte is sent, so the first byte is the last of the work. All keys are
those of one customer, which is the worst case for its pages.

The pages of customers and operators are also opened over a server, among a hundred thousand keys of two customers: the
first byte by the wall clock, the best of some rounds.
"""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

from tests.server.pages.browser import Browser
from tests.server.pages.chromium.site import serving
from tests.server.pages.crowds import found, grown
from tests.server.pages.wire import PAGES, QUIET, Reader, first_bytes

from benchmarks.harness import Figure, Sample, at_most, interleave, ratio
from benchmarks.keyring import PEPPER
from benchmarks.scale import FILL, HASTY
from secretsource.issuing import AsyncApiKeys
from secretsource.server.app import Application
from secretsource.server.root_keys import RootKeys
from secretsource.server.service import Service
from secretsource.server.settings import PagesSettings, ServerSettings

TITLE = "pages: the views of customers and operators among many keys, on SQLite"
SIZES = (100, 100_000)
OWNER = "acme"
SETTINGS = ServerSettings(pages=PagesSettings())
VIEWS = {
    "the list of keys": "/portal/keys",
    "a key": "/portal/keys/{key_id}",
    "usage of 48 hours": "/portal/usage",
    "events": "/portal/events",
}
MOST_TIMES = 60
"""How many times as long as a plain file a page may take; each is under 20 ms where a file takes a third of one."""

MOST_MILLISECONDS = 20


def measure(sizes: tuple[int, int] = SIZES, rounds: int = 40) -> list[Figure]:
    """Open each view of each store, and a plain file, in turn."""
    cases: dict[str, Sample] = {}
    with TemporaryDirectory(prefix="secretsource-") as folder, ExitStack() as stack:
        for size in sizes:
            runner = stack.enter_context(asyncio.Runner())
            app, browser, key_id = runner.run(opened(Path(folder) / f"{size}.db", size))
            stack.callback(stop, runner, app)
            paths = {"a plain file": static_path(browser), **VIEWS}
            for name, path in paths.items():
                cases[f"{size} {name}"] = partial(timed, runner, browser, path.format(key_id=key_id))
        samples = interleave(cases, rounds)
    small, large = sizes
    plain = samples[f"{large} a plain file"]
    return [
        *(
            Figure(f"{view} / a plain file", ratio(samples[f"{large} {view}"], plain), "x", at_most(MOST_TIMES))
            for view in VIEWS
        ),
        *(
            Figure(
                f"{view} among {large:,} keys / among {small:,}",
                ratio(samples[f"{large} {view}"], samples[f"{small} {view}"]),
                "x",
                at_most(1.5),
            )
            for view in VIEWS
        ),
        *(Figure(view, statistics.median(samples[f"{large} {view}"]) * 1e3, "ms") for view in VIEWS),
        *asyncio.run(first_bytes_served()),
    ]


async def first_bytes_served() -> list[Figure]:
    """Open each page over a server in turn with a plain file."""
    figures: list[Figure] = []
    with TemporaryDirectory(prefix="secretsource-") as folder:
        crowd = grown(found(Path(folder) / "few.db"), Path(folder) / "many.db")
        async with serving(crowd.url, QUIET) as site:
            reader = await Reader.signed_in(site, crowd)
            file = await reader.plain_file()
            for name, path in PAGES.items():
                (wall, _), (plain, _) = await first_bytes(reader, path.format(**crowd.ids), file)
                figures.append(Figure(f"first byte of {name}", wall, "ms", at_most(MOST_MILLISECONDS)))
                figures.append(Figure(f"first byte of {name} / of a plain file", wall / plain, "x"))
    return figures


async def opened(file: Path, size: int) -> tuple[Application, Browser, str]:
    """Fill a store, serve it in this process, and sign its customer in."""
    store = f"sqlite:///{file}"
    async with await AsyncApiKeys.open(store, peppers=[PEPPER]) as keys:
        issued = await keys.issue_many([{"owner": OWNER, "name": f"key {number}"} for number in range(100)])
    with closing(sqlite3.connect(file)) as connection:
        for pragma in HASTY:
            connection.execute(f"PRAGMA {pragma}")
        if size > len(issued):
            connection.execute(FILL.format(number=size - len(issued)))
        connection.commit()

    async def open_service(_: ServerSettings) -> Service:
        keys = await AsyncApiKeys.open(store, peppers=[PEPPER], flush_every=3600)
        return Service(keys, SETTINGS, RootKeys(keys))

    app = Application(SETTINGS, open_service)
    await app.start()
    assert app.service is not None
    browser = Browser(app, app.service.keys)
    await browser.sign_in(OWNER)
    return app, browser, issued[0].record.key_id


def stop(runner: asyncio.Runner, app: Application) -> None:
    """Stop the service."""
    runner.run(app.stop())


def static_path(browser: Browser) -> str:
    """The path of the small style sheet that the page names."""
    return "/static/theme" + browser.page.partition('href="/static/theme')[2].partition('"')[0]


def timed(runner: asyncio.Runner, browser: Browser, path: str) -> float:
    """Open a path, and return the processor time until its first byte, in seconds."""
    begun = process_time()
    answer = runner.run(browser.get(path))
    taken = process_time() - begun
    assert answer.status == 200, path
    return taken
