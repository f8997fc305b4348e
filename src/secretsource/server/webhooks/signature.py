"""The signature of a webhook in the form of Standard Webhooks, and the secrets that sign. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

from secretsource.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["read_signing_secret", "signed_headers"]

_PREFIX = "whsec_"
_LEAST, _MOST = 24, 64


def read_signing_secret(text: str) -> bytes:
    """Return the bytes of a signing secret.

    Args:
        text: ``whsec_`` and 24 to 64 bytes in base64, as receivers have it.

    Raises:
        ConfigurationError: It is of another form; no part of it is in the message.
    """
    try:
        secret = b64decode(text.removeprefix(_PREFIX).encode("ascii"), validate=True)
    except ValueError:
        secret = b""
    if text.startswith(_PREFIX) and _LEAST <= len(secret) <= _MOST:
        return secret
    del text, secret  # a traceback shows no secret
    raise ConfigurationError("the signing secret must be whsec_ and 24 to 64 bytes in base64")


def signed_headers(secrets: Sequence[bytes], id: str, seconds: int, body: bytes) -> Mapping[str, str]:
    """Return the headers of a webhook: one signature by each secret that is valid now.

    Args:
        secrets: The secrets, the newest first.
        id: The identifier of the message.
        seconds: The time of the attempt, in whole seconds since 1970 UTC.
        body: The body as it is sent.
    """
    content = b"%s.%d.%s" % (id.encode(), seconds, body)
    signatures = [b64encode(hmac.digest(secret, content, "sha256")).decode() for secret in secrets]
    return {
        "Content-Type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(f"v1,{each}" for each in signatures),
    }
