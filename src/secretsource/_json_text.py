"""JSON whose numbers keep their spelling: a price of ``1.10`` is not 1.1, and an account of 20 digits is no float.

Read and written as RFC 8259 has it, of any length: ``NaN`` and ``Infinity`` are no JSON. One byte order mark before
the document is taken off, since editors put it there.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from collections.abc import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["Numeral", "native", "read", "written"]

BOM = "\ufeff"


class Numeral(str):
    """A number as it is written."""

    __slots__ = ()


def read(text: str | bytes) -> object:
    """The document, with numbers as `Numeral`.

    Raises:
        ValueError: It is no JSON; the error carries the document, so drop it.
        RecursionError: It is nested too deeply.
    """
    import json

    return json.loads(_bare(text), parse_int=Numeral, parse_float=Numeral, parse_constant=_refuse)


def native(text: str | bytes) -> object:
    """The document, with numbers as int and float; raises as `read`."""
    import json

    return json.loads(_bare(text), parse_int=_whole, parse_constant=_refuse)


def written(value: object) -> str:
    """A document as text without blanks, its numerals as they were.

    Raises:
        TypeError: It has a part that JSON has no word for.
        ValueError: It has NaN or an infinity in it, or contains itself.
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
    """Without one byte order mark; in bytes the parser takes it off itself."""
    return text.removeprefix(BOM) if isinstance(text, str) else text


def _whole(digits: str) -> int:
    try:
        return int(digits)
    except ValueError:  # more digits than Python converts unasked
        from decimal import Decimal

        return int(Decimal(digits))


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)
