"""Write ``key_format_v1.json``: keys that the library made, with all that another implementation needs to check them.

Run it from the root of the tree when the grammar gets a new version, never to make a failing test pass:
``python tests/vectors/generate_key_vectors.py``.
"""

from __future__ import annotations

import json
from pathlib import Path
from zlib import crc32

from secretsource.issuing._key import base62 as _base62
from secretsource.issuing._key.format import KeyFormat
from secretsource.issuing._key.hashing import Pepper
from secretsource.issuing._key.locator import LocatorSeal, locator_key

PEPPERS = ("a pepper for test vectors only 01", "pfeffer für Prüfvektoren, nicht geheim")
OWNERS = (
    "0", "1", "42", "18446744073709551615",  # integers
    "a", "acme", "007", "-", "a-1", "zzzzzzzzzzzz", "------------",  # slugs
    "18446744073709551616", "Acme", "acme gmbh", "münchen", "abcdefghijklm", "x" * 255,  # matched by their hash
)  # fmt: skip
FRONTS = (("sk", "live"), ("pk", "test"), ("a", "aa"), ("a234567890123456", "abcdefgh"))
SERIALS = (0, 1, 0xFFFFFFFF, 0x12345678)


def vector(pepper: str, owner: str, serial: int, prefix: str, environment: str) -> dict[str, object]:
    """One key, taken apart."""
    made_with = Pepper(pepper)
    locator = LocatorSeal(locator_key(made_with)).seal(owner, serial)
    key = KeyFormat().mint(prefix, environment, locator)
    return {
        "pepper": pepper,
        "owner": owner,
        "serial": serial,
        "prefix": prefix,
        "environment": environment,
        "locator": locator,
        "key": key,
        "crc": crc32(key[:-6].encode()),
        "display": KeyFormat.display(prefix, environment, locator),
        "hash": made_with.hash(key).hex(),
        "pepper_version": made_with.version,
    }


def rejected(key: str) -> list[dict[str, str]]:
    """Texts made from one key that are none."""
    return [
        {"text": "", "reason": "malformed"},
        {"text": key[:-1], "reason": "malformed"},
        {"text": key + "0", "reason": "malformed"},
        {"text": key + "\n", "reason": "malformed"},
        {"text": " " + key, "reason": "malformed"},
        {"text": key.replace("ss1", "ss2"), "reason": "malformed"},
        {"text": key.replace("_", "-", 1), "reason": "malformed"},
        {"text": key.upper(), "reason": "malformed"},
        {"text": key[:20] + "é" + key[21:], "reason": "malformed"},
        {"text": key[:20] + "\0" + key[21:], "reason": "malformed"},
        {"text": key[:-7] + "1" + "zzzzzz", "reason": "bad_checksum"},
        {"text": "p" + key[1:], "reason": "bad_checksum"},
        {"text": with_crc(f"sk_live_{_base62.encode(2**128, 22)}{'0' * 32}ss1"), "reason": "malformed"},
    ]


def with_crc(body: str) -> str:
    """A text whose checksum is right."""
    return body + _base62.encode(crc32(body.encode()), 6)


def main() -> None:
    """Write the file."""
    accepted = [
        vector(PEPPERS[place % 2], owner, SERIALS[place % 4], *FRONTS[place % 4]) for place, owner in enumerate(OWNERS)
    ]
    vectors = {"grammar": 1, "accepted": accepted, "rejected": rejected(str(accepted[0]["key"]))}
    path = Path(__file__).with_name("key_format_v1.json")
    path.write_text(json.dumps(vectors, indent=1) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
