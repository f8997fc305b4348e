"""The sign-in of operators by a root key and at a provider, and the secrets that are never shown."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from pathlib import Path
from re import findall
from typing import TYPE_CHECKING

import pytest
from tests.server.oidc.oidc_provider import SECRET, OidcProvider, oidc_settings, running
from tests.server.pages.browser import Browser
from tests.server.pages.operators import GETS, operator, sign_in

from secretsource.exceptions import StoreError
from secretsource.issuing import HttpAnswer
from secretsource.server.oidc import sign_in as sign_in_module
from secretsource.server.pages.looks.words import REFUSALS
from secretsource.server.pages.operator import signing_in
from secretsource.server.pages.sessions import Role, Sessions
from secretsource.server.rights import EVERYTHING
from secretsource.server.settings import PagesSettings, ServerSettings

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.server.asgi_client import Answer
    from tests.server.conftest import World

BACK = "/operator/sign-in/back"
ANN = {"groups": ["platform"], "email": "ann@example.com", "email_verified": True}


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Generator[OidcProvider]:
    """A provider that knows the service."""
    monkeypatch.setenv("OIDC_CLIENT_SECRET", SECRET)
    with running() as found:
        yield found


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> ServerSettings:
    """The settings of a service whose operators sign in at the provider, if the test has one."""
    with_provider = "provider" in request.fixturenames
    oidc = oidc_settings(request.getfixturevalue("provider")) if with_provider else None
    return ServerSettings(pages=PagesSettings(oidc=oidc))


async def at_provider(browser: Browser, provider: OidcProvider) -> Answer:
    """Sign in at the provider, and return the answer to the way back."""
    left = await browser.get("/operator/sign-in/provider")
    assert left.status == 303, left.body
    back = provider.visit(left.headers["location"], **ANN)
    return await browser.get(f"{BACK}?code={back['code']}&state={back['state']}", sec_fetch_site="cross-site")


async def test_a_root_key_signs_in(world: World, browser: Browser) -> None:
    """The session has a new cookie, the name of the key, its id and its scopes, and nothing of its text."""
    await browser.get("/operator/sign-in")
    before = dict(browser.jar)
    assert world.root.key is not None
    answer = await browser.post("/operator/sign-in", {"key": f" {world.root.key}\n"})
    assert (answer.status, answer.headers["location"]) == (303, "/operator")
    assert browser.jar["operator"] not in before.values()
    cookie = next(each for each in answer.cookies if each.startswith("operator="))
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert world.settings.pages is not None
    session = await Sessions(world.keys, world.settings.pages).find(Role.OPERATOR, browser.jar["operator"])
    assert session is not None
    assert dict(session.facts) == {"key_id": world.root_key_id, "scopes": " ".join(sorted(EVERYTHING))}
    home = await browser.get("/operator")
    assert (home.status, home.headers["location"]) == (303, "/operator/owners")


async def test_a_cookie_needs_tls_off_this_machine(world: World) -> None:
    """Elsewhere the cookie is bound to the host and to TLS, and operators' pages are framed nowhere."""
    browser = Browser(world.app, world.keys, host="keys.example.com")
    assert world.root.key is not None
    answer = await sign_in(browser, world.root.key)
    cookie = next(each for each in answer.cookies if "operator=" in each)
    assert cookie.startswith("__Host-operator=")
    assert "; Secure" in cookie
    page = await browser.get("/operator/owners")
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("pages", [PagesSettings(frame_ancestors=("https://app.example.com",))])
async def test_the_pages_of_operators_are_framed_nowhere(world: World, pages: PagesSettings) -> None:
    """Also where those of customers are."""
    service = world.app.service
    assert service is not None
    world.app.service = replace(service, settings=replace(service.settings, pages=pages))
    world.app._load = lambda: replace(service.settings, pages=pages)
    world.app.reload()
    page = await Browser(world.app, world.keys).get("/operator/sign-in")
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "https://app.example.com" not in str(page.headers)


async def test_a_wrong_root_key_is_refused_in_words(world: World, browser: Browser) -> None:
    """A customer's key, an unknown key, a text, two keys and nothing: one sentence at the field, and no echo."""
    customer = await world.customer_key()
    root = await world.root_key("keys:read", networks=["198.51.100.0/24"])
    wrong = [customer.plaintext, root, "root_live_" + "0" * 54 + "ss1" + "0" * 6, "canary-77 no key", f"{root},{root}",
             "é", "", "x" * 3000]  # fmt: skip
    for text in wrong:
        answer = await sign_in(browser, text)
        assert answer.status in {400, 401}, text
        page = answer.body.decode()
        assert "This is not a root key that is accepted here." in page
        assert 'aria-invalid="true"' in page
        assert not text or text not in page
        assert "operator" not in browser.jar


@pytest.mark.parametrize(
    ("status", "told"), [(429, "has used up its rate"), (503, "cannot be checked now"), (403, "not a root key")]
)
async def test_other_refusals_are_told_apart(
    world: World, browser: Browser, monkeypatch: pytest.MonkeyPatch, status: int, told: str
) -> None:
    """A key over its limit, a store that is down, and a refusal of any other kind."""
    service = world.app.service
    assert service is not None

    async def refuse(*_: object) -> HttpAnswer:
        return HttpAnswer(status, (), b"")

    monkeypatch.setattr(service.root, "authenticate", refuse)
    answer = await sign_in(browser, "some text")
    assert answer.status == status
    assert told in answer.body.decode()


async def test_a_limited_root_key_signs_in_as_often_as_its_limit_allows(world: World, browser: Browser) -> None:
    """A sign-in counts as a request of the key."""
    key = await world.root_key("owners:read", rate_limit="1/hour")
    assert (await sign_in(browser, key)).status == 303
    assert (await sign_in(Browser(world.app, world.keys), key)).status == 429
    assert (await browser.get("/operator/owners")).status == 200


async def test_a_store_that_is_down_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page says so, and nobody is signed out by it."""
    browser = await operator(world)

    async def broken(*_: object, **__: object) -> None:
        raise StoreError("the store is down")

    with monkeypatch.context() as patch:
        patch.setattr(world.keys, "get", broken)
        assert (await browser.get("/operator/owners")).status == 503
    assert (await browser.get("/operator/owners")).status == 200


async def test_a_sign_out_ends_the_session(world: World) -> None:
    """A cookie that was stolen before is good no more."""
    browser, thief = await operator(world), Browser(world.app, world.keys)
    thief.jar = dict(browser.jar)
    await browser.get("/operator/owners")
    assert (await browser.post("/operator/sign-out")).headers["location"] == "/operator/sign-in"
    assert (await thief.get("/operator/owners")).status == 303


async def test_an_operator_signs_in_at_the_provider(world: World, browser: Browser, provider: OidcProvider) -> None:
    """The rights are those of the line of the settings, and the events name the person."""
    assert "Sign in with your organisation" in (await browser.get("/operator/sign-in")).body.decode()
    answer = await at_provider(browser, provider)
    assert (answer.status, answer.headers["location"]) == (303, "/operator")
    assert "attempt" not in browser.jar
    await world.keys.owners.put("acme")
    await browser.get("/operator/owner/suspend?id=acme")
    await browser.post("/operator/owner/suspend", {"owner": "acme", "sure": "yes"})
    event = (await world.keys.owners.events("acme"))[-1]
    assert (event.kind.value, event.actor, event.origin) == ("suspended", "operator ann@example.com", "192.0.2.7")
    assert (await browser.get("/operator/plans")).status == 403


async def test_the_line_of_the_settings_is_asked_for_each_request(
    world: World, browser: Browser, provider: OidcProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rights that the settings take away are gone at once, and with its line, or with its provider, a session ends."""
    await at_provider(browser, provider)
    assert (await browser.get("/operator/owners")).status == 200
    other = Browser(world.app, world.keys)
    await at_provider(other, provider)
    service = world.app.service
    assert service is not None
    assert service.settings.pages is not None
    assert service.settings.pages.oidc is not None
    rule = service.settings.pages.oidc.operators[0]
    for person, change, status in (
        (browser, {"operators": (rule._replace(rights=("keys:read",)),)}, 403),
        (browser, {"operators": (rule._replace(value="others"),)}, 303),
        (other, {"issuer": "https://other.example.com"}, 303),
    ):
        changed = oidc_settings(provider, **change)
        new = replace(service.settings, pages=replace(service.settings.pages, oidc=changed))
        monkeypatch.setattr(world.app, "_load", partial(replace, new))
        world.app.reload()
        assert (await person.get("/operator/owners")).status == status


async def test_a_callback_is_refused_in_words(world: World, browser: Browser, provider: OidcProvider) -> None:
    """Sent again, by another browser, or after a refusal of the provider: a page says so, and nobody is signed in."""
    left = await browser.get("/operator/sign-in/provider")
    assert {"HttpOnly", "SameSite=Lax", "Max-Age=600"} <= set(left.cookies[0].split("; "))
    back = provider.visit(left.headers["location"], **ANN)
    target = f"{BACK}?code={back['code']}&state={back['state']}"
    stolen = await Browser(world.app, world.keys).get(target)
    assert stolen.status == 400
    assert "did not begin this sign-in" in stolen.body.decode()
    kept = dict(browser.jar)
    assert (await browser.get(target)).status == 303
    browser.jar = kept
    again = await browser.get(target)
    assert again.status == 400
    assert "was ended before" in again.body.decode()
    await browser.get("/operator/sign-in/provider")
    denied = await browser.get(f"{BACK}?error=access_denied&error_description=canary-text&state={back['state']}")
    assert denied.status in {400, 403}
    assert "canary-text" not in denied.body.decode()


async def test_a_provider_that_is_down_is_told(world: World, browser: Browser, provider: OidcProvider) -> None:
    """The other way to sign in is named, and works."""
    provider.answers["/.well-known/openid-configuration"] = (500, b"")
    answer = await browser.get("/operator/sign-in/provider")
    assert answer.status == 503
    assert "sign in by a root key" in answer.body.decode()
    assert world.root.key is not None
    assert (await sign_in(browser, world.root.key)).status == 303


def test_each_refusal_of_a_sign_in_has_its_words() -> None:
    """The sentences of the pages are those of the problems that a sign-in ends with."""
    codes = {
        found
        for module in (sign_in_module, signing_in)
        for found in findall(r'Problem\(\s*\d+,\s*"(\w+)"', Path(str(module.__file__)).read_text())
    }
    assert len(codes) > 5
    assert set(REFUSALS) == codes


async def test_a_refusal_is_in_the_language_of_the_reader(browser: Browser, provider: OidcProvider) -> None:
    """The exact reason for an administrator stands beside it, as the provider's token has it."""
    german = {"accept_language": "de"}
    unknown = (await browser.get(f"{BACK}?code=x&state=y", **german)).body.decode()
    assert "Dieser Browser hat diese Anmeldung nicht begonnen" in unknown
    assert "Sign in again" not in unknown
    left = await browser.get("/operator/sign-in/provider")
    back = provider.visit(left.headers["location"], **{**ANN, "aud": "another service"})
    refused = await browser.get(f"{BACK}?code={back['code']}&state={back['state']}", **german)
    page = refused.body.decode()
    assert refused.status == 400
    assert "Der Anmeldedienst hat kein Token gegeben" in page
    assert '<p class="dim" lang="en" dir="ltr">the token of the provider is not accepted' in page


async def test_without_a_provider_there_is_no_way_to_one(browser: Browser) -> None:
    """The button is missing, and the addresses say that a root key is needed."""
    assert "organisation" not in (await browser.get("/operator/sign-in")).body.decode()
    for target in ("/operator/sign-in/provider", BACK):
        assert (await browser.get(target)).status == 404


async def test_no_secret_is_shown_or_logged(
    world: World, browser: Browser, provider: OidcProvider, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the text of a root key nor the secret at the provider: not in pages, headers, cookies or logs."""
    caplog.set_level(logging.DEBUG)
    bad = world.root.key[:-1] + ("a" if world.root.key[-1] != "a" else "b") if world.root.key else ""
    assert world.root.key is not None
    answers = [await sign_in(browser, bad), await sign_in(browser, world.root.key)]
    answers += [await browser.get(target.format(owner="x", plan="x", key="0" * 22, root=world.root_key_id))
                for target in GETS.values()]  # fmt: skip
    other = Browser(world.app, world.keys)
    answers.append(await at_provider(other, provider))
    provider.answers["/token"] = (401, b"{}")
    answers.append(await at_provider(Browser(world.app, world.keys), provider))
    provider.answers["/token"] = (500, b"{}")
    answers.append(await at_provider(Browser(world.app, world.keys), provider))
    assert [each.status for each in answers[-3:]] == [303, 400, 503]
    shown = caplog.text + repr(world.settings)
    for answer in answers:
        shown += answer.body.decode() + str(dict(answer.headers)) + str(answer.cookies)
    for secret in (world.root.key, bad, SECRET):
        assert secret not in shown
        assert secret[15:40] not in shown
