"""Forged forms, stolen and fixed sessions, links that are used again, frames, and what a browser is told to keep."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.server.pages.browser import HOST, Browser

from secretsource.server.open_paths.links import LINK, new_link
from secretsource.server.pages.app import VIEWS
from secretsource.server.pages.sessions import Role, Sessions
from secretsource.server.settings import PagesSettings, ServerSettings

if TYPE_CHECKING:
    from tests.server.asgi_client import Answer
    from tests.server.conftest import World

    from secretsource.server.pages.view import View

FORMS = [view for view in VIEWS if view.method == "POST" and view.role is Role.CUSTOMER]
HERE = f"http://{HOST}"
NEW = {"name": "n", "environment": "live", "scopes": "invoices:read", "ends": "90", "once": "a" * 32}
FORGED = {
    "another site": {"sec_fetch_site": "cross-site", "origin": "https://evil.example"},
    "a sibling of this host": {"sec_fetch_site": "same-site", "origin": "http://evil.127.0.0.1"},
    "a typed address": {"sec_fetch_site": "none"},
    "a foreign origin, and a browser without Sec-Fetch-Site": {
        "sec_fetch_site": None,
        "origin": "https://evil.example",
    },
    "an origin that is hidden": {"sec_fetch_site": None, "origin": "null"},
    "another port of this host": {"sec_fetch_site": None, "origin": "http://127.0.0.1:9999"},
    "no origin at all": {"sec_fetch_site": None},
}


async def made(world: World) -> int:
    """The number of keys of the customer."""
    return len(await world.keys.list(owner="acme"))


@pytest.mark.parametrize("headers", FORGED.values(), ids=FORGED)
async def test_a_form_from_elsewhere_is_refused(world: World, browser: Browser, headers: dict[str, str]) -> None:
    """Even with the right token and cookie, and nothing is made."""
    await browser.sign_in("acme")
    answer = await browser.post("/portal/keys/new", NEW, **headers)
    assert answer.status == 403
    assert b"did not come from this page" in answer.body
    assert await made(world) == 0


async def test_an_old_browser_is_believed_by_its_origin(world: World, browser: Browser) -> None:
    """Without Sec-Fetch-Site, the origin of this very host is enough."""
    await browser.sign_in("acme")
    headers: dict[str, str | None] = {"sec_fetch_site": None, "origin": HERE}
    assert (await browser.post("/portal/keys/new", NEW, **headers)).status == 201
    assert await made(world) == 1


@pytest.mark.parametrize("view", FORMS, ids=lambda view: view.name)
async def test_each_form_needs_its_token(world: World, browser: Browser, view: View) -> None:
    """Every route that changes something refuses a form without a token, and one with that of another session."""
    record = (await world.customer_key()).record
    other = Browser(world.app, world.keys)
    await other.sign_in("globex")
    await browser.sign_in("acme")
    path = view.path.replace("{key_id:key_id}", record.key_id)
    stolen = other.token
    for token in ("", stolen, "é", "0" * 64):
        answer = await browser.post(path, {"form_token": token, "sure": "yes"})
        assert answer.status == 403
        assert b"too old" in answer.body
    assert await world.keys.get(record.key_id) == record


async def test_a_token_from_before_a_new_sign_in_is_refused(world: World, browser: Browser) -> None:
    """Each session has tokens of its own."""
    await browser.sign_in("acme")
    old = browser.token
    await browser.sign_in("acme")
    assert (await browser.post("/portal/keys/new", {**NEW, "form_token": old})).status == 403
    assert (await browser.post("/portal/keys/new", {**NEW, "form_token": browser.token})).status == 201


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b'{"form_token": "x"}', "application/json"),
        (b"form_token=x", "text/plain"),
        (b"form_token=x&a=%ff", None),
        (b"a=" + b"x" * 40_000, None),
        (b"&".join(b"a=1" for _ in range(300)), None),
    ],
    ids=["json", "text", "no utf-8", "large", "many fields"],
)
async def test_a_body_that_is_no_form_is_refused(browser: Browser, body: bytes, media_type: str | None) -> None:
    """By its type, its size, the number of its fields, or its characters."""
    await browser.sign_in("acme")
    answer = await browser.send("/portal/keys/new", body, media_type)
    assert answer.status == 400
    assert b"could not be read" in answer.body


async def test_a_link_is_used_once(world: World, browser: Browser) -> None:
    """A second browser, and the same one again, are told that it has ended."""
    link = (await new_link(world.keys, "acme")).plaintext
    assert (await open_link(browser, link)).status == 303
    for again in (browser, Browser(world.app, world.keys)):
        answer = await open_link(again, link)
        assert answer.status == 410
        assert b"This link has ended" in answer.body


async def test_a_preview_spends_nothing(world: World, browser: Browser) -> None:
    """A link that others have opened, as scanners of mail do, still signs in; opening it shows no key."""
    await world.customer_key(name="Billing worker")
    link = (await new_link(world.keys, "acme")).plaintext
    for _ in range(3):
        preview = await Browser(world.app, world.keys).get(f"/portal/sign-in?{LINK}={link}")
        assert preview.status == 200
        assert b"Billing worker" not in preview.body
    assert (await open_link(browser, link)).status == 303


async def test_a_link_that_is_opened_twice_signs_in_from_either_window(world: World, browser: Browser) -> None:
    """The second window, or a link beside the first one, does not end the form of the first one."""
    first, second = [(await new_link(world.keys, "acme")).plaintext for _ in range(2)]
    await browser.get(f"/portal/sign-in?link={first}")
    token = browser.token
    await browser.get(f"/portal/sign-in?link={second}")
    assert (await browser.post("/portal/sign-in", {"link": first, "form_token": token})).status == 303


async def test_a_late_link_is_refused(world: World, browser: Browser) -> None:
    """A minute after it was made, it has ended."""
    late = await world.keys.passes.issue(LINK, "acme", expires_in=1e-6)
    assert (await open_link(browser, late.plaintext)).status == 410


async def test_a_link_is_not_sent_for_another_browser(world: World, browser: Browser) -> None:
    """The form of the button belongs to the browser that opened the link: nobody signs another one in by it."""
    link = (await new_link(world.keys, "acme")).plaintext
    await browser.get(f"/portal/sign-in?{LINK}={link}")
    victim = Browser(world.app, world.keys)
    for prepare in (False, True):
        if prepare:
            await victim.get("/portal/sign-in?link=other")
        answer = await victim.post("/portal/sign-in", {LINK: link, "form_token": browser.token})
        assert answer.status == 403
        assert "portal" not in victim.jar
    assert (await browser.post("/portal/sign-in", {LINK: link})).status == 303


async def test_a_session_is_not_fixed_beforehand(world: World, browser: Browser) -> None:
    """A cookie that somebody planted before the sign-in is worth nothing after it."""
    browser.jar["portal"] = planted = "a" * 43
    await browser.sign_in("acme")
    assert browser.jar["portal"] != planted
    thief = Browser(world.app, world.keys)
    thief.jar["portal"] = planted
    assert (await thief.get("/portal/keys")).status == 303


async def test_a_stolen_cookie_ends_with_the_sign_out(world: World, browser: Browser) -> None:
    """So does that of a session that the same browser replaced by a new one."""
    await browser.sign_in("acme")
    replaced = browser.jar["portal"]
    await browser.sign_in("acme")
    current = browser.jar["portal"]
    assert (await browser.post("/portal/sign-out")).status == 200
    assert "portal" not in browser.jar
    for stolen in (replaced, current):
        thief = Browser(world.app, world.keys)
        thief.jar["portal"] = stolen
        assert (await thief.get("/portal/keys")).status == 303


async def test_a_customer_is_no_operator(world: World, browser: Browser) -> None:
    """The cookie of a customer opens no page of operators under their name."""
    await browser.sign_in("acme")
    sessions = Sessions(world.keys, PagesSettings())
    assert await sessions.find(Role.CUSTOMER, browser.jar["portal"]) is not None
    assert await sessions.find(Role.OPERATOR, browser.jar["portal"]) is None
    browser.jar["operator"] = browser.jar["portal"]
    for view in VIEWS:
        if view.role is Role.OPERATOR and view.method == "GET" and "{" not in view.path:
            assert (await browser.get(view.path)).status == 303


@pytest.mark.parametrize("framing", [(), ("https://app.acme.example", "https://*.acme.example")], ids=["none", "two"])
async def test_pages_are_framed_where_the_settings_allow_it(
    world: World, browser: Browser, framing: tuple[str, ...]
) -> None:
    """Each page, also one that refuses, says who may frame it; by default nobody."""
    pages = PagesSettings(frame_ancestors=framing)
    await reset(world, ServerSettings(pages=pages))
    await browser.sign_in("acme")
    for path, status in (("/portal/keys", 200), ("/portal/nothing", 404), ("/portal/sign-in", 401)):
        answer = await browser.get(path)
        assert answer.status == status
        policy = dict(each.strip().split(" ", 1) for each in answer.headers["content-security-policy"].split(";"))
        assert policy["frame-ancestors"] == (" ".join(framing) or "'none'")
        assert ("x-frame-options" in answer.headers) is (not framing)
        assert not {"'unsafe-inline'", "'unsafe-eval'", "*"} & {*" ".join(policy.values()).split()}
        assert policy["default-src"] == policy["base-uri"] == "'none'"


async def test_a_framed_page_leaves_out_what_the_host_has(browser: Browser) -> None:
    """The name of the site and the sign-out are the host's."""
    await browser.sign_in("acme")
    assert b"/portal/sign-out" in (await browser.get("/portal/keys")).body
    assert b"/portal/sign-out" not in (await browser.get("/portal/keys", sec_fetch_dest="iframe")).body


@pytest.mark.parametrize(
    ("host", "name", "is_secure"),
    [
        ("127.0.0.1:8811", "portal", False),
        ("localhost", "portal", False),
        ("[::1]:8811", "portal", False),
        ("keys.acme.example", "__Host-portal", True),
        ("127.0.0.1.evil.example", "__Host-portal", True),
        ("[::1", "__Host-portal", True),
    ],
)
async def test_a_cookie_is_bound_to_the_host_and_to_tls(world: World, host: str, name: str, is_secure: bool) -> None:
    """Off this machine its name and its flag say so; no script reads it, and no other site sends it along."""
    browser = Browser(world.app, world.keys, host)
    await browser.sign_in("acme")
    assert name in browser.jar
    cookie = next(each for each in browser.cookies if each.startswith(f"{name}=") and "Max-Age" not in each)
    flags = {each.strip() for each in cookie.split(";")[1:]}
    assert flags == {"Path=/", "HttpOnly", "SameSite=Lax", *(["Secure"] if is_secure else [])}


async def test_no_page_is_kept_or_tells_where_it_was(browser: Browser) -> None:
    """No cache keeps a page, and no other site is told an address."""
    await browser.sign_in("acme")
    for path in ("/portal/keys", "/portal/keys/new", "/portal/nothing"):
        headers = (await browser.get(path)).headers
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["x-content-type-options"] == "nosniff"


async def test_a_text_is_written_as_text(world: World, browser: Browser) -> None:
    """A name that is a piece of HTML is shown as it was written, wherever it stands."""
    record = (await world.customer_key(name='<img src=x onerror="alert(1)">')).record
    await browser.sign_in("acme")
    for path in ("/portal/keys", *(f"/portal/keys/{record.key_id}{more}" for more in ("", "/edit", "/revoke"))):
        page = (await browser.get(path)).body
        assert b"<img src=x" not in page
        assert b"&lt;img src=x" in page


async def test_the_api_makes_a_link_for_the_person_that_it_names(world: World, browser: Browser) -> None:
    """The address is that of the settings; the events name the customer and the person."""
    pages = PagesSettings(address="https://keys.acme.example/")
    await reset(world, ServerSettings(pages=pages))
    answer = await world.root("POST", "/v1/owners/acme/portal-links", {"name": "ops@acme.example"})
    assert answer.status == 201
    url = urlsplit(answer.json["url"])
    assert (url.scheme, url.netloc, url.path) == ("https", "keys.acme.example", "/portal/sign-in")
    (link,) = parse_qs(url.query)[LINK]
    assert (await open_link(browser, link)).status == 303
    assert await author_of_a_new_key(world, browser, scopes="") == "customer acme: ops@acme.example"


@pytest.mark.parametrize("name", [":root", "operator ann@example.com", "chores", "\u202e\x1b[2K\n", "x" * 255])
async def test_a_person_of_a_customer_cannot_pass_for_another_author(world: World, browser: Browser, name: str) -> None:
    """Whatever name it has: events begin with the customer, and have no control character."""
    await browser.sign_in("acme", name)
    actor = await author_of_a_new_key(world, browser)
    assert actor.startswith("customer acme: ")
    assert len(actor) <= 255
    assert not set(actor) & set("\x1b\n\u202e")


async def test_an_operator_on_the_pages_of_a_customer_stays_the_author(world: World, browser: Browser) -> None:
    """A link for support is that of the operator, also in the events."""
    link = (await new_link(world.keys, "acme", operator="operator ann@example.com")).plaintext
    assert (await open_link(browser, link)).status == 303
    assert await author_of_a_new_key(world, browser) == "operator ann@example.com"


async def test_a_service_without_pages_has_none(world: World) -> None:
    """Their paths are unknown, and no link is made."""
    await reset(world, ServerSettings())
    browser = Browser(world.app, world.keys)
    for path in ("/portal/keys", "/portal/sign-in", "/operator/sign-in", "/static/pages.css"):
        assert (await browser.get(path)).status == 404
    answer = await world.root("POST", "/v1/owners/acme/portal-links")
    assert (answer.status, answer.json["code"]) == (409, "pages_off")


async def author_of_a_new_key(world: World, browser: Browser, **more: str) -> str:
    """Make the only key of a customer on its pages, and return the author of the event."""
    await browser.get("/portal/keys/new")
    await browser.post("/portal/keys/new", {**NEW, **more})
    (record,) = (await world.keys.list(owner="acme")).records
    return str((await world.keys.events(record.key_id))[0].actor)


async def open_link(browser: Browser, link: str) -> Answer:
    """Open a link, and press its button."""
    await browser.get(f"/portal/sign-in?{LINK}={link}")
    return await browser.post("/portal/sign-in", {LINK: link})


async def reset(world: World, settings: ServerSettings) -> None:
    """Have the service read other settings, as at a hangup."""
    world.app._load = lambda: settings
    world.app.reload()
    assert world.app.service is not None
    assert world.app.service.settings == replace(settings)
