"""Check ``key_format_v1.json`` from the written grammar alone: nothing of the library is used here.

AES (FIPS 197), HKDF (RFC 5869) and the checksum are written out, so that a mistake in the library, or in what it
builds on, cannot agree with itself. ``python tests/vectors/check_key_vectors.py`` prints each fault and how many keys
were checked.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import sys
from pathlib import Path

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
GRAMMAR = re.compile(r"([a-z][a-z0-9]{0,15})_([a-z]{2,8})_([0-9A-Za-z]{22})([0-9A-Za-z]{32})ss1([0-9A-Za-z]{6})\Z")
SLUG_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz-"


def double(byte: int) -> int:
    """A byte times x in AES's field."""
    return (byte << 1 ^ 0x1B) & 0xFF if byte & 0x80 else byte << 1


def times(left: int, right: int) -> int:
    """Two bytes multiplied in AES's field."""
    product = 0
    while right:
        product ^= left if right & 1 else 0
        left, right = double(left), right >> 1
    return product


def substitute(byte: int) -> int:
    """AES's S-box, by its definition: the inverse, then the affine map."""
    inverse = next((other for other in range(256) if times(byte, other) == 1), 0)
    rotated = [(inverse << shift | inverse >> (8 - shift)) & 0xFF for shift in range(5)]
    return rotated[0] ^ rotated[1] ^ rotated[2] ^ rotated[3] ^ rotated[4] ^ 0x63


SBOX = [substitute(byte) for byte in range(256)]


def round_keys(key: bytes) -> list[list[int]]:
    """The eleven round keys of AES-128."""
    words = [list(key[place : place + 4]) for place in range(0, 16, 4)]
    constant = 1
    while len(words) < 44:
        word = words[-1]
        if len(words) % 4 == 0:
            word = [SBOX[byte] for byte in word[1:] + word[:1]]
            word[0] ^= constant
            constant = double(constant)
        words.append([old ^ new for old, new in zip(words[-4], word, strict=True)])
    return [[byte for word in words[place : place + 4] for byte in word] for place in range(0, 44, 4)]


def aes(key: bytes, block: bytes) -> bytes:
    """One block enciphered with AES-128."""
    first, *middle, last = round_keys(key)
    state = [byte ^ part for byte, part in zip(block, first, strict=True)]
    for part in [*middle, None]:
        state = [SBOX[state[(place + 4 * (place % 4)) % 16]] for place in range(16)]  # substitute and shift rows
        if part is None:
            return bytes(byte ^ end for byte, end in zip(state, last, strict=True))
        mixed = []
        for column in range(0, 16, 4):
            a, b, c, d = state[column : column + 4]
            mixed += [
                double(a) ^ double(b) ^ b ^ c ^ d, a ^ double(b) ^ double(c) ^ c ^ d,
                a ^ b ^ double(c) ^ double(d) ^ d, double(a) ^ a ^ b ^ c ^ double(d),
            ]  # fmt: skip
        state = [byte ^ add for byte, add in zip(mixed, part, strict=True)]
    raise AssertionError("the last round returns")


def derive(pepper: str, info: bytes, length: int) -> bytes:
    """HKDF-SHA256 with an empty salt."""
    extracted = hmac.new(b"", pepper.encode(), hashlib.sha256).digest()
    return hmac.new(extracted, info + bytes([1]), hashlib.sha256).digest()[:length]


def crc32(text: bytes) -> int:
    """CRC-32 as in zlib, bit by bit."""
    remainder = 0xFFFFFFFF
    for byte in text:
        remainder ^= byte
        for _ in range(8):
            remainder = remainder >> 1 ^ (0xEDB88320 if remainder & 1 else 0)
    return remainder ^ 0xFFFFFFFF


def base62(number: int, width: int) -> str:
    """A number in base62, padded."""
    text = ""
    for _ in range(width):
        number, digit = divmod(number, 62)
        text = DIGITS[digit] + text
    return text


def owner_bits(owner: str, key: bytes) -> tuple[int, bytes]:
    """What the owner's kind and 64 bits must be."""
    if re.fullmatch("0|[1-9][0-9]*", owner) and int(owner) < 2**64:
        return 1, int(owner).to_bytes(8, "big")
    if re.fullmatch("[0-9a-z-]{1,12}", owner):
        number = 0
        for place in range(12):
            number = number * 38 + (SLUG_DIGITS.index(owner[place]) + 1 if place < len(owner) else 0)
        return 2, number.to_bytes(8, "big")
    return 0, hmac.new(key, owner.encode(), hashlib.sha256).digest()[:8]


def faults_of_key(vector: dict[str, object]) -> list[str]:
    """What is wrong with one accepted vector."""
    pepper, key = str(vector["pepper"]), str(vector["key"])
    match = GRAMMAR.match(key)
    if match is None:
        return ["not of the grammar"]
    prefix, environment, locator, _, crc = match.groups()
    seal = derive(pepper, b"secretsource locator v1", 16)
    kind, owner = owner_bits(str(vector["owner"]), seal)
    block = owner + int(str(vector["serial"])).to_bytes(4, "big") + bytes([kind]) + bytes(3)
    hashed = hmac.new(derive(pepper, b"secretsource hash v1", 32), key.encode(), hashlib.sha256).hexdigest()
    expected = {
        "prefix": prefix,
        "environment": environment,
        "locator": base62(int.from_bytes(aes(seal, block), "big"), 22),
        "crc": crc32(key[:-6].encode()),
        "display": f"{prefix}_{environment}_{locator[:4]}\u2026",
        "hash": hashed,
        "pepper_version": derive(pepper, b"secretsource pepper version v1", 4).hex(),
    }
    faults = [name for name, value in expected.items() if vector[name] != value]
    return faults + (["crc in the key"] if base62(crc32(key[:-6].encode()), 6) != crc else [])


def faults_of_text(vector: dict[str, str]) -> list[str]:
    """What is wrong with one rejected vector."""
    match = GRAMMAR.match(vector["text"])
    if match is None or match[3] > base62(2**128 - 1, 22):
        found = "malformed"
    else:
        found = "bad_checksum" if base62(crc32(vector["text"][:-6].encode()), 6) != match[5] else "accepted"
    return [] if found == vector["reason"] else [f"it is {found}"]


def check(path: Path) -> tuple[int, list[str]]:
    """How many vectors a file has, and what is wrong with them."""
    vectors = json.loads(path.read_text(encoding="ascii"))
    faults = [f"{vector['owner']}: {fault}" for vector in vectors["accepted"] for fault in faults_of_key(vector)]
    faults += [f"{vector['text']!r}: {fault}" for vector in vectors["rejected"] for fault in faults_of_text(vector)]
    return len(vectors["accepted"]) + len(vectors["rejected"]), faults


if __name__ == "__main__":
    count, wrong = check(Path(__file__).with_name("key_format_v1.json"))
    print(*wrong, f"{count} vectors checked, {len(wrong)} faults", sep="\n")
    sys.exit(bool(wrong))
