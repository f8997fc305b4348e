"""From what a provider answered to the one value asked for.

A field is a key of the document, or a JSON pointer (RFC 6901) when it starts with ``/``. Numbers and booleans come
back as their JSON text, numbers as they are written there; objects and arrays as a JSON document. A field that is not
there, or is null, is NotFound. A field with several values is a failure: any of them may be the old one.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from collections.abc import Mapping

from secretsource._ground.json_text import UNCLEAR, read, written
from secretsource.providers.base import Failed, FailureCode, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsource.providers.base import Found, Value

__all__ = ["chosen", "select"]

_MISSING = object()


def chosen(found: Found, fields: Sequence[str]) -> str | bytes | NotFound | Failed:
    """Do as `select` does, of an answer whose driver may say which field is meant where nobody names one.

    The first of ``fields`` is then that field, and belongs to the place. The fields that the caller asked for follow:
    a field beside it, or else a member of the JSON document in it.
    """
    value, default = found.value, found.default_field
    if default is None or not fields or fields[0] != default or not isinstance(value, Mapping):
        return select(value, fields)
    asked = fields[1:]
    beside = select(value, asked) if asked else NotFound()
    if not isinstance(beside, NotFound):
        return beside
    if value.get(default) is not None:
        return select(value, fields)
    if asked:
        return beside
    return Failed(
        FailureCode.MISCONFIGURED,
        f"the secret is there, and has no field {default!r}, which is what a name without a field means",
        "name the field (NAME#field), or set default_field, or document",
    )


def select(value: Value, fields: Sequence[str]) -> str | bytes | NotFound | Failed:
    """Select a value by going into its fields one after the other.

    Args:
        value: The provider's answer.
        fields: Keys or JSON pointers; none for the whole value.

    Returns:
        The selected text or bytes; NotFound when a document lacks the field; Failed when it is not a document.
    """
    chosen: Value | NotFound | Failed = value
    for field in fields:
        if isinstance(chosen, (NotFound, Failed)):
            return chosen
        chosen = _field(chosen, field)
    return _json(chosen) if isinstance(chosen, Mapping) else chosen


def _field(value: Value, field: str) -> str | bytes | NotFound | Failed:
    document = value if isinstance(value, Mapping) else _parse(value)
    if isinstance(document, Failed):
        return document
    found = _pointer(document, field) if field.startswith("/") else _key(document, field)
    if found is UNCLEAR:
        return Failed(FailureCode.MALFORMED, f"the document gives {field!r} several values", "leave one of them in it")
    if found is _MISSING or found is None:
        return NotFound(f"the document has no field {field!r}" if found is _MISSING else f"field {field!r} is null")
    if isinstance(found, str):
        return str.__str__(found)  # a numeral, or text of another class, as plain text
    return found if isinstance(found, bytes) else _json(found)


def _parse(value: str | bytes) -> object:
    # The parser's error carries the whole document, so it is dropped here and never leaves the block.
    try:
        document = read(value)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, (Mapping, list)):  # a password of digits only is JSON, too, and has no fields
        return document
    return Failed(
        FailureCode.MALFORMED,
        "a field was asked for, but the value is not JSON",
        "ask for it without a field, or store JSON",
    )


def _key(document: object, key: str) -> object:
    return document.get(key, _MISSING) if isinstance(document, Mapping) else _MISSING


def _pointer(document: object, pointer: str) -> object:
    for token in pointer[1:].split("/"):
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(document, list):
            document = document[int(key)] if _is_index(key, len(document)) else _MISSING
        else:
            document = _key(document, key)
        if document is _MISSING or document is UNCLEAR:
            break
    return document


def _is_index(key: str, length: int) -> bool:
    """Return whether a token is the number of one of ``length`` items; it may have any number of digits."""
    digits = key.isascii() and key.isdigit() and (key == "0" or key[0] != "0")
    return digits and len(key) <= len(str(length)) and int(key) < length


def _json(value: object) -> str | Failed:
    try:
        return written(value)
    except (TypeError, ValueError, RecursionError):
        pass
    return Failed(
        FailureCode.MALFORMED,
        "the document has parts that JSON cannot show, or gives a name several values",
        "ask for one of its fields",
    )
