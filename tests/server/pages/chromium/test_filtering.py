"""The rows of a list follow what a customer types, before the server is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.server.pages.chromium.site import Site
    from tests.server.pages.chromium.window import Window


@pytest.mark.parametrize("shape", ["desktop", "phone"])
async def test_rows_are_filtered_while_a_customer_types(
    site: Site, open_window: Callable[..., Awaitable[Window]], shape: str
) -> None:
    """Any part of a row is found, in whatever case; an empty field shows all rows again."""
    for name in ("Billing worker", "Nightly export", "Mobile backend"):
        await site.key(name=name)
    window = await open_window(shape)
    await window.sign_in()
    field, rows = window.page.get_by_role("searchbox"), window.page.locator("#keys tbody tr:visible")
    assert await rows.count() == 3
    await field.fill("NIGHT")
    assert await rows.count() == 1
    assert "Nightly export" in (await rows.text_content() or "")
    await field.fill("")
    assert await rows.count() == 3
