"""Hashes that other systems made: described by a text, verified once, then replaced by one of ours. Pure.

    =========================================  ===================================================================
    ``sha256$…``, ``sha512$…``                 the digest of the whole key, in hexadecimal or base64 (either alphabet)
    ``unkey$…``                                an Unkey export: SHA-256, base64
    ``drf-api-key$…``                          a ``hashed_key`` of djangorestframework-api-key, in any of its forms
    ``pbkdf2_sha256$iterations$salt$…``        as Django writes it; also ``pbkdf2_sha512``
    ``bcrypt$$2b$…``                           modular crypt format; needs the package ``bcrypt``
    ``argon2$$argon2id$…``                     PHC string; needs the package ``argon2-cffi``
    =========================================  ===================================================================

The last two may also stand alone, as other systems store them. A digest without salt is found by itself. A salted hash
is not, so its key must start with a name: the part before the last ``.``, ``:``, ``_`` or ``-``. An import passes this
name as the key's *head*.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode
from binascii import Error as Base64Error
from hmac import compare_digest
from typing import Any

from secretsource._ground.key_text import quote
from secretsource.exceptions import ConfigurationError, InvalidRequest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SEPARATORS = ".:_-"
_DIGEST_SIZES = {"sha256": 32, "sha512": 64}
_ARGON2_VERSIONS = (16, 19)
_MOST_ITERATIONS = 2_000_000
_MOST_COST = 14
_MOST_PASSES, _MOST_KIBIBYTES, _MOST_LANES, _MOST_WORK = 64, 2**18, 16, 2**20
"""Bounds of one verification: a second or two, 256 MiB of memory and 16 threads. An argon2 hash makes as many passes
over so many kibibytes, and their product counts. A hash above a bound is a lever: any guess would pull it.
"""

_ARGON2 = (
    r"\$argon2(?:id|i|d)(?:\$v=([0-9]{1,3}))?\$m=([0-9]{1,10}),t=([0-9]{1,10}),p=([0-9]{1,8})"
    r"\$[A-Za-z0-9+/]{1,128}\$[A-Za-z0-9+/]{1,128}"
)
_BCRYPT = r"\$2[aby]\$([0-9]{2})\$[./0-9A-Za-z]{53}"
"""Neither is compiled here: few processes meet a hash of another system."""


def matches(described: str, text: str) -> bool:
    """Return whether a described hash was made from a key; compares in constant time.

    Args:
        described: A hash in one of the forms above.
        text: The whole key.

    Raises:
        InvalidRequest: The description has another form.
        ConfigurationError: The package that verifies it is not installed.
    """
    algorithm, _, rest = described.partition("$")
    verify = _VERIFIERS.get(algorithm)
    if verify is not None:
        return is_worth_it(described) and verify(algorithm, rest, text.encode())
    del text
    raise InvalidRequest(_unknown(algorithm))


def described(written: str, algorithm: str | None = None) -> str:
    """Return a hash in one of the forms above, from the form of another system.

    Args:
        written: The hash; modular crypt format, a PHC string, a hash as Django writes it, or one of the forms above.
        algorithm: The algorithm of a bare digest, such as ``SHA-256``.
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
    """Check that a hash can be verified when its key comes; no error contains its digest or salt.

    Args:
        described: A hash in one of the forms above.

    Raises:
        InvalidRequest: It has another form, is cut short, or asks for more work than one request is worth.
        ConfigurationError: The package that verifies it is not installed.
    """
    algorithm, rest = _made_with(described)
    if algorithm not in _VERIFIERS:
        raise InvalidRequest(
            f"hash does not say how it was made: put one of {', '.join(sorted(_VERIFIERS))} and $ in front"
        )
    if not _is_sound(algorithm, rest):
        raise InvalidRequest(f"hash is not one of {algorithm}, or is cut short")
    complaint = _complaint(algorithm, rest)
    if complaint is not None:
        raise InvalidRequest(complaint)


def is_worth_it(described: str) -> bool:
    """Return whether verifying a hash takes no more work than a guess is worth; also asked of hashes stored long ago.

    Args:
        described: A hash in one of the forms above.
    """
    return _complaint(*_made_with(described)) is None


def is_slow(described: str) -> bool:
    """Return whether a hash was made to be slow; a digest without salt was not.

    Args:
        described: A hash in one of the forms above.
    """
    return _made_with(described)[0] not in _DIGEST_SIZES


def _made_with(described: str) -> tuple[str, str]:
    """Return the algorithm of a hash, and its parameters; an unknown algorithm has no verifier."""
    algorithm, _, rest = described.partition("$")
    if algorithm == "drf-api-key":
        algorithm, _, rest = rest.partition("$")
        if algorithm == "argon2":
            rest = f"${rest}"
        elif algorithm == "sha512":
            rest = rest.removeprefix("$")
        known = algorithm in {"sha512", "argon2"} or algorithm.startswith("pbkdf2_")
        return algorithm if known else "", rest
    return "sha256" if algorithm == "unkey" else algorithm, rest


def _complaint(algorithm: str, rest: str) -> str | None:
    """Return the excess of a hash, or None; an unreadable hash matches no key, and costs nothing."""
    if algorithm == "bcrypt":
        match = re.fullmatch(_BCRYPT, rest)
        if match is not None and int(match[1]) > _MOST_COST:
            return f"bcrypt hashes may have a cost of at most {_MOST_COST}, not {int(match[1])}"
    elif algorithm.startswith("pbkdf2_"):
        iterations = rest.partition("$")[0]
        if not iterations.isascii() or not iterations.isdigit() or len(iterations) > 8:
            return f"{algorithm} hashes must begin with the number of their iterations, at most {_MOST_ITERATIONS}"
        if int(iterations) > _MOST_ITERATIONS:
            return f"{algorithm} hashes may have at most {_MOST_ITERATIONS} iterations, not {int(iterations)}"
    elif algorithm == "argon2":
        return _argon2_complaint(rest)
    return None


def _argon2_complaint(rest: str) -> str | None:
    _load("argon2", "argon2-cffi")
    match = re.fullmatch(_ARGON2, rest)
    if match is None:
        return "argon2 hashes must be PHC strings, such as  $argon2id$v=19$m=65536,t=3,p=4$SALT$HASH"
    version, memory, passes, lanes = (int(each or 16) for each in match.groups())
    if version not in _ARGON2_VERSIONS:
        return f"argon2 hashes must have version 16 or 19, not {version}"
    if memory > _MOST_KIBIBYTES or passes > _MOST_PASSES or lanes > _MOST_LANES or memory * passes > _MOST_WORK:
        return (
            f"argon2 hashes may ask for m={_MOST_KIBIBYTES}, t={_MOST_PASSES}, p={_MOST_LANES} and m*t={_MOST_WORK} at "
            f"most, not m={memory}, t={passes}, p={lanes}"
        )
    return None


def _is_sound(algorithm: str, rest: str) -> bool:
    if algorithm in _DIGEST_SIZES:
        return _digest(algorithm, rest) is not None
    if algorithm == "bcrypt":
        _load("bcrypt", "bcrypt")
        match = re.fullmatch(_BCRYPT, rest)
        return match is not None and int(match[1]) >= 4
    if algorithm == "argon2":
        return _is_sound_argon2(rest)
    return _pbkdf2_parts(algorithm, rest) is not None


def lookup(described: str, head: str | None = None) -> bytes:
    """Return the value that finds a record with this hash.

    Args:
        described: A hash in one of the forms above.
        head: The beginning of the key, up to a separator that is left out; needed for a salted hash.

    Returns:
        32 or 64 bytes.

    Raises:
        InvalidRequest: The description has another form, or is salted and the head is missing.
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
    """Return the values that may find an imported key: its digests without salt, and its possible heads.

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
    return f"hashes of the kind {quote(algorithm, 40)} cannot be verified: known are {', '.join(sorted(_VERIFIERS))}"


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
    if digest is None or not re.fullmatch("[0-9]{1,8}", iterations) or not int(iterations):
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
        argon2.extract_parameters(rest)
    except (argon2.exceptions.InvalidHashError, ValueError):
        return False
    return True


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
