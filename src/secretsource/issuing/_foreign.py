"""Hashes that other systems made: described by a text, verified once, then replaced by one of ours. Pure.

=============================================  ==================================================================
``sha256$…``, ``sha512$…``                     the digest of the whole key, in hexadecimal or base64 (either alphabet)
``unkey$…``                                    an Unkey export: SHA-256, base64
``drf-api-key$…``                              a ``hashed_key`` of djangorestframework-api-key, in any of its forms
``pbkdf2_sha256$iterations$salt$…``            as Django writes it; also ``pbkdf2_sha512``
``bcrypt$$2b$…``                               modular crypt format; needs the package ``bcrypt``
``argon2$$argon2id$…``                         PHC string; needs the package ``argon2-cffi``
=============================================  ==================================================================

The last two may also stand alone, as other systems keep them. A digest without salt is found by itself. A salted one
cannot be, so its key must start with something that names it: the part before the last ``.``, ``:``, ``_`` or ``-``,
which an import gives as the key's *head*.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode
from binascii import Error as Base64Error
from hmac import compare_digest
from typing import Any

from secretsource.exceptions import ConfigurationError, InvalidRequest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SEPARATORS = ".:_-"
_DIGEST_SIZES = {"sha256": 32, "sha512": 64}
_MOST_ITERATIONS = 10_000_000
_MOST_COST, _MOST_PASSES, _MOST_KIBIBYTES = 18, 100, 2**20
"""What one verification may take: tens of seconds, or a gigabyte of memory; a hash that asks for more is a lever."""

_IS_BCRYPT = re.compile(r"\$2[aby]\$([0-9]{2})\$[./0-9A-Za-z]{53}")


def matches(described: str, text: str) -> bool:
    """Whether a key is the one a described hash was made from; compares in constant time.

    Args:
        described: One of the forms above.
        text: The whole key.

    Raises:
        InvalidRequest: The description is of none of the forms above.
        ConfigurationError: The package that verifies it is not installed.
    """
    algorithm, _, rest = described.partition("$")
    verify = _VERIFIERS.get(algorithm)
    if verify is not None:
        return verify(algorithm, rest, text.encode())
    del text
    raise InvalidRequest(_unknown(algorithm))


def described(written: str, algorithm: str | None = None) -> str:
    """A hash in one of the forms above, from how another system keeps it.

    Args:
        written: The hash; modular crypt format, a PHC string, what Django writes, or one of the forms above.
        algorithm: What a bare digest was made with, such as ``SHA-256``.
    """
    if algorithm is not None:
        kind = algorithm.lower().replace("-", "").replace("pbkdf2", "pbkdf2_").replace("__", "_")
        written = written if written.startswith((f"{kind}$", "$")) else f"{kind}${written}"
    if written.startswith("$2"):
        return f"bcrypt${written}"
    if written.startswith("$argon2"):
        return f"argon2${written}"
    return written.replace("argon2$argon2", "argon2$$argon2", 1) if written.startswith("argon2$argon2") else written


def check(described: str) -> None:
    """See that a hash can be verified when its key comes; what it is made of is in none of the sentences.

    Args:
        described: One of the forms above.

    Raises:
        InvalidRequest: It is of none of them, is cut short, or asks for more work than one request is worth.
        ConfigurationError: The package that verifies it is not installed.
    """
    algorithm, _, rest = described.partition("$")
    if algorithm == "drf-api-key":
        algorithm, _, rest = rest.partition("$")
        rest = f"${rest}" if algorithm == "argon2" else rest.removeprefix("$") if algorithm == "sha512" else rest
        sound = algorithm in {"sha512", "argon2"} or algorithm.startswith("pbkdf2_")
    else:
        algorithm, sound = "sha256" if algorithm == "unkey" else algorithm, algorithm in _VERIFIERS
    if not sound or algorithm not in _VERIFIERS:
        raise InvalidRequest(
            f"hash does not say how it was made: put one of {', '.join(sorted(_VERIFIERS))} and $ in front"
        )
    if not _is_sound(algorithm, rest):
        raise InvalidRequest(f"hash is not one of {algorithm}, is cut short, or asks for more work than it is worth")


def _is_sound(algorithm: str, rest: str) -> bool:
    if algorithm in _DIGEST_SIZES:
        return _digest(algorithm, rest) is not None
    if algorithm == "bcrypt":
        _load("bcrypt", "bcrypt")
        match = _IS_BCRYPT.fullmatch(rest)
        return match is not None and 4 <= int(match[1]) <= _MOST_COST
    if algorithm == "argon2":
        return _is_sound_argon2(rest)
    return _pbkdf2_parts(algorithm, rest) is not None


def lookup(described: str, head: str | None = None) -> bytes:
    """What a record with this hash is found by.

    Args:
        described: One of the forms above.
        head: How the key starts, up to a separator that is left out; needed where the hash is salted.

    Returns:
        32 or 64 bytes.

    Raises:
        InvalidRequest: The description is of none of the forms above, or is salted and there is no head.
    """
    algorithm, _, rest = described.partition("$")
    if algorithm == "drf-api-key" and rest.startswith("sha512$$"):
        algorithm, rest = "sha512", rest.removeprefix("sha512$$")
    elif algorithm == "unkey":
        algorithm = "sha256"
    if algorithm in _DIGEST_SIZES:
        digest = _digest(algorithm, rest)
        if digest is None:
            raise InvalidRequest(
                f"a {algorithm} hash is neither hexadecimal nor base64 of {_DIGEST_SIZES[algorithm]} bytes"
            )
        return digest
    if algorithm not in _VERIFIERS:
        raise InvalidRequest(_unknown(algorithm))
    if not head:
        raise InvalidRequest(f"a {algorithm} hash is salted: give the beginning of the key that names it")
    return _head(head)


def lookups(text: str) -> tuple[bytes, ...]:
    """What an imported key may be found by: its digests without salt, and its possible heads.

    Args:
        text: The whole key.

    Returns:
        2 to 6 values of 32 or 64 bytes.
    """
    whole = text.encode()
    heads = (text.rpartition(separator)[0] for separator in _SEPARATORS)
    return hashlib.sha256(whole).digest(), hashlib.sha512(whole).digest(), *(_head(head) for head in heads if head)


def _head(head: str) -> bytes:
    return hashlib.sha256(b"secretsource head v1\0" + head.encode()).digest()


def _unknown(algorithm: str) -> str:
    return f"hashes of the kind {algorithm[:40]!r} cannot be verified: known are {', '.join(sorted(_VERIFIERS))}"


def _digest(algorithm: str, written: str) -> bytes | None:
    size = _DIGEST_SIZES[algorithm]
    try:
        if len(written) == 2 * size:
            return bytes.fromhex(written)
        padded = written.rstrip("=") + "=" * (-len(written.rstrip("=")) % 4)
        digest = b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)
    except (ValueError, Base64Error):
        return None
    return digest if len(digest) == size else None


def _plain(algorithm: str, rest: str, key: bytes) -> bool:
    digest = _digest(algorithm, rest)
    return digest is not None and compare_digest(hashlib.new(algorithm, key).digest(), digest)


def _unkey(_: str, rest: str, key: bytes) -> bool:
    return _plain("sha256", rest, key)


def _drf_api_key(_: str, rest: str, key: bytes) -> bool:
    algorithm, _, inner = rest.partition("$")
    if algorithm == "sha512":
        return _plain("sha512", inner.removeprefix("$"), key)
    if algorithm == "argon2":
        return _argon2(algorithm, "$" + inner, key)
    return algorithm.startswith("pbkdf2_") and _pbkdf2(algorithm, inner, key)


def _pbkdf2(algorithm: str, rest: str, key: bytes) -> bool:
    parts = _pbkdf2_parts(algorithm, rest)
    if parts is None:
        return False
    function, salt, iterations, digest = parts
    return compare_digest(hashlib.pbkdf2_hmac(function, key, salt, iterations), digest)


def _pbkdf2_parts(algorithm: str, rest: str) -> tuple[str, bytes, int, bytes] | None:
    function = algorithm.removeprefix("pbkdf2_")
    iterations, _, salted = rest.partition("$")
    salt, _, written = salted.partition("$")
    digest = _digest(function, written) if function in _DIGEST_SIZES else None
    if digest is None or not re.fullmatch("[0-9]{1,8}", iterations) or not 0 < int(iterations) <= _MOST_ITERATIONS:
        return None
    return function, salt.encode(), int(iterations), digest


def _bcrypt(_: str, rest: str, key: bytes) -> bool:
    checkpw = _load("bcrypt", "bcrypt").checkpw
    if len(key) > 72 or b"\0" in key:  # bcrypt reads no further, so a longer key would pass with any ending
        return False
    try:
        return bool(checkpw(key, rest.encode()))
    except ValueError:
        return False


def _argon2(_: str, rest: str, key: bytes) -> bool:
    argon2 = _load("argon2", "argon2-cffi")
    try:
        return bool(argon2.PasswordHasher().verify(rest, key))
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


def _is_sound_argon2(rest: str) -> bool:
    argon2 = _load("argon2", "argon2-cffi")
    try:
        parameters = argon2.extract_parameters(rest)
    except (argon2.exceptions.InvalidHashError, ValueError):
        return False
    return bool(parameters.time_cost <= _MOST_PASSES and parameters.memory_cost <= _MOST_KIBIBYTES)


def _load(module: str, package: str) -> Any:
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError:
        pass
    raise ConfigurationError(f"keys imported with {module} hashes need a package: run  pip install {package}")


_VERIFIERS: Mapping[str, Callable[[str, str, bytes], bool]] = {
    "sha256": _plain,
    "sha512": _plain,
    "unkey": _unkey,
    "drf-api-key": _drf_api_key,
    "pbkdf2_sha256": _pbkdf2,
    "pbkdf2_sha512": _pbkdf2,
    "bcrypt": _bcrypt,
    "argon2": _argon2,
}
