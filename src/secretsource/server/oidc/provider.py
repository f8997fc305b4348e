"""The OpenID Connect provider: its document, its public keys, and the exchange of a code for an ID token.

Each answer has a bound of time and of size. The document and the keys are kept for an hour; a key that is not known has
the keys asked for again, at most once a minute.
"""

from __future__ import annotations

import asyncio
import json
import logging
from base64 import b64encode
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode

from secretsource import get_secret
from secretsource.exceptions import SecretSourceError
from secretsource.server.oidc.id_token import TokenRefused, read_keys
from secretsource.server.outgoing.fetching import FetchError, Form, fetch
from secretsource.server.outgoing.targets import is_safe

if TYPE_CHECKING:
    from collections.abc import Callable

    from joserfc.jwk import KeySet

    from secretsource.server.oidc.settings import OidcSettings

__all__ = ["CodeRefused", "Provider", "ProviderDown"]

WITHIN = 10.0
"""Seconds that one answer may take."""
MOST_BYTES = 256 * 1024
"""Bytes of one answer."""
LASTS = 3600.0
"""Seconds for which the document and the keys are kept."""
PAUSE = 5.0
"""Seconds for which a provider that did not answer is not asked again; browsers that come meanwhile do not wait."""
EVERY = 60.0
"""Seconds between two readings of the keys for the sake of one that is not known."""
_log = logging.getLogger(__name__)


class ProviderDown(Exception):
    """The provider could not be asked, or did not answer in the promised form; the log says more."""


class CodeRefused(Exception):
    """The provider does not accept the code."""


class Places(NamedTuple):
    """The addresses of the provider, and how it wants the secret of the service."""

    authorization: str
    token: str
    keys: str
    takes_basic: bool


class Provider:
    """The provider of one process.

    Args:
        settings: The settings of the sign-in.
        clock: Returns monotonic seconds.
    """

    def __init__(self, settings: OidcSettings, clock: Callable[[], float] = monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._places: Places | None = None
        self._keys: KeySet | None = None
        self._places_until = self._keys_until = self._tried = self._down_until = float("-inf")
        self._turn = asyncio.Lock()

    async def places(self) -> Places:
        """Return the addresses of the provider.

        Raises:
            ProviderDown: They could not be read.
        """
        async with self._turn:
            if self._places is None or self._clock() >= self._places_until:
                self._places = await self._find_places()
                self._places_until = self._clock() + LASTS
            return self._places

    async def _find_places(self) -> Places:
        """Read the document of the provider, unless that failed a moment ago."""
        if self._clock() < self._down_until:
            raise ProviderDown
        try:
            return _places(await self._read(f"{self._settings.issuer.rstrip('/')}{_DOCUMENT}"), self._settings)
        except ProviderDown:
            self._down_until = self._clock() + PAUSE
            raise

    async def keys(self, *, again: bool = False) -> KeySet:
        """Return the public keys of the provider.

        Args:
            again: Whether a key was not among them.

        Raises:
            ProviderDown: They could not be read.
        """
        address = (await self.places()).keys
        async with self._turn:
            now = self._clock()
            is_old = self._keys is None or now >= self._keys_until
            if self._keys is None or is_old or (again and now >= self._tried + EVERY):
                self._tried = now
                self._keys = _keys(await self._read(address))
                self._keys_until = now + LASTS
            return self._keys

    async def exchange(self, code: str, verifier: str) -> object:
        """Return the ID token that a code stands for.

        Args:
            code: The code that the browser brought.
            verifier: The secret of the attempt.

        Raises:
            CodeRefused: The provider does not accept the code.
            ProviderDown: The provider could not be asked.
        """
        places = await self.places()
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._settings.redirect_uri,
            "code_verifier": verifier,
        }
        form = _form(fields, self._settings.client_id, await self._secret(), places.takes_basic)
        del fields, code, verifier
        document: Any = await self._read(places.token, form)
        return document.get("id_token") if isinstance(document, dict) else None

    async def _secret(self) -> str | None:
        reference = self._settings.client_secret
        if reference is None:
            return None
        try:
            return await asyncio.to_thread(get_secret, reference)
        except SecretSourceError as error:
            _log.error("the secret of the sign-in could not be read: %s", error)
        raise ProviderDown

    async def _read(self, address: str, form: Form | None = None) -> object:
        """Return a document of the provider.

        Raises:
            CodeRefused: It answered a form with 400 or 401.
            ProviderDown: It did not answer with a document.
        """
        refused = False
        try:
            answer = await asyncio.to_thread(fetch, address, within=WITHIN, most=MOST_BYTES, form=form)
            return json.loads(answer)
        except FetchError as error:
            refused = form is not None and error.status in {400, 401}
            _log.warning("the provider of the sign-in: %s", error)
        except (ValueError, RecursionError):
            _log.warning("the provider of the sign-in did not answer with JSON")
        if refused:
            raise CodeRefused
        raise ProviderDown


_DOCUMENT = "/.well-known/openid-configuration"
_ADDRESSES = {"authorization": "authorization_endpoint", "token": "token_endpoint", "keys": "jwks_uri"}


def _places(document: Any, settings: OidcSettings) -> Places:
    """Read the document of a provider; each address in it must be as safe as its own."""
    told: dict[str, Any] = document if isinstance(document, dict) else {}
    if told.get("issuer") != settings.issuer:
        _log.error("the provider of the sign-in names itself otherwise than the setting issuer does")
        raise ProviderDown
    addresses = {name: told.get(key) for name, key in _ADDRESSES.items()}
    if not all(isinstance(each, str) and is_safe(each) for each in addresses.values()):
        _log.error("the provider of the sign-in names no address, or one without https")
        raise ProviderDown
    methods = told.get("token_endpoint_auth_methods_supported")
    posts = isinstance(methods, list) and "client_secret_post" in methods and "client_secret_basic" not in methods
    return Places(**addresses, takes_basic=not posts)  # type: ignore[arg-type]  # they are texts by now


def _keys(document: object) -> KeySet:
    try:
        return read_keys(document)
    except TokenRefused as error:
        _log.error("the provider of the sign-in: %s", error)
    raise ProviderDown


def _form(fields: dict[str, str], client_id: str, secret: str | None, takes_basic: bool) -> Form:
    """Write the form of an exchange, with the secret where the provider wants it (RFC 6749, section 2.3.1)."""
    if secret is None:
        return Form(urlencode({**fields, "client_id": client_id}).encode())
    if takes_basic:
        pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
        return Form(urlencode(fields).encode(), f"Basic {b64encode(pair.encode()).decode('ascii')}")
    return Form(urlencode({**fields, "client_id": client_id, "client_secret": secret}).encode())
