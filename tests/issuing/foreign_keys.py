"""Keys that other systems made, each with the row that its system keeps; by the real thing where there is one."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import argon2
import bcrypt

CANARY = "canary51c0de77a4"
"""Part of every key; no message, no log and no output may hold it, nor what it hashes to."""


def key(kind: str) -> str:
    """The whole key; what is before the last dot names it."""
    return f"{kind.replace('_', '').replace('-', '')[:14]}.{CANARY}{kind}"


def rows() -> dict[str, dict[str, Any]]:
    """A row for each way in which a key can be imported, by its kind."""
    made = {
        "sha256": "sha256$" + _digest("sha256", "sha256").hex(),
        "sha256-base64": "sha256$" + base64.b64encode(_digest("sha256", "sha256-base64")).decode(),
        "sha256-base64url": "sha256$" + base64.urlsafe_b64encode(_digest("sha256", "sha256-base64url")).decode()[:43],
        "sha512": "sha512$" + _digest("sha512", "sha512").hex(),
        "unkey": "unkey$" + base64.b64encode(_digest("sha256", "unkey")).decode(),
        "drf-sha512": "drf-api-key$sha512$$" + _digest("sha512", "drf-sha512").hex(),
        "drf-pbkdf2": "drf-api-key$" + _django("drf-pbkdf2", "sha256"),
        "drf-argon2": "drf-api-key$argon2" + _argon2("drf-argon2"),
        "pbkdf2_sha256": _django("pbkdf2_sha256", "sha256"),
        "pbkdf2_sha512": _django("pbkdf2_sha512", "sha512"),
        "bcrypt": "bcrypt$" + _bcrypt("bcrypt"),
        "bcrypt-bare": _bcrypt("bcrypt-bare"),
        "argon2": "argon2$" + _argon2("argon2"),
        "argon2-bare": _argon2("argon2-bare"),
        "argon2-django": "argon2" + _argon2("argon2-django"),
    }
    described = {kind: {"hash": written, "head": key(kind).rpartition(".")[0]} for kind, written in made.items()}
    bare = {"hash": _digest("sha256", "bare").hex(), "algorithm": "SHA-256"}
    plain = {"plaintext": key("plaintext")}
    return {kind: {"owner": "acme", **row} for kind, row in {**described, "bare": bare, "plaintext": plain}.items()}


def _digest(algorithm: str, kind: str) -> bytes:
    return hashlib.new(algorithm, key(kind).encode()).digest()


def _django(kind: str, function: str) -> str:
    derived = hashlib.pbkdf2_hmac(function, key(kind).encode(), b"saltysalt", 10)
    return f"pbkdf2_{function}$10$saltysalt${base64.b64encode(derived).decode()}"


def _bcrypt(kind: str) -> str:
    return bcrypt.hashpw(key(kind).encode(), bcrypt.gensalt(4)).decode()


def _argon2(kind: str) -> str:
    return argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(key(kind))


ROWS = rows()
KINDS = list(ROWS)
