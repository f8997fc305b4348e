"""The ID token of a sign-in: its signature and its claims, verified by Authlib. Pure; the time is an argument."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import (
    BadSignatureError,
    ExpiredTokenError,
    InvalidClaimError,
    InvalidKeyIdError,
    InvalidKeyTypeError,
    JoseError,
    MissingClaimError,
)
from joserfc.jwk import KeySet, import_key
from joserfc.jws import JWSRegistry

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Expected", "TokenRefused", "UnknownSigner", "read_id_token", "read_keys"]

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Signatures with a key of the provider; a shared secret (HS256) and no signature (none) are not among them."""
LEEWAY = 60
"""Seconds by which the clock of the provider may differ."""
LONGEST = 64 * 1024
MOST_KEYS = 100
_BY_ANOTHER_KEY = (InvalidKeyIdError, BadSignatureError, InvalidKeyTypeError)
"""A provider need not name its only key: to the one before, a token by the next one looks wrong, or of another kind."""
_MISTAKES = {
    "iss": "it is from another provider",
    "aud": "it is for another service",
    "azp": "it is for another service",
    "nonce": "it belongs to another sign-in",
}


class TokenRefused(Exception):
    """An ID token that is not accepted; the text says why, and quotes nothing of it."""


class UnknownSigner(TokenRefused):
    """The key that signed the token is not among those of the provider."""


class Expected(NamedTuple):
    """The facts that a token must name.

    Attributes:
        issuer: The provider.
        client_id: The name of the service at the provider.
        nonce: The text of the attempt.
        now: The present, in seconds since 1970 UTC.
    """

    issuer: str
    client_id: str
    nonce: str
    now: float


def read_keys(document: object) -> KeySet:
    """Read the public keys of a provider; other entries are left out.

    Args:
        document: The JSON Web Key Set.

    Raises:
        TokenRefused: No key is in it.
    """
    listed: Any = document.get("keys") if isinstance(document, dict) else None
    keys = []
    for each in listed[:MOST_KEYS] if isinstance(listed, list) else ():
        try:
            keys.append(import_key(each))
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            continue
    if not keys:
        raise TokenRefused("the keys of the provider cannot be read")
    return KeySet(keys)


def read_id_token(text: object, keys: KeySet, expected: Expected) -> Mapping[str, object]:
    """Return the claims of a token that is accepted.

    Args:
        text: The token.
        keys: The public keys of the provider.
        expected: The facts that the token must name.

    Raises:
        UnknownSigner: It was signed by another key.
        TokenRefused: It is not accepted.
    """
    if not isinstance(text, str) or len(text) > LONGEST:
        raise TokenRefused("the provider gave no token")
    try:
        token = jwt.decode(text, keys, registry=JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False))
        options: Any = {"iss": {"value": expected.issuer}, "aud": {"value": expected.client_id}}
        claims = CodeIDToken(token.claims, token.header, options, expected._asdict())
        claims.validate(now=int(expected.now), leeway=LEEWAY)
        return dict(claims)
    except _BY_ANOTHER_KEY:
        unknown, mistake = True, "no key of the provider signed its token"
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        unknown, mistake = False, _mistake(error)
    if unknown:
        raise UnknownSigner(mistake)
    raise TokenRefused(f"the token of the provider is not accepted: {mistake}")


def _mistake(error: Exception) -> str:
    """Return the reason in words; no text of the token is in it."""
    if isinstance(error, ExpiredTokenError):
        return "it has expired"
    if isinstance(error, (InvalidClaimError, MissingClaimError)):
        return _MISTAKES.get(error.claim, "a claim of it is missing or wrong")
    return "its signature or its form is wrong"
