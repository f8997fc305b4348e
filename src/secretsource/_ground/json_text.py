"""JSON whose numbers keep their spelling: a price of ``1.10`` is not 1.1, and an account of 20 digits is not a float.

Read and written as RFC 8259 has it, of any length: ``NaN`` and ``Infinity`` are not JSON. One byte order mark before
the document is removed, since editors put it there. RFC 8259 leaves open which value a name has that an object gives
twice. Here it has none if they differ: a password that somebody took for replaced would be in force again.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from collections.abc import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

__all__ = ["UNCLEAR", "Numeral", "native", "read", "written"]

BOM = "\ufeff"

UNCLEAR = object()
"""The value of a name that an object gives several values."""


class Numeral(str):
    """A number as it is written."""

    __slots__ = ()


def read(text: str | bytes) -> object:
    """Return the document, with numbers as `Numeral`, and `UNCLEAR` for what has several values.

    Raises:
        ValueError: The text is not JSON; the error carries the document, so drop it.
        RecursionError: It is nested too deeply.
    """
    import json

    text = _bare(text)
    return json.loads(text, parse_int=Numeral, parse_float=Numeral, parse_constant=_refuse, object_pairs_hook=_united)


def native(text: str | bytes) -> object:
    """Return the document, with numbers as int and float; raise as `read` does, and for several values of one name."""
    import json

    return json.loads(_bare(text), parse_int=_whole, parse_constant=_refuse, object_pairs_hook=_clear)


def written(value: object) -> str:
    """Return a document as text without blanks; its numerals are unchanged.

    Raises:
        TypeError: It has a part that JSON cannot express, or a name with several values.
        ValueError: It contains NaN, an infinity, or itself.
        RecursionError: It is nested too deeply.
    """
    if isinstance(value, Numeral):
        return str(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_scalar(str(key))}:{written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(written, value)) + "]"
    return _scalar(value)


def _scalar(value: object) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _bare(text: str | bytes) -> str | bytes:
    """Remove one byte order mark from a text; in bytes the parser removes it itself."""
    return text.removeprefix(BOM) if isinstance(text, str) else text


def _united(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of its names and values."""
    document = dict(pairs)
    if len(document) < len(pairs):
        for name, value in pairs:
            if document[name] != value:
                document[name] = UNCLEAR
    return document


def _clear(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = _united(pairs)
    if UNCLEAR in document.values():
        raise ValueError
    return document


def _whole(digits: str) -> int:
    try:
        return int(digits)
    except ValueError:  # more digits than Python converts by default
        from decimal import Decimal

        return int(Decimal(digits))


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)
