"""The sign-in of an operator at the provider: the way there, and the way back.

    there   a cookie for this browser, and a redirect with the state, the nonce and the challenge (PKCE, S256)
    back    the cookie is spent; the code is exchanged for an ID token; its claims make the operator

Every refusal is a `Problem` with one sentence for the page.
"""

from __future__ import annotations

import hmac
import os
from collections import OrderedDict
from hashlib import sha256
from time import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from secretsource.server.oidc.attempt import begun, read_attempt
from secretsource.server.oidc.id_token import Expected, TokenRefused, UnknownSigner, read_id_token
from secretsource.server.oidc.provider import CodeRefused, Provider, ProviderDown
from secretsource.server.oidc.standing import Person, standing
from secretsource.server.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from secretsource.server.oidc.settings import OidcSettings

__all__ = ["Departure", "OidcSignIn"]

AT_ONCE = 4
"""Sign-ins of one process that wait for the provider."""
_REMEMBERED = 10_000
"""Attempts of one process that are known to be spent; about 1 MB."""
_LONGEST_CODE = 4096


class Departure(NamedTuple):
    """The way to the provider.

    Attributes:
        address: Where the browser goes.
        cookie: The text that the browser keeps meanwhile.
    """

    address: str
    cookie: str

    def __repr__(self) -> str:
        return "Departure(<masked>)"


class OidcSignIn:
    """The sign-in of one process.

    Args:
        settings: The settings of the sign-in.
        provider: The provider.
        clock: Returns seconds since 1970 UTC.
    """

    def __init__(
        self, settings: OidcSettings, provider: Provider | None = None, clock: Callable[[], float] = time
    ) -> None:
        self._settings = settings
        self._provider = provider or Provider(settings)
        self._clock = clock
        self._spent: OrderedDict[bytes, None] = OrderedDict()
        self._waiting = 0

    async def depart(self) -> Departure:
        """Start an attempt.

        Raises:
            Problem: The provider cannot be asked.
        """
        cookie = begun(os.urandom(32), self._clock())
        attempt = read_attempt(cookie, self._clock())
        assert attempt is not None, "it began just now"
        try:
            places = await self._provider.places()
        except ProviderDown:
            places = None
        if places is None:
            raise _down()
        question = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._settings.redirect_uri,
            "scope": " ".join(self._settings.scopes),
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in places.authorization else "?"
        return Departure(f"{places.authorization}{joint}{urlencode(question)}", cookie)

    async def arrive(self, cookie: str | None, query: Mapping[str, str]) -> Person:
        """End an attempt, and return the operator.

        Args:
            cookie: The text that the browser kept.
            query: The parameters that the provider sent it back with.

        Raises:
            Problem: The sign-in is refused, or the provider cannot be asked.
        """
        now = self._clock()
        attempt = read_attempt(cookie or "", now)
        if cookie is None or attempt is None or not _same(query.get("state", ""), attempt.state):
            raise Problem(
                400, "sign_in_unknown", "this browser did not begin this sign-in, or did too long ago: sign in again"
            )
        if not self._spend(cookie):
            raise Problem(400, "sign_in_spent", "this sign-in was ended before: sign in again")
        code = query.get("code", "")
        if "error" in query or not 0 < len(code) <= _LONGEST_CODE:
            raise Problem(403, "sign_in_refused", "the provider did not let you sign in: ask its administrator")
        if self._waiting >= AT_ONCE:
            raise _down()
        self._waiting += 1
        try:
            claims = await self._claims(code, attempt.verifier, attempt.nonce, now)
        finally:
            self._waiting -= 1
        person = standing(claims, self._settings.operators, self._settings.name_claim)
        if person is None:
            raise Problem(
                403, "not_an_operator", "you are signed in at the provider, but you are not an operator of this service"
            )
        return person

    async def _claims(self, code: str, verifier: str, nonce: str, now: float) -> Mapping[str, object]:
        expected = Expected(self._settings.issuer, self._settings.client_id, nonce, now)
        try:
            token = await self._provider.exchange(code, verifier)
            try:
                return read_id_token(token, await self._provider.keys(), expected)
            except UnknownSigner:
                pass
            return read_id_token(token, await self._provider.keys(again=True), expected)
        except CodeRefused:
            refusal = Problem(400, "code_refused", "the provider does not accept this sign-in any more: sign in again")
        except TokenRefused as error:
            refusal = Problem(400, "token_refused", f"{error}: sign in again")
        except ProviderDown:
            refusal = _down()
        raise refusal

    def _spend(self, cookie: str) -> bool:
        """Return whether an attempt is ended for the first time."""
        spent = sha256(cookie.encode()).digest()
        if spent in self._spent:
            return False
        self._spent[spent] = None
        if len(self._spent) > _REMEMBERED:
            self._spent.popitem(last=False)
        return True


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())


def _down() -> Problem:
    return Problem(
        503,
        "provider_unavailable",
        "the provider cannot be asked now: try again later, or sign in by a root key",
        headers=(("Retry-After", "5"),),
    )
