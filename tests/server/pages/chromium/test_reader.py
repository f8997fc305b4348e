"""A page is written for its reader: in the language, the numbers and the time zone of the browser."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tests.server.pages.chromium.window import SHAPES, WAYS, Window

if TYPE_CHECKING:
    from playwright.async_api import Browser
    from tests.server.pages.chromium.site import Site

ZONE = "Asia/Kolkata"
"""Five and a half hours before UTC: no zone of whole hours passes for it."""


async def test_a_reader_sees_its_own_time_and_utc_beside_it(site: Site, chromium: Browser, owner: str) -> None:
    """The script writes the time at first; the server knows the zone from then on, and writes the same.

    A cookie of the application that the pages are mounted in stays, whatever its name.
    """
    record = (await site.key(owner, name="Nightly export")).record
    here, there = (datetime.fromtimestamp(record.created, zone) for zone in (ZoneInfo(ZONE), UTC))
    async with await chromium.new_context(locale="de-DE", timezone_id=ZONE, **SHAPES["desktop"]) as context:
        await context.add_cookies([{"name": "zone", "value": "of the host", "url": site.base}])
        window = Window(site, await context.new_page(), WAYS["desktop"])
        await window.sign_in(owner, button="Meine Schlüssel zeigen")
        await window.go(f"/portal/keys/{record.key_id}")
        made = window.page.locator("dt:has-text('Erstellt') + dd time")
        assert f"{here:%H:%M}" in await made.inner_text()
        assert f"{there:%H:%M} UTC" in (await made.get_attribute("title") or "")
        answer = await window.page.reload()
        assert answer is not None
        written = (await answer.text()).partition("Erstellt</dt>")[2][:200]
        assert f", {here:%H:%M}</time>" in written
        assert "of the host" in [each.get("value") for each in await context.cookies()]
