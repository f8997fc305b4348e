"""The sign-in of operators at a provider: what lets a person in, and every way to be refused."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from joserfc.jwk import ECKey, OctKey
from tests.server.oidc.oidc_provider import BACK, KEYS, SECRET, OidcProvider, oidc_settings, running

from secretsource.server.oidc.attempt import LASTS, begun, read_attempt
from secretsource.server.oidc.provider import EVERY, PAUSE, Provider
from secretsource.server.oidc.settings import OidcSettings, OperatorRule
from secretsource.server.oidc.sign_in import AT_ONCE, Departure, OidcSignIn
from secretsource.server.problems import Problem
from secretsource.testing.servers._process import reserved_port

if TYPE_CHECKING:
    from collections.abc import Generator

    from secretsource.server.oidc.standing import Person

ANN = {"groups": ["staff", "platform"], "email": "ann@example.com", "email_verified": True}


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Generator[OidcProvider]:
    """A provider that knows the service."""
    monkeypatch.setenv("OIDC_CLIENT_SECRET", SECRET)
    with running() as found:
        yield found


async def signed_in(provider: OidcProvider, sign_in: OidcSignIn | None = None, **claims: Any) -> Person:
    """Go there and back."""
    sign_in = sign_in or OidcSignIn(oidc_settings(provider))
    departure = await sign_in.depart()
    return await sign_in.arrive(departure.cookie, provider.visit(departure.address, **(claims or ANN)))


async def refusal(provider: OidcProvider, sign_in: OidcSignIn | None = None, **claims: Any) -> Problem:
    """Go there and back, and return why the person is not let in."""
    with pytest.raises(Problem) as caught:
        await signed_in(provider, sign_in, **claims)
    return caught.value


async def test_an_operator_signs_in(provider: OidcProvider) -> None:
    """The claims make the rights, and the name for the pages."""
    person = await signed_in(provider)
    assert person == ("u-1", "ann@example.com", OperatorRule("groups", "platform", ("keys:*", "owners:*")))
    assert provider.asked == ["/.well-known/openid-configuration", "/token", "/keys"]


async def test_the_document_and_the_keys_are_kept(provider: OidcProvider) -> None:
    """A second sign-in exchanges its code, and asks nothing more; after an hour both are read again."""
    now = [0.0]
    settings = oidc_settings(provider)
    sign_in = OidcSignIn(settings, Provider(settings, lambda: now[0]))
    await signed_in(provider, sign_in)
    del provider.asked[:]
    await signed_in(provider, sign_in)
    assert provider.asked == ["/token"]
    now[0] = 3600.0
    await signed_in(provider, sign_in)
    assert provider.asked == ["/token", "/.well-known/openid-configuration", "/token", "/keys"]


@pytest.mark.parametrize(
    ("claims", "person"),
    [
        ({}, None),
        ({"groups": "platform"}, ("keys:*", None)),
        ({"groups": ["platform"]}, ("keys:*", None)),
        ({"groups": ["platforms", "Platform"]}, None),
        ({"groups": {"platform": True}}, None),
        ({"email": "ann@example.com", "email_verified": True}, ("keys:read", "acme")),
        ({"email": "ann@example.com"}, None),
        ({"email": "ann@example.com", "email_verified": "true"}, None),
        ({"email": "ann@example.com", "email_verified": True, "groups": ["platform"]}, ("keys:*", None)),
    ],
)
async def test_only_a_stated_claim_makes_an_operator(
    provider: OidcProvider, claims: dict[str, Any], person: tuple[str, str | None] | None
) -> None:
    """The first line that matches counts; an address that the provider did not verify is no claim."""
    if person is None:
        refused = await refusal(provider, None, **{"sub": "u-1", **claims})
        assert (refused.status, refused.code) == (403, "not_an_operator")
    else:
        found = await signed_in(provider, **claims)
        assert person[0] in found.rule.rights
        assert found.rule.owner == person[1]


async def test_nobody_is_an_operator_by_default(provider: OidcProvider) -> None:
    """Without a line, the provider lets in nobody."""
    refused = await refusal(provider, OidcSignIn(oidc_settings(provider, operators=())))
    assert refused.code == "not_an_operator"


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"iss": "https://other.example.com"}, "it is from another provider"),
        ({"iss": None}, "it is from another provider"),
        ({"aud": "another"}, "it is for another service"),
        ({"aud": None}, "it is for another service"),
        ({"aud": "another", "azp": "the service"}, "it is for another service"),
        ({"aud": ["the service", "another"]}, "it is for another service"),
        ({"aud": ["the service", "another"], "azp": "another"}, "it is for another service"),
        ({"nonce": "of another sign-in"}, "it belongs to another sign-in"),
        ({"nonce": None}, "it belongs to another sign-in"),
        ({"exp": int(time.time()) - 3600}, "it has expired"),
        ({"exp": "soon"}, "a claim of it is missing or wrong"),
        ({"iat": int(time.time()) + 3600}, "a claim of it is missing or wrong"),
        ({"sub": None}, "a claim of it is missing or wrong"),
    ],
)
async def test_a_token_with_a_wrong_claim_is_refused(provider: OidcProvider, claims: dict[str, Any], why: str) -> None:
    """Whatever else it says; the sentence quotes nothing of it."""
    provider.claims = claims
    refused = await refusal(provider)
    assert (refused.status, refused.code) == (400, "token_refused")
    assert refused.detail == f"the token of the provider is not accepted: {why}: sign in again"


@pytest.mark.parametrize(
    ("header", "signer"),
    [
        ({"alg": "none"}, KEYS[0]),
        ({"alg": "HS256"}, OctKey.import_key("a secret that both sides know, of 256 bits")),
        ({}, KEYS[1]),
        ({"kid": "second"}, KEYS[1]),
    ],
)
async def test_a_token_that_the_provider_did_not_sign_is_refused(
    provider: OidcProvider, header: dict[str, str], signer: Any
) -> None:
    """No signature, one with a shared secret, one of another key, and one of an unknown key."""
    provider.header, provider.signer = header, signer
    refused = await refusal(provider)
    assert (refused.status, refused.code) == (400, "token_refused")


async def test_a_new_key_of_the_provider_is_read_at_most_once_a_minute(provider: OidcProvider) -> None:
    """A provider that changes its key is followed, and made-up names of keys do not flood it."""
    now = [0.0]
    settings = oidc_settings(provider)
    sign_in = OidcSignIn(settings, Provider(settings, lambda: now[0]))
    await signed_in(provider, sign_in)
    provider.header, provider.signer, provider.published = {"kid": "second"}, KEYS[1], KEYS
    assert (await refusal(provider, sign_in)).code == "token_refused"
    assert provider.asked.count("/keys") == 1
    now[0] += EVERY
    await signed_in(provider, sign_in)
    assert provider.asked.count("/keys") == 2


@pytest.mark.parametrize(("following", "alg"), [(KEYS[1], "RS256"), (ECKey.generate_key("P-256"), "ES256")])
async def test_a_key_without_a_name_is_followed_by_the_next(provider: OidcProvider, following: Any, alg: str) -> None:
    """A provider that has one key at a time names none; the next one may be of another kind."""
    now = [0.0]
    settings = oidc_settings(provider)
    sign_in = OidcSignIn(settings, Provider(settings, lambda: now[0]))
    provider.header = {"kid": None}
    await signed_in(provider, sign_in)
    provider.header, provider.signer, provider.published = {"kid": None, "alg": alg}, following, [following]
    now[0] += EVERY
    await signed_in(provider, sign_in)


async def test_a_callback_is_good_once(provider: OidcProvider) -> None:
    """Also with the cookie that began it; and a provider that takes a code twice is not asked again."""
    sign_in = OidcSignIn(oidc_settings(provider))
    departure = await sign_in.depart()
    query = provider.visit(departure.address, **ANN)
    await sign_in.arrive(departure.cookie, query)
    asked = len(provider.asked)
    with pytest.raises(Problem, match="was ended before"):
        await sign_in.arrive(departure.cookie, query)
    assert len(provider.asked) == asked


async def test_a_code_is_good_once_for_all_processes(provider: OidcProvider) -> None:
    """Another process has not seen the attempt: the provider refuses the code."""
    first, second = (OidcSignIn(oidc_settings(provider)) for _ in range(2))
    departure = await first.depart()
    query = provider.visit(departure.address, **ANN)
    await second.arrive(departure.cookie, query)
    with pytest.raises(Problem) as caught:
        await first.arrive(departure.cookie, query)
    assert (caught.value.status, caught.value.code) == (400, "code_refused")


async def test_a_stolen_callback_is_refused(provider: OidcProvider) -> None:
    """A browser without the cookie, or with that of its own attempt, cannot end the attempt of another."""
    sign_in = OidcSignIn(oidc_settings(provider))
    departure, own = await sign_in.depart(), await sign_in.depart()
    query = provider.visit(departure.address, **ANN)
    older = f"{int(departure.cookie.partition('.')[0]) - 1}.{departure.cookie.partition('.')[2]}"
    for cookie in (None, "", "x", own.cookie, older, departure.cookie + "A", f" {departure.cookie}"):
        with pytest.raises(Problem) as caught:
            await sign_in.arrive(cookie, query)
        assert (caught.value.status, caught.value.code) == (400, "sign_in_unknown"), cookie
    with pytest.raises(Problem, match="did not begin"):
        await sign_in.arrive(departure.cookie, {**query, "state": "é"})
    assert await sign_in.arrive(departure.cookie, query), "none of these spent it"


async def test_a_code_of_another_attempt_is_refused(provider: OidcProvider) -> None:
    """A code that was put into another attempt does not fit its verifier."""
    sign_in = OidcSignIn(oidc_settings(provider))
    departure, other = await sign_in.depart(), await sign_in.depart()
    query = provider.visit(departure.address, **ANN)
    injected = {**query, "code": provider.visit(other.address, **ANN)["code"]}
    with pytest.raises(Problem) as caught:
        await sign_in.arrive(departure.cookie, injected)
    assert caught.value.code == "code_refused"


def test_an_attempt_ends_after_ten_minutes() -> None:
    """And begins at most a minute in the future, by another clock; its parts differ, and stay the same."""
    cookie = begun(bytes(32), 1000.9)
    found = read_attempt(cookie, 1000.9)
    assert found is not None
    assert len({*found, found.challenge, cookie}) == 5
    assert all(len(each) == 43 for each in found)
    assert found == read_attempt(cookie, 1000 + LASTS)
    assert found == read_attempt(cookie, 940.0)
    for now in (939.9, 1001.0 + LASTS):
        assert read_attempt(cookie, now) is None
    assert str(found) == "Attempt(<masked>)"


async def test_a_late_callback_is_refused(provider: OidcProvider) -> None:
    """Ten minutes after it began, an attempt is over."""
    now = [time.time()]
    sign_in = OidcSignIn(oidc_settings(provider), clock=lambda: now[0])
    departure = await sign_in.depart()
    query = provider.visit(departure.address, **ANN)
    now[0] += LASTS + 1
    with pytest.raises(Problem, match="too long ago"):
        await sign_in.arrive(departure.cookie, query)


@pytest.mark.parametrize("change", [{"error": "access_denied"}, {"code": ""}, {"code": "x" * 5000}])
async def test_a_person_that_the_provider_refuses_is_told_so(provider: OidcProvider, change: dict[str, str]) -> None:
    """Nothing is exchanged."""
    sign_in = OidcSignIn(oidc_settings(provider))
    departure = await sign_in.depart()
    with pytest.raises(Problem) as caught:
        await sign_in.arrive(departure.cookie, {**provider.visit(departure.address, **ANN), **change})
    assert (caught.value.status, caught.value.code) == (403, "sign_in_refused")
    assert "/token" not in provider.asked


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://other.example.com"},
        {"issuer": None},
        {"token_endpoint": None},
        {"token_endpoint": "http://login.example.com/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": ["https://login.example.com"]},
    ],
)
async def test_a_provider_with_another_name_or_an_unsafe_address_is_not_used(
    provider: OidcProvider, document: dict[str, Any]
) -> None:
    """The browser is not sent there, and no secret is."""
    provider.document = document
    with pytest.raises(Problem) as caught:
        await OidcSignIn(oidc_settings(provider)).depart()
    assert (caught.value.status, caught.value.code) == (503, "provider_unavailable")


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/keys"])
@pytest.mark.parametrize("answer", [(500, b"{}"), (200, b"no JSON"), (302, b""), (200, b" " * (256 * 1024 + 1))])
async def test_a_provider_that_is_out_of_order_is_named_as_that(
    provider: OidcProvider, path: str, answer: tuple[int, bytes]
) -> None:
    """At each of its addresses: a defect, a page, a redirect, and an answer without an end."""
    provider.answers[path] = answer
    refused = await refusal(provider)
    assert (refused.status, refused.code) == (503, "provider_unavailable")
    assert dict(refused.headers)["Retry-After"] == "5"


async def test_a_provider_that_is_down_is_named_as_that(provider: OidcProvider) -> None:
    """Nobody listens at its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        settings = oidc_settings(provider, issuer=f"http://127.0.0.1:{free.getsockname()[1]}")
        with pytest.raises(Problem, match="cannot be asked now"):
            await OidcSignIn(settings).depart()


async def test_a_provider_that_is_down_is_not_asked_by_each_browser(provider: OidcProvider) -> None:
    """Those that come within a moment are told at once; after it the provider is asked again."""
    now = [0.0]
    settings = oidc_settings(provider)
    sign_in = OidcSignIn(settings, Provider(settings, lambda: now[0]))
    provider.answers = {"/.well-known/openid-configuration": (500, b"")}
    refused = await asyncio.gather(*(sign_in.depart() for _ in range(5)), return_exceptions=True)
    assert all(isinstance(each, Problem) for each in refused)
    assert len(provider.asked) == 1
    provider.answers = {}
    now[0] = PAUSE - 0.1
    with pytest.raises(Problem):
        await sign_in.depart()
    now[0] = PAUSE
    assert await signed_in(provider, sign_in)


async def test_few_sign_ins_wait_for_the_provider_at_once(provider: OidcProvider) -> None:
    """One more is refused at once, so that a slow provider holds up nothing else; later there is room again."""
    settings = oidc_settings(provider)
    going = asyncio.Event()

    class Slow(Provider):
        async def exchange(self, code: str, verifier: str) -> object:
            await going.wait()
            return await super().exchange(code, verifier)

    sign_in = OidcSignIn(settings, Slow(settings))
    ways = [await sign_in.depart() for _ in range(AT_ONCE + 1)]
    queries = [provider.visit(each.address, **ANN) for each in ways]
    waiting = [
        asyncio.create_task(sign_in.arrive(each.cookie, query)) for each, query in zip(ways[:-1], queries, strict=False)
    ]
    await asyncio.sleep(0)
    with pytest.raises(Problem) as caught:
        await sign_in.arrive(ways[-1].cookie, queries[-1])
    assert caught.value.code == "provider_unavailable"
    going.set()
    assert len(await asyncio.gather(*waiting)) == AT_ONCE
    assert await signed_in(provider, sign_in)


@pytest.mark.parametrize("methods", [None, ["client_secret_post"], ["client_secret_basic", "client_secret_post"]])
async def test_the_secret_goes_where_the_provider_wants_it(provider: OidcProvider, methods: list[str] | None) -> None:
    """In a header, or in the form if the provider takes nothing else."""
    provider.document = {"token_endpoint_auth_methods_supported": methods}
    assert await signed_in(provider)


async def test_a_client_without_a_secret_sends_none(provider: OidcProvider) -> None:
    """It names itself in the form, and the verifier alone protects the code."""
    provider.is_public = True
    assert await signed_in(provider, OidcSignIn(oidc_settings(provider, client_secret=None)))


@pytest.mark.parametrize("answer", [b"{}", b"[]", b'{"id_token": 5}', b'{"id_token": "%s"}' % (b"x" * 70_000)])
async def test_an_answer_without_a_token_is_refused(provider: OidcProvider, answer: bytes) -> None:
    """No token, one that is not a text, and one that is too long to be read."""
    provider.answers["/token"] = (200, answer)
    assert (await refusal(provider)).detail == "the provider gave no token: sign in again"


async def test_keys_of_other_kinds_are_left_out(provider: OidcProvider) -> None:
    """An entry that cannot be read does no harm to the others."""
    listed = [{"kty": "of tomorrow"}, 5, {}, KEYS[0].as_dict(private=False)]
    provider.answers["/keys"] = (200, json.dumps({"keys": listed}).encode())
    assert await signed_in(provider)


async def test_spent_attempts_are_forgotten_in_their_order(
    provider: OidcProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The memory is bounded; the provider refuses the code of a forgotten one."""
    monkeypatch.setattr("secretsource.server.oidc.sign_in._REMEMBERED", 2)
    sign_in = OidcSignIn(oidc_settings(provider))
    ways = []
    for _ in range(3):
        departure = await sign_in.depart()
        ways.append((departure.cookie, provider.visit(departure.address, **ANN)))
        await sign_in.arrive(*ways[-1])
    codes = []
    for way in reversed(ways):
        with pytest.raises(Problem) as caught:
            await sign_in.arrive(*way)
        codes.append(caught.value.code)
    assert codes == ["sign_in_spent", "sign_in_spent", "code_refused"]


async def test_no_secret_is_in_a_log_or_an_error(
    provider: OidcProvider, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the client's secret nor the code, the verifier or the token, however the sign-in fails."""
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    for path, answer in (("/token", (500, b"{}")), ("/token", (401, b"{}")), ("/keys", (200, b"{}"))):
        provider.answers = {path: answer}
        error = await refusal(provider)
        told += traceback.TracebackException.from_exception(error, capture_locals=True).format()
    monkeypatch.delenv("OIDC_CLIENT_SECRET")
    absent = await refusal(provider, OidcSignIn(oidc_settings(provider, client_secret="ref+env://OIDC_CLIENT_OTHER")))
    assert (absent.status, absent.code) == (503, "provider_unavailable")
    text = "".join(told) + caplog.text + repr(oidc_settings(provider))
    assert "OIDC_CLIENT_OTHER" in caplog.text
    assert SECRET not in text
    assert "Basic " not in text
    assert str(Departure("https://x", "y")) == "Departure(<masked>)"


def test_the_mock_of_others_lets_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that is not ours: the form is posted as a person would, and the browser is sent back."""
    monkeypatch.setenv("OIDC_CLIENT_SECRET", SECRET)
    with reserved_port() as port:
        command = [str(Path(sys.executable).parent / "oidc-provider-mock"), "--host", "127.0.0.1", "--port", str(port)]
        mock = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": ""}
        )
        issuer = f"http://127.0.0.1:{port}"
        try:
            for _ in range(600):
                try:
                    httpx.get(f"{issuer}/.well-known/openid-configuration").raise_for_status()
                    break
                except httpx.HTTPError:
                    assert mock.poll() is None
                    time.sleep(0.05)
            rules = (OperatorRule("sub", "ann", ("keys:read",)),)
            settings = OidcSettings(issuer, "c", BACK, "ref+env://OIDC_CLIENT_SECRET", operators=rules)

            async def conversation() -> Person:
                sign_in = OidcSignIn(settings)
                departure = await sign_in.depart()
                sent_back = await asyncio.to_thread(httpx.post, departure.address, data={"sub": "ann"})
                back = httpx.URL(sent_back.headers["location"])
                assert str(back).startswith(BACK)
                return await sign_in.arrive(departure.cookie, dict(back.params))

            assert asyncio.run(conversation()).rule is rules[0]
        finally:
            mock.terminate()
            mock.wait(60)
