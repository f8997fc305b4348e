"""The rows of a list follow what a customer types, before the server is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.server.pages.chromium.conftest import Open
    from tests.server.pages.chromium.site import Site


@pytest.mark.parametrize("way", ["desktop", "phone"])
async def test_rows_are_filtered_while_a_customer_types(site: Site, open_window: Open, owner: str, way: str) -> None:
    """Any part of a row is found, in whatever case; an empty field shows all rows again."""
    for name in ("Billing worker", "Nightly export", "Mobile backend"):
        await site.key(owner, name=name)
    window = await open_window(way)
    await window.sign_in(owner)
    field, rows = window.page.get_by_role("searchbox"), window.page.locator("#keys tbody tr:visible")
    assert await rows.count() == 3
    await field.fill("NIGHT")
    assert await rows.count() == 1
    assert "Nightly export" in (await rows.text_content() or "")
    await field.fill("")
    assert await rows.count() == 3
