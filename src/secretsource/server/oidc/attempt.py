"""One attempt to sign in, between the way to the provider and the way back. Pure.

The browser keeps it as a cookie of random text; the state, the nonce and the verifier are derived from that. So the
service remembers nothing, and any process of it can end what another one began. The time of the beginning is part of
the text: another time makes another state.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import NamedTuple

__all__ = ["LASTS", "Attempt", "begun", "read_attempt"]

LASTS = 600
"""Seconds for which an attempt may be ended."""
SKEW = 60
"""Seconds by which the clocks of two machines may differ; one may end what the other began."""
_FORM = re.compile(r"([0-9]{1,12})\.[A-Za-z0-9_-]{43}")


class Attempt(NamedTuple):
    """The texts that an attempt sends to the provider, and expects back.

    Attributes:
        state: The text that the way back must name; the provider passes it on.
        nonce: The text that the ID token must name.
        verifier: The secret that the code is exchanged with (PKCE); 43 characters.
    """

    state: str
    nonce: str
    verifier: str

    @property
    def challenge(self) -> str:
        """The hash of the verifier, which the provider compares (S256)."""
        return _text(sha256(self.verifier.encode()).digest())

    def __repr__(self) -> str:
        return "Attempt(<masked>)"


def begun(randomness: bytes, now: float) -> str:
    """Return the text of a new attempt, for the cookie.

    Args:
        randomness: 32 random bytes.
        now: The present, in seconds since 1970 UTC.
    """
    return f"{int(now)}.{_text(randomness)}"


def read_attempt(text: str, now: float) -> Attempt | None:
    """Read an attempt; return None for any other text, and for an attempt that is too old.

    Args:
        text: The cookie.
        now: The present, in seconds since 1970 UTC.
    """
    found = _FORM.fullmatch(text)
    if found is None or not -SKEW <= now - int(found[1]) < LASTS + 1:
        return None
    return Attempt(*(_text(hmac.digest(text.encode(), name.encode(), "sha256")) for name in Attempt._fields))


def _text(value: bytes) -> str:
    """Return 32 bytes as 43 characters that a URL may have."""
    return urlsafe_b64encode(value).rstrip(b"=").decode("ascii")
