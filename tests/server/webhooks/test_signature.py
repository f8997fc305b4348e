"""Signing secrets, and the headers that they sign."""

from __future__ import annotations

import hmac
from base64 import b64encode

import pytest

from secretsource.exceptions import ConfigurationError
from secretsource.server.webhooks.signature import read_signing_secret, signed_headers


def written(secret: bytes) -> str:
    """A secret as receivers have it."""
    return f"whsec_{b64encode(secret).decode()}"


@pytest.mark.parametrize("length", [24, 25, 63, 64])
def test_a_signing_secret_has_24_to_64_bytes(length: int) -> None:
    """In base64, behind its prefix."""
    secret = bytes(range(length))
    assert read_signing_secret(written(secret)) == secret


@pytest.mark.parametrize(
    "text",
    [
        "", "whsec_", written(bytes(23)), written(bytes(65)), written(bytes(32)).removeprefix("whsec_"),
        written(bytes(32)).upper(), written(bytes(32)) + "!", "whsec_" + "é" * 44,
    ],
)  # fmt: skip
def test_a_secret_of_another_form_is_refused(text: str) -> None:
    """And no part of it is in the message."""
    with pytest.raises(ConfigurationError, match=r"must be whsec_ and 24 to 64 bytes in base64$"):
        read_signing_secret(text)


def test_each_secret_signs() -> None:
    """The identifier, the time and the body, as Standard Webhooks has it; the newest secret first."""
    new, old = bytes(24), bytes(64)
    headers = signed_headers([new, old], "msg_1", 1_700_000_000, b'{"a": 1}')
    signed = b'msg_1.1700000000.{"a": 1}'
    expected = [f"v1,{b64encode(hmac.digest(each, signed, 'sha256')).decode()}" for each in (new, old)]
    assert headers == {
        "Content-Type": "application/json",
        "webhook-id": "msg_1",
        "webhook-timestamp": "1700000000",
        "webhook-signature": " ".join(expected),
    }
