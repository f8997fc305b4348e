"""The pages over the wire: every page that shows something, and a reader that is a customer and an operator at once."""

from __future__ import annotations

import asyncio
import http.client
import re
from contextlib import closing
from dataclasses import replace
from time import perf_counter, process_time
from typing import TYPE_CHECKING

from tests.server.pages.chromium.site import SETTINGS
from tests.server.pages.operators import GETS

from secretsource.server.chores.settings import ChoreSettings
from secretsource.server.pages.app import VIEWS
from secretsource.server.pages.operator.desk import facts_of_root_key
from secretsource.server.pages.sessions import Role, Sessions
from secretsource.server.pages.visit import COOKIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.server.pages.chromium.site import Site
    from tests.server.pages.crowds import Crowd

__all__ = ["NO_PAGE", "PAGES", "QUIET", "Reader", "first_bytes"]

NO_PAGE = frozenset({"showHome", "saveUsage"})
"""Views of customers that lead to another page, or answer with a file."""
PAGES: Mapping[str, str] = {
    **{
        view.name: view.path.replace("{key_id:key_id}", "{key}")
        for view in VIEWS
        if view.role is Role.CUSTOMER and view.method == "GET" and view.name not in NO_PAGE
    },
    "the other environment": "/portal/keys?environment=test",
    "a search of a customer": "/portal/keys?search=worker",
    "usage of a month": "/portal/usage?span=30d",
    **GETS,
    "a search by characters": "/operator/keys?q=sk_live_7",
    "a search by name": "/operator/keys?q=worker",
    "a status": "/operator/keys?status=active",
    "a search for owners": "/operator/owners?q=o",
    "events of a kind": "/operator/events?kind=issued",
    "keys of an owner": "/operator/keys?owner={owner}",
    "events of an owner": "/operator/events?owner={owner}",
    "usage by days": "/operator/usage?owner={owner}&by=day",
}
"""Every page that shows something, and searches, by the name of its view; the parts in braces are ids."""
QUIET = replace(SETTINGS, chores=ChoreSettings(every=0.0))
"""A service that does no chores: they look at all keys, beside the pages."""
ROUNDS = 12


class Reader:
    """A customer and an operator at one browser, over the wire."""

    def __init__(self, site: Site, cookie: str) -> None:
        self._address = site.base.removeprefix("http://")
        self._cookie = cookie

    @classmethod
    async def signed_in(cls, site: Site, crowd: Crowd) -> Reader:
        """Begin both sessions."""
        assert SETTINGS.pages is not None
        sessions = Sessions(site.keys, SETTINGS.pages)
        root = await site.keys.get(crowd.ids["root"])
        begun = (
            await sessions.begin(Role.CUSTOMER, crowd.ids["owner"]),
            await sessions.begin(Role.OPERATOR, "Front desk", facts_of_root_key(root)),
        )
        return cls(site, "; ".join(f"{COOKIES[each.role]}={each.cookie}" for each in begun))

    def get(self, path: str, status: int = 200) -> tuple[float, bytes]:
        """Open a page; return the milliseconds until its first byte, and its body."""
        with closing(http.client.HTTPConnection(self._address, timeout=30)) as connection:
            connection.connect()
            begun = perf_counter()
            connection.request("GET", path, headers={"Cookie": self._cookie})
            answer = connection.getresponse()
            taken = (perf_counter() - begun) * 1000
            assert answer.status == status, (path, answer.status)
            return taken, answer.read()

    async def plain_file(self) -> str:
        """Return the path of the small style sheet that a page names."""
        _, page = await asyncio.to_thread(self.get, PAGES["showKeys"])
        file = re.search(r'href="(/static/theme[^"]+)"', page.decode())
        assert file is not None
        return file[1]


async def first_bytes(reader: Reader, *paths: str) -> list[tuple[float, float]]:
    """Return the milliseconds until the first byte of each, and those of the processor: the best of rounds in turn."""
    taken: dict[str, list[tuple[float, float]]] = {path: [] for path in paths}
    for _ in range(ROUNDS):
        for path, each in taken.items():
            begun = process_time()
            wall, _ = await asyncio.to_thread(reader.get, path)
            each.append((wall, (process_time() - begun) * 1000))
    return [(min(wall for wall, _ in each), min(work for _, work in each)) for each in taken.values()]
