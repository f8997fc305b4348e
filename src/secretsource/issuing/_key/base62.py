"""Base62: digits ``0-9A-Za-z`` in this order, most significant first, padded with ``0`` to a fixed width. Pure.

The digits are in ASCII order, so texts of one width compare as their numbers do. Two digits are handled at a time.
"""

from __future__ import annotations

import os

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SQUARE = 62 * 62
_PAIRS = tuple(high + low for high in ALPHABET for low in ALPHABET)
_VALUES = {pair: value for value, pair in enumerate(_PAIRS)}

_EVEN = 256 - 256 % 62
_TO_DIGIT = bytes(ord(ALPHABET[byte % 62]) for byte in range(256))
_UNEVEN = bytes(range(_EVEN, 256))
"""Bytes that would make some digits likelier than others; they are discarded."""


def encode(number: int, width: int) -> str:
    """Write a number in base62.

    Args:
        number: 0 to ``62 ** width - 1``.
        width: Digits to write; even.

    Returns:
        Exactly ``width`` characters of ``0-9A-Za-z``.
    """
    pairs = [""] * (width // 2)
    for place in range(width // 2 - 1, -1, -1):
        number, pair = divmod(number, _SQUARE)
        pairs[place] = _PAIRS[pair]
    return "".join(pairs)


def decode(text: str) -> int:
    """Read a number in base62.

    Args:
        text: An even number of characters of ``0-9A-Za-z``.

    Raises:
        KeyError: The text has another character.
    """
    number = 0
    values = _VALUES
    for place in range(0, len(text), 2):
        number = number * _SQUARE + values[text[place : place + 2]]
    return number


def encode_crc(number: int) -> str:
    """Write 32 bits in base62: exactly 6 characters of ``0-9A-Za-z``; twice as fast as `encode`."""
    high = number // _SQUARE
    return _PAIRS[high // _SQUARE] + _PAIRS[high % _SQUARE] + _PAIRS[number % _SQUARE]


def random_text(length: int) -> str:
    """Draw random digits, each of the 62 equally likely, from the system's generator.

    Args:
        length: Digits to draw; 32 of them carry 190 bits.

    Returns:
        Exactly ``length`` characters of ``0-9A-Za-z``.
    """
    drawn = b""
    while len(drawn) < length:
        drawn += os.urandom(length + length // 4 + 8).translate(_TO_DIGIT, _UNEVEN)
    return drawn[:length].decode("ascii")
