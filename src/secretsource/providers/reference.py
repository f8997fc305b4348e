"""Text to `SecretRef` and back.

    STRIPE_SECRET_KEY                                        a bare name, which goes down the chain
    payments/stripe#secret_key                               a bare name and one field of its JSON document
    aws://payments/stripe#secret_key?stage=AWSPREVIOUS       one place at one provider
    arn:aws:secretsmanager:eu-west-1:…:secret:stripe-AbCdEf  the same, by the address that the vendor has for it
    ref+aws://payments/stripe                                the same, as a value that points elsewhere
    ref+ref+abc                                              a value that is the text ref+abc, and points nowhere

``#``, ``?``, ``&`` and ``%`` inside a part are percent-encoded (RFC 3986 §2.1). Errors never quote the text: a caller
who passes a value where a name belongs must not find that value in a log.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from secretsource.exceptions import InvalidReference
from secretsource.providers._address import belonging, refuse_url
from secretsource.providers.base import SecretRef

__all__ = [
    "FOLLOW_MARK",
    "FOREIGN_MARK",
    "MAX_NAME",
    "MAX_REFERENCE",
    "format_reference",
    "is_pointer",
    "literal",
    "parse_reference",
]

FOLLOW_MARK = "ref+"
"""The start of a value that is not the secret but says where it is."""

FOREIGN_MARK = "secretref+"
"""The mark of other tools before such a value; it is not followed, and it is not the secret either."""

_MARKS = (FOLLOW_MARK, FOREIGN_MARK)
_WRAPPING = " \t\r\n'\"`\ufeff"
_DISGUISES = frozenset(_WRAPPING + "RS")
"""The first characters of a pointer that was written with blanks, quotes or capitals by mistake."""

MAX_NAME = 512
"""Longest bare name, in characters; the longest that any of the services takes (AWS)."""

MAX_REFERENCE = 4096
"""Longest whole reference, in characters."""

_SCHEME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


def parse_reference(text: str) -> SecretRef:
    """Parse a name or a reference.

    Args:
        text: A bare name of 1 to 512 printable characters without spaces, or ``scheme://location#field?options``
            of at most 4,096.

    Raises:
        InvalidReference: The text is neither; the error says what is wrong and where, without quoting it.
    """
    if not isinstance(text, str):
        raise InvalidReference(f"a secret name must be a str, not {type(text).__name__}")
    if text.isidentifier() and len(text) <= MAX_NAME:
        return SecretRef("", text)  # the usual name, in which no character means anything
    _check_characters(text)
    if "://" in text or text[0] == "@":
        refuse_url(text)
    scheme, mark, rest = text.removeprefix(FOLLOW_MARK).partition("://")
    if not mark:
        scheme, rest = "", text
    elif not scheme or not _SCHEME.issuperset(scheme):
        raise InvalidReference("a reference must start with a provider name of a-z, 0-9, '-' and '_' before '://'")
    location, field, query = _split(rest)
    if not location.strip("/"):
        raise InvalidReference("the reference must have a location: write the secret's name or path")
    if not scheme and len(location) > MAX_NAME:
        raise InvalidReference(f"the secret name has {len(location)} characters: at most {MAX_NAME} are allowed")
    options = _options(query)
    version, stage = options.pop("version", None), options.pop("stage", None)
    return belonging(SecretRef(scheme, location, field, version, stage, tuple(sorted(options.items()))))


def format_reference(ref: SecretRef) -> str:
    """Write a reference as text that `parse_reference` reads."""
    location = _encode(ref.location)
    text = f"{ref.provider}://{location}" if ref.provider else location.replace("://", "%3A//")
    if ref.field is not None:
        text += "#" + _encode(ref.field)
    pairs = [(key, value) for key, value in (("version", ref.version), ("stage", ref.stage)) if value is not None]
    pairs.extend(ref.options)
    if pairs:
        text += "?" + "&".join(f"{_encode(key).replace('=', '%3D')}={_encode(value)}" for key, value in pairs)
    return text


def is_pointer(value: object) -> bool:
    """Return whether a value says where the secret is, in our form, in that of another tool, or misspelt.

    A tool that reads ``.env`` in its own way may leave the quotes of a value in place, as ``docker --env-file`` does.
    """
    if not isinstance(value, str):
        return False
    if value.startswith(_MARKS):
        return literal(value) is None
    return value[:1] in _DISGUISES and _is_disguised(value)


def literal(value: object) -> str | None:
    """Return a value without its first ``ref+`` if a second mark follows; None for any other value."""
    if not isinstance(value, str) or not value.startswith(FOLLOW_MARK):
        return None
    rest = value.removeprefix(FOLLOW_MARK)
    return rest if rest.startswith(_MARKS) or (rest[:1] in _DISGUISES and _is_disguised(rest)) else None


def _is_disguised(value: str) -> bool:
    """Return whether a value would be a pointer without its first blanks or quotes, or in small letters."""
    mark, _, rest = value.lstrip(_WRAPPING).partition("+")
    scheme, mark_of_place, _ = rest.partition("://")
    return f"{mark.lower()}+" in _MARKS and bool(mark_of_place) and _SCHEME.issuperset(scheme.lower())


def _check_characters(text: str) -> None:
    if not text:
        raise InvalidReference("the secret name must not be empty")
    if len(text) > MAX_REFERENCE:
        raise InvalidReference(f"the reference has {len(text)} characters: at most {MAX_REFERENCE} are allowed")
    if not text.isprintable() or " " in text:
        place = next(i for i, char in enumerate(text, 1) if char == " " or not char.isprintable())
        raise InvalidReference(
            f"character {place} of the secret name is a space, a control character or not text: "
            "a name has printable characters only"
        )


def _split(rest: str) -> tuple[str, str | None, str]:
    """Return location, field and query, with ``#field`` and ``?query`` in either order."""
    body, hash_mark, tail = rest.partition("#")
    if "?" in body:
        location, _, query = body.partition("?")
        field = tail
    else:
        location = body
        field, _, query = tail.partition("?")
    if hash_mark and not field:
        raise InvalidReference("the reference ends in '#' without a field: name the field or leave out the '#'")
    return _decode(location), _decode(field) if hash_mark else None, query


def _options(query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for pair in filter(None, query.split("&")):
        key, mark, value = pair.partition("=")
        if not mark or not key or not value:
            raise InvalidReference("an option of the reference must have the form key=value")
        key = _decode(key)
        if key in options:
            raise InvalidReference("the reference must give each option once")
        options[key] = _decode(value)
    return options


def _decode(text: str) -> str:
    if "%" not in text:
        return text
    from urllib.parse import unquote

    decoded = unquote(text, errors="replace")
    if not decoded.isprintable() or "\ufffd" in decoded:
        raise InvalidReference("a percent-encoded part of the reference must be printable UTF-8")
    return decoded


def _encode(text: str) -> str:
    for char in "%#?& ":
        if char in text:
            text = text.replace(char, f"%{ord(char):02X}")
    return text
