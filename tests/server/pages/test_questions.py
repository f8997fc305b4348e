"""How often a page asks the store, and how far it looks: the same for ten keys as for a hundred thousand."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tests.server.pages.asked import asked, plans
from tests.server.pages.chromium.site import serving
from tests.server.pages.crowds import MANY, found, grown
from tests.server.pages.wire import PAGES, QUIET, Reader, first_bytes

if TYPE_CHECKING:
    from tests.server.pages.asked import Asked
    from tests.server.pages.crowds import Crowd

MOST_STATEMENTS = 14
MOST_STEPS = 120_000
"""Instructions of SQLite for one page: some for each of the 2000 keys that a choice counts, and for a page of rows."""
MOST_BYTES = 60 * 1024
MOST_TIMES = 30
"""How many times the work of a plain file a page may take, each with its request; see `benchmarks.pages`."""


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> Crowd:
    """A file with ten keys."""
    return found(tmp_path_factory.mktemp("crowds") / "few.db")


@pytest.fixture(scope="session")
def many(few: Crowd) -> Crowd:
    """A file with these keys among a hundred thousand."""
    return grown(few, few.file.with_name("many.db"))


async def questions(crowd: Crowd) -> dict[str, Asked]:
    """Open each page, and return what it asks."""
    answered: dict[str, Asked] = {}
    async with serving(crowd.url, QUIET) as site:
        reader = await Reader.signed_in(site, crowd)
        for name, path in PAGES.items():
            target = path.format(**crowd.ids)
            await asyncio.to_thread(reader.get, target)  # templates are compiled, and what is due once is done
            with asked() as answered[name]:
                _, body = await asyncio.to_thread(reader.get, target)
            assert len(body) < MOST_BYTES, (name, len(body))
    return answered


async def test_a_page_asks_as_often_for_many_keys(few: Crowd, many: Crowd) -> None:
    """The number of statements of each view is the same, and small; and none of them goes through a table."""
    of_few, of_many = await questions(few), await questions(many)
    for name, noted in of_many.items():
        told = "\n".join(statement for statement, _ in noted.statements)
        print(f"{name:24} {len(noted.statements):3} statements {noted.steps:9} steps")
        assert 0 < len(noted.statements) == len(of_few[name].statements) <= MOST_STATEMENTS, (name, told)
        assert noted.steps <= MOST_STEPS, (name, noted.steps, told)
        for statement, plan in plans(many.file, noted):
            assert not scans(statement, plan), (name, statement, plan)


def scans(statement: str, plan: str) -> list[str]:
    """Return the lines of a plan that go through a whole table; a walk along an index ends with its page."""
    is_page = "LIMIT" in statement and "B-TREE" not in plan
    lines = [line for line in plan.splitlines() if "SCAN secretsource_" in line]
    return [line for line in lines if not is_page or "INDEX" not in line]


async def test_the_file_of_usage_has_a_bound(many: Crowd) -> None:
    """Too many counts for one file are refused in words."""
    async with serving(many.url, QUIET) as site:
        reader = await Reader.signed_in(site, many)
        _, body = await asyncio.to_thread(reader.get, "/portal/usage.csv?span=30d", 400)
    assert b"ask for a shorter time" in body


async def test_the_first_byte_comes_soon(many: Crowd, record_property: Any) -> None:
    """Among all these keys, each view takes few times the work of a plain file, over a real server.

    Milliseconds are told beside it, and `python -m benchmarks pages` holds them: a busy machine shows others.
    """
    slow: dict[str, float] = {}
    async with serving(many.url, QUIET) as site:
        reader = await Reader.signed_in(site, many)
        file = await reader.plain_file()
        for name, path in PAGES.items():
            (wall, work), (_, plain) = await first_bytes(reader, path.format(**many.ids), file)
            record_property(
                "measured",
                f"first byte of {name} with {MANY:,} keys on SQLite: {wall:.1f} ms by the wall clock, "
                f"{work:.1f} ms of the processor, {work / plain:.0f} x a plain file",
            )
            if work > MOST_TIMES * plain:
                slow[name] = work / plain
    assert not slow
