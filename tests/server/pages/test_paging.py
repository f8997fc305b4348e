"""The pages of a list: the next one, and the way back to the first."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

import pytest
from tests.server.pages.operators import operator

if TYPE_CHECKING:
    from tests.server.conftest import World
    from tests.server.pages.browser import Browser


def paging(browser: Browser) -> dict[str, str]:
    """The addresses of the links below a list, by their words."""
    below = re.search(r'<nav class="paging".*?</nav>', browser.page, re.DOTALL)
    found = re.findall(r'href="([^"]*)">([^<]*)<', below[0]) if below else []
    return {words: unescape(address) for address, words in found}


@pytest.mark.parametrize(
    ("role", "path", "kept"),
    [
        ("customer", "/portal/keys", "environment=live"),
        ("customer", "/portal/keys?environment=live&search=Worker", "environment=live&search=Worker"),
        ("customer", "/portal/usage?span=14d", "span=14d"),
        ("customer", "/portal/events", ""),
        ("operator", "/operator/keys?q=Worker&status=active", "q=Worker&status=active"),
        ("operator", "/operator/attention?days=90", "days=90"),
        ("operator", "/operator/events?owner=acme", "owner=acme"),
    ],
)
async def test_a_list_leads_on_and_back(world: World, browser: Browser, role: str, path: str, kept: str) -> None:
    """The way back keeps the search and the filters; the first page has none."""
    asked = {"owner": "acme", "prefix": "sk", "name": "Worker", "scopes": ["invoices:read"], "expires_in": 864000}
    await world.keys.issue_many([asked] * 51)  # type: ignore[list-item]  # the fields of a request
    person = browser if role == "customer" else await operator(world)
    if role == "customer":
        await person.sign_in("acme")
    await person.get(path)
    first = paging(person)
    assert list(first) == ["Next page"]
    onward = first["Next page"]
    await person.get(onward if onward.startswith("/") else path.partition("?")[0] + onward)
    assert paging(person)["First page"] == f"?{kept}"
