"""The pages of customers inside of another application: its session says which customer a request comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount
from tests.server.pages.browser import Browser

from secretsource.server.pages.hosted import portal
from secretsource.server.settings import PagesSettings

if TYPE_CHECKING:
    from tests.server.conftest import World

FRAMING = "https://app.acme.example"
NEW = {"name": "n", "environment": "test", "scopes": "a:b", "ends": "90", "once": "a" * 32}


@pytest.fixture
def hosted(world: World) -> Browser:
    """A browser of an application whose cookie names the customer."""

    async def owner_of(scope: Any) -> str | None:
        named = Request(scope).cookies.get("shop")
        return None if named is None else unquote(named)

    pages = PagesSettings(scopes=("a:b",), frame_ancestors=(FRAMING,))
    app = portal(world.keys, owner_of, pages=pages, environments=["test"], prefixes=["shop"])
    return Browser(Starlette(routes=[Mount("/account", app)]), world.keys)


async def test_a_customer_of_the_host_needs_no_other_sign_in(world: World, hosted: Browser) -> None:
    """Every address is below the place where the pages are mounted; a key is made with the host's prefix."""
    await world.customer_key(owner="globex", name="Foreign worker", environment="test")
    hosted.jar["shop"] = "acme"
    page = await hosted.get("/account/portal/keys")
    assert page.status == 200
    for address in ('href="/account/portal/keys/new', 'href="/account/static/pages.'):
        assert address in hosted.page
    for missing in ('="/portal', '="/static', "sign-out", "Foreign worker"):
        assert missing not in hosted.page
    assert 'aria-current="page">Keys<' in hosted.page
    await hosted.get("/account/portal/keys/new")
    assert (await hosted.post("/account/portal/keys/new", NEW)).status == 201
    (record,) = (await world.keys.list(owner="acme")).records
    assert (record.prefix, record.environment) == ("shop", "test")


async def test_pages_of_the_host_are_framed_where_it_allows_it(hosted: Browser) -> None:
    """The settings say so, wherever the pages are mounted; also for a page with a slash too many, which is found."""
    hosted.jar["shop"] = "acme"
    found = await hosted.get("/account/portal/keys/")
    assert (found.status, found.headers["location"]) == (303, "/account/portal/keys")
    for answer in (found, await hosted.get("/account/portal/keys")):
        assert f"frame-ancestors {FRAMING}" in answer.headers["content-security-policy"]
        assert "x-frame-options" not in answer.headers


async def test_nobody_is_shown_a_page(world: World, hosted: Browser) -> None:
    """A person that the host does not know sees no key, and no sign-in of ours."""
    await world.customer_key(name="Billing worker")
    answer = await hosted.get("/account/portal/keys")
    assert answer.status == 401
    assert b"Billing worker" not in answer.body
    for path in ("/account/portal/sign-in", "/account/operator/sign-in", "/account/operator/owners"):
        assert (await hosted.get(path)).status == 404


async def test_a_host_shows_nobody_the_root_keys(world: World, hosted: Browser) -> None:
    """Not even a host that takes a name from outside for the name of a customer."""
    for name in (":root", "%20:root", ":root%C2%A0"):
        hosted.jar["shop"] = name
        for path in ("/account/portal/keys", f"/account/portal/keys/{world.root_key_id}", "/account/portal/usage"):
            assert (await hosted.get(path)).status == 404, (name, path)


async def test_a_host_may_spell_a_customer_in_any_way(world: World, hosted: Browser) -> None:
    """Composed or not, with blanks or without: it is the same customer, on each page."""
    key_id = (await world.customer_key(owner="Caf\u00e9", environment="test")).record.key_id
    for name in ("Caf%C3%A9", "Cafe%CC%81", "%20Caf%C3%A9%20"):
        hosted.jar["shop"] = name
        assert key_id in (await hosted.get("/account/portal/keys")).body.decode()
        assert (await hosted.get(f"/account/portal/keys/{key_id}")).status == 200
    hosted.jar["shop"] = "a%00b"
    assert (await hosted.get("/account/portal/keys")).status == 400


async def test_a_form_belongs_to_the_customer_that_it_was_shown_to(world: World, hosted: Browser) -> None:
    """After the host signs another customer in, in the same browser, an older form is refused."""
    hosted.jar["shop"] = "acme"
    await hosted.get("/account/portal/keys/new")
    hosted.jar["shop"] = "globex"
    assert (await hosted.post("/account/portal/keys/new", NEW)).status == 403
    assert len(await world.keys.list(owner="globex")) == 0
