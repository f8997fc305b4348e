"""The mistakes in forms stand beside their fields, in the language of the reader."""

from __future__ import annotations

import re
from html import unescape
from time import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.server.pages.browser import fields_of
from tests.server.pages.operators import operator

from secretsource.server.pages.looks.catalogues import catalogue
from secretsource.server.pages.looks.mistakes import MISTAKES
from secretsource.server.rights import ROOT_OWNER

if TYPE_CHECKING:
    from tests.server.conftest import World
    from tests.server.pages.browser import Browser

GERMAN = {"accept_language": "de"}
SAID = {catalogue("de").ugettext(words) for words in MISTAKES.values()}
"""The sentences that mistakes of the library are told by."""
PLAN = ("/operator/plan", {"plan": "Free", "revision": "0"})
OWNER = ("/operator/owner/edit", {"owner": "acme", "revision": "0"})
ROOT = ("/operator/root-keys/new", {"name": "x", "scopes": "keys:read"})


def mistakes(page: str) -> dict[str, str]:
    """The sentences of a page by their fields; the empty field stands for the notice above the form."""
    found = {name: unescape(said) for name, said in re.findall(r'id="(\w+)-error">(.*?)</p>', page)}
    notice = re.search(r'<div class="notice bad".*?<div>(?:<p>)?(.*?)(?:</p>)?</div>', page, re.DOTALL)
    return found if notice is None else {**found, "": unescape(notice[1])}


async def desk(world: World, *scopes: str) -> Browser:
    """Sign an operator in, and open a page, which has the token of the forms."""
    browser = await operator(world, *scopes)
    await browser.get("/operator/root-keys")
    return browser


@pytest.mark.parametrize(
    ("form", "field", "text"),
    [
        (OWNER, "name", "x" * 256),
        (OWNER, "plan", "gone"),
        (OWNER, "rate_limit", "often"),
        (OWNER, "rate_limit", "5/minute, 7/minute"),
        (OWNER, "rate_limit", "x" * 256),
        (OWNER, "quota", "0/day"),
        (PLAN, "rate_limit", "99999999999/minute"),
        (PLAN, "quota", "10/fortnight"),
        (PLAN, "max_keys", "0"),
        (PLAN, "scopes", "invoices read !"),
        (PLAN, "environments", "Live"),
        (ROOT, "name", "x" * 256),
        (ROOT, "owner", ROOT_OWNER),
        (ROOT, "networks", "203.0.113.7/24"),
        (ROOT, "scopes", "invoices:read"),
    ],
)
async def test_an_operator_reads_german(world: World, form: tuple[str, dict[str, str]], field: str, text: str) -> None:
    """Whatever found the mistake, the library or the model of the management API."""
    browser = await desk(world)
    answer = await browser.post(form[0], {**form[1], field: text}, **GERMAN)
    assert answer.status == 422
    said = mistakes(browser.page)
    assert set(said) == {field}
    assert said[field] in SAID


async def test_a_root_key_without_scopes_is_refused_beside_them(world: World) -> None:
    """A browser sends nothing for boxes that are not ticked."""
    browser = await desk(world)
    assert (await browser.post("/operator/root-keys/new", {"name": "x"}, **GERMAN)).status == 422
    assert mistakes(browser.page) == {"scopes": "Wählen Sie, was der Schlüssel darf."}


async def test_an_operator_cannot_give_more_than_it_has(world: World) -> None:
    """The page that refuses it is in German, too."""
    browser = await desk(world, "root:read", "root:write")
    answer = await browser.post("/operator/root-keys/new", {"name": "x", "scopes": "keys:read"}, **GERMAN)
    assert answer.status == 403
    assert catalogue("de").ugettext(MISTAKES["beyond_caller", ""]) in unescape(browser.page)


async def new_key(browser: Browser, **fields: Any) -> dict[str, str]:
    """Ask for a key by the form, and return the mistakes."""
    await browser.get("/portal/keys/new")
    given = fields_of(browser.page, "/portal/keys/new")
    asked = {"name": "x", "environment": "live", "scopes": "invoices:read", "networks": "", "ends": "30", **fields}
    assert (await browser.post("/portal/keys/new", {"once": given["once"], **asked}, **GERMAN)).status == 422
    return mistakes(browser.page)


async def test_a_customer_reads_german(world: World, browser: Browser) -> None:
    """The plan has no further key; the form asks for another one than before."""
    await world.keys.plans.put("Free", max_keys=1)
    await world.keys.owners.put("acme", plan="Free")
    await world.keys.issue(owner="acme", prefix="sk", scopes=["invoices:read"])
    await browser.sign_in("acme")
    assert await new_key(browser) == {"": catalogue("de").ugettext(MISTAKES["PlanExceeded", ""])}


async def test_a_mistake_about_an_end_stands_at_the_choice_of_the_end(world: World, browser: Browser) -> None:
    """The argument of the library has another name than the field."""
    await browser.sign_in("acme")
    issued = await world.keys.issue(owner="acme", prefix="sk", scopes=["invoices:read"], not_before=time() + 40 * 86400)
    path = f"/portal/keys/{issued.record.key_id}/edit"
    await browser.get(path)
    fields = {"revision": "1", "name": "x", "scopes": "invoices:read", "networks": "", "ends": "30"}
    assert (await browser.post(path, fields, **GERMAN)).status == 422
    assert mistakes(browser.page) == {"ends": catalogue("de").ugettext(MISTAKES["InvalidRequest", "expires_at"])}
