"""Every page of operators, in every window, with customers that have lived; and the changes that an operator makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from tests.server.pages.chromium.sample import OWNER, filled
from tests.server.pages.chromium.site import PEPPER, serving
from tests.server.pages.chromium.window import SHAPES, Window, picture
from tests.server.pages.operators import GETS

from secretsource.issuing import NO_SCOPE
from secretsource.server.rights import EVERYTHING, ROOT_OWNER, ROOT_PREFIX

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from pathlib import Path

    from tests.server.pages.chromium.site import Site

    Open = Callable[..., Awaitable[Window]]

STALE = "initech"
"""A customer that is suspended, with a key that was used after its rotation had ended."""
MORE = {"the sign-in": "/operator/sign-in", "a search": "/operator/keys?q=sk_live_", "none found": "/operator/keys?q=x"}


@pytest_asyncio.fixture(loop_scope="session")
async def service(tmp_path: Path) -> AsyncGenerator[tuple[Site, dict[str, str]]]:
    """A service with customers, plans, root keys and an alarm, and the ids of one of each."""
    store = f"sqlite:///{tmp_path}/keys.db"
    ids = await filled(store, PEPPER)
    async with serving(store) as running:
        keys = running.keys
        by: dict[str, Any] = {"actor": "operator ann@acme.example", "origin": "198.51.100.4"}
        await keys.plans.put("Free", rate_limit="60/minute", max_keys=2, max_life=7776000, environments=["test"])
        for owner, name, plan in (
            (STALE, "Initech", "Free"), ("umbrella", "", None),
            ("vandelay", "Vandelay Industries Import and Export", "Business"),
            ("مخبز", "مخبز النور", "Free"),
        ):  # fmt: skip
            await keys.owners.put(owner, name=name, plan=plan, **by)
        old = await running.key(STALE, name="Reports", environment="test")
        await keys.rotate(old.record.key_id, overlap=0, **by)
        assert not await keys.check(old.plaintext, scope=NO_SCOPE, ip="203.0.113.9", fresh=True)
        await keys.owners.suspend(STALE, reason="unpaid since October", **by)
        await running.key("umbrella", name="Gateway", expires_in=86400 * 5)
        root = await keys.issue(
            owner=ROOT_OWNER, prefix=ROOT_PREFIX, scopes=["keys:verify"], name="the shop", networks=["10.0.0.0/8"], **by
        )
        yield running, {"owner": OWNER, "plan": "Business", "key": ids["export"], "root": root.record.key_id}


@pytest.fixture
def site(service: tuple[Site, dict[str, str]]) -> Site:
    """The service."""
    return service[0]


async def signed_in(site: Site, window: Window) -> None:
    """Sign in by the form."""
    issued = await site.keys.issue(owner=ROOT_OWNER, prefix=ROOT_PREFIX, scopes=EVERYTHING, name="Ann")
    await window.go("/operator/sign-in")
    await window.page.get_by_label("Root key").fill(issued.plaintext)
    await window.press("Sign in")
    await window.page.wait_for_url("**/operator/owners")


@pytest.mark.parametrize("shape", SHAPES)
async def test_each_page_is_right_in_each_window(
    service: tuple[Site, dict[str, str]], open_window: Open, shape: str
) -> None:
    """Quiet, from here alone, within the window, and readable by everybody."""
    site, ids = service
    window = await open_window(shape)
    await signed_in(site, window)
    for name, path in {**GETS, **MORE}.items():
        await window.go(path.format(**ids))
        shown = name.removeprefix("show").replace(" ", "-").lower()
        await picture(window, f"operator-{shown}-{shape.replace(' ', '-')}")


async def test_an_operator_suspends_a_customer_and_changes_a_plan(
    service: tuple[Site, dict[str, str]], open_window: Open
) -> None:
    """Without scripts: a mistake stands at its field, and the question comes before the change."""
    site, _ = service
    window = await open_window(scripts=False)
    await signed_in(site, window)
    page = window.page
    await window.press("Globex Ltd", role="link")
    await window.press("Suspend", role="link")
    await window.press("Suspend")
    assert "Tick the box if you want this." in await window.text()
    await page.get_by_label("Refuse every key of this customer").check()
    await page.get_by_label("Reason").fill("a test")
    await window.press("Suspend")
    assert "Every key of this customer is refused" in await window.text()
    await window.press("Resume")
    assert "Every key of this customer is refused" not in await window.text()
    await window.press("Plans", role="link")
    await window.press("Business", role="link")
    await page.get_by_label("Rate limit").fill("7000/minute")
    await window.press("Show what changes")
    assert "2 customers are on this plan." in await window.text()
    assert (await site.keys.plans.get("Business")).rate_limit == "6000/minute"
    await window.press("Change the plan")
    assert (await site.keys.plans.get("Business")).rate_limit == "7000/minute"


async def test_an_operator_works_by_keyboard_alone(service: tuple[Site, dict[str, str]], open_window: Open) -> None:
    """The sign-in, a search, and the page of a key, by Tab and Enter."""
    site, ids = service
    issued = await site.keys.issue(owner=ROOT_OWNER, prefix=ROOT_PREFIX, scopes=EVERYTHING)
    window = await open_window()
    await window.go("/operator/sign-in")
    page = window.page
    for _ in range(10):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.name") == "key":
            break
    await page.keyboard.type(issued.plaintext)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/operator/owners")
    await window.go("/operator/keys")
    await page.get_by_role("searchbox").focus()
    await page.keyboard.type(ids["key"])
    await page.keyboard.press("Enter")
    await page.wait_for_url("**q=*")
    await page.get_by_role("link", name="Nightly export").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/operator/keys/{ids['key']}")
    await window.check()
