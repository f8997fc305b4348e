"""GitHub, as far as the endpoint for leaks sees it: keys of its own, signatures, and a list of public keys."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

__all__ = ["Signer", "listing"]


class Signer:
    """A key pair of GitHub."""

    def __init__(self, curve: ec.EllipticCurve | None = None) -> None:
        self.private = ec.generate_private_key(curve or ec.SECP256R1())
        self.pem = self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        self.identifier = sha256(self.pem.encode()).hexdigest()

    @property
    def entry(self) -> dict[str, Any]:
        """Its entry in the list of public keys."""
        return {"key_identifier": self.identifier, "key": self.pem, "is_current": True}

    def headers(self, body: bytes, identifier: str | None = None) -> dict[str, str]:
        """The headers of a signed report; each signature of the same body is another text."""
        return {
            "github_public_key_identifier": self.identifier if identifier is None else identifier,
            "github_public_key_signature": b64encode(self.private.sign(body, ec.ECDSA(SHA256()))).decode(),
        }


def listing(*signers: Signer) -> bytes:
    """The document with the public keys."""
    return json.dumps({"public_keys": [signer.entry for signer in signers]}).encode()
