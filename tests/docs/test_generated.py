"""What is made from the code is up to date, and complete."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from benchmarks.django_settings import configure
from tests.docs.generated import codes, driver, rewritten
from tests.docs.markdown import signature, table
from tests.docs.pages import ROOT, all_pages, page_id
from typer import Context
from typer.main import get_command

import secretsource
from secretsource import exceptions, issuing, testing
from secretsource.cli._commands import app
from secretsource.integrations import aiohttp, asgi, fastapi, flask, grpc, litestar, quart, routes, starlette
from secretsource.issuing import EventKind, Status, documents
from secretsource.limiters import base as limiters
from secretsource.limiters import redis
from secretsource.providers import base
from secretsource.providers._registry import DRIVERS
from secretsource.stores import base as stores
from secretsource.stores import memory, migratable, redis_feed, sql

configure()

from secretsource.integrations import django, drf, ninja  # noqa: E402 - the settings of Django come first

GENERATED = [page for page in all_pages() if "<!-- generated: " in page.read_text()]
REFERENCE = ROOT / "docs" / "reference"
ISSUING = (
    issuing,
    aiohttp,
    asgi,
    grpc,
    litestar,
    quart,
    starlette,
    django,
    drf,
    fastapi,
    flask,
    ninja,
    routes,
    stores,
    migratable,
    memory,
    sql,
    redis_feed,
    limiters,
    redis,
)
FOR_CHECKERS = {"Outcome", "Value"}
"""Type aliases of the contract, which have no docstring to show."""


@pytest.mark.parametrize("page", GENERATED, ids=page_id)
def test_generated_parts_are_up_to_date(page: Path) -> None:
    """A page says what the code says; if not, run  python -m tests.docs.generated."""
    text = page.read_text()
    assert text == rewritten(text), "run  PYTHONPATH=src python -m tests.docs.generated"


def test_help_fits_a_terminal() -> None:
    """The help of no command is wider than 80 columns, or has a type of Python or the bounds of a library."""
    parts = (REFERENCE / "cli.md").read_text().split("<!-- generated: help ")[1:]
    lines = [line for part in parts for line in part.partition("<!-- end -->")[0].splitlines()]
    assert len(lines) > 1000
    assert [line for line in lines if len(line) > 80 or "<list[" in line or "<=x" in line] == []


def test_every_command_is_on_the_page() -> None:
    """Each command, and each command of a group, has its help in the reference of the command line."""
    page = (REFERENCE / "cli.md").read_text()
    groups: dict[str, Any] = {"secretsource": get_command(app)}
    missing = []
    while groups:
        words, group = groups.popitem()
        for name in group.table:
            command = group.get_command(Context(group), name)
            if hasattr(command, "table"):
                groups[f"{words} {name}"] = command
            if f"<!-- generated: help {words} {name} -->" not in page:
                missing.append(f"{words} {name}")
    assert missing == []


def test_every_code_of_the_service_is_on_its_page() -> None:
    """A code that the service refuses a request with stands in the table of its answers; pages have words instead."""
    server, page = ROOT / "src/secretsource/server", (REFERENCE / "service.md").read_text()
    files = [file for place in ("*.py", "api/**/*.py", "connections/*.py", "leaks/*.py") for file in server.glob(place)]
    found = {code for file in files for code in re.findall(r'roblem\(\s*\d{3},\s*"(\w+)"', file.read_text())}
    assert len(found) > 10
    assert {code for code in found if f"`{code}`" not in page} == set()


def test_the_pages_with_generated_parts_are_found() -> None:
    """The reference is made from the code where it can be."""
    names = {"api.md", "api-issuing.md", "cli.md", "errors.md", "http-answers.md", "life-cycle.md", "settings.md"}
    assert {page.name for page in GENERATED} >= names


@pytest.mark.parametrize("scheme", DRIVERS)
def test_every_setting_of_a_driver_is_explained(scheme: str) -> None:
    """Each setting of a built-in driver is in the reference, with the words of the driver's docstring."""
    page = (REFERENCE / "settings.md").read_text()
    assert driver(scheme) in page


@pytest.mark.parametrize("name", [*secretsource.__all__, *base.__all__, *testing.__all__])
def test_every_public_name_is_on_the_page(name: str) -> None:
    """A name that the package, the contract or the test kit promises is in the API reference."""
    assert name in FOR_CHECKERS or f"`{name}" in (REFERENCE / "api.md").read_text()


@pytest.mark.parametrize("name", sorted({name for module in ISSUING for name in module.__all__}))
def test_every_public_name_of_the_issuing_half_is_on_its_page(name: str) -> None:
    """A name that it promises, or an edge, a store or a limiter of it, is in its API reference."""
    assert f"`{name}" in (REFERENCE / "api-issuing.md").read_text()


@pytest.mark.parametrize("name", documents.__all__)
def test_every_document_is_on_its_page(name: str) -> None:
    """A function that writes or reads a document of keys is in the reference of documents."""
    assert f"`{name}" in (REFERENCE / "documents.md").read_text()


@pytest.mark.parametrize("word", sorted({*Status, *EventKind}))
def test_the_life_of_a_key_is_told_whole(word: str) -> None:
    """Each status and each event has its line."""
    assert f"`{word}`" in (REFERENCE / "life-cycle.md").read_text()


@pytest.mark.parametrize("name", exceptions.__all__)
def test_every_error_is_on_the_page(name: str) -> None:
    """An error of the tree is in the errors reference."""
    assert name in (REFERENCE / "errors.md").read_text()


def test_a_page_that_lies_is_noticed() -> None:
    """A part that was written by hand is replaced by what the code says."""
    page = "# Page\n\n<!-- generated: codes -->\n| wrong |\n<!-- end -->\n\nText.\n"
    assert rewritten(page) == f"# Page\n\n<!-- generated: codes -->\n{codes('')}\n<!-- end -->\n\nText.\n"


def test_a_driver_shows_what_it_inherits() -> None:
    """A setting that the base class explains is explained for the driver, and a client is no setting."""
    settings = driver("aws")
    assert "| `endpoint_url` | a string | none | Where to connect" in settings
    assert "| `client`" not in settings


def test_a_signature_is_as_type_checkers_see_it() -> None:
    """What is positional for speed only is shown as a keyword."""
    assert signature(secretsource.Resolver.get).startswith("(name, *, default=UNSET, field=None")
    assert signature(secretsource.Resolver.invalidate) == "(name, version=None)"


def test_a_bar_in_a_cell_stays_in_its_cell() -> None:
    """A vertical bar is written so that Markdown does not split the cell."""
    assert table(["type"], [["str | None"]]).splitlines()[-1] == "| str \\| None |"
