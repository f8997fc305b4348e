"""How the fields of a JSON document are written and read: one table per document serves both directions. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from secretsource._ground.clock import utc
from secretsource._ground.frozen import frozen_document
from secretsource._ground.namedtuple import NamedTuple
from secretsource.exceptions import InvalidRequest

TYPE_CHECKING = False
if TYPE_CHECKING:
    import enum
    from collections.abc import Callable
    from typing import TypeAlias

    from secretsource._ground.frozen import FrozenDict

    Document: TypeAlias = dict[str, Any]

__all__ = [
    "COUNTS",
    "DOCUMENT",
    "FLAG",
    "INSTANT",
    "INSTANTS",
    "LIST",
    "NAMES",
    "NUMBER",
    "OBJECT",
    "SECONDS",
    "TEXT",
    "TEXTS",
    "Field",
    "Form",
    "instant",
    "maybe",
    "one_of",
    "read",
    "written",
]


class Form(NamedTuple):
    """The form of a value.

    Attributes:
        write: Makes JSON of a value.
        read: Makes a value of JSON; raises `ValueError` or `TypeError` when it cannot.
        words: The form in words, to follow "must be ".
    """

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]
    words: str


class Field(NamedTuple):
    """One field of a document.

    Attributes:
        name: Its name in the document.
        attribute: The attribute of the value that the field holds.
        form: Its form.
    """

    name: str
    attribute: str
    form: Form


def written(fields: Sequence[Field], value: object) -> Document:
    """Write the fields of a value.

    Args:
        fields: The table of the document.
        value: An object with the attributes that the table names.
    """
    return {field.name: field.form.write(getattr(value, field.attribute)) for field in fields}


def read(fields: Sequence[Field], document: object, what: str) -> dict[str, Any]:
    """Read the fields of a document, by their attributes; other fields are ignored.

    Args:
        fields: The table of the document.
        document: The document; a field that may be null may also be missing.
        what: The kind of document, such as ``record``.

    Raises:
        InvalidRequest: A field is missing, or does not have its form; the message quotes no value, because it may be a
            key.
    """
    if not isinstance(document, Mapping):
        raise InvalidRequest(f"the document of a {what} must be a JSON object, not {type(document).__name__}")
    values: dict[str, Any] = {}
    for field in fields:
        try:
            values[field.attribute] = field.form.read(document.get(field.name))
        except (TypeError, ValueError):
            continue
    wrong = next((field for field in fields if field.attribute not in values), None)
    if wrong is None:
        return values
    found = type(document[wrong.name]).__name__ if wrong.name in document else "missing"
    del values  # a traceback shows no key
    raise InvalidRequest(f"{wrong.name} in the document of a {what} must be {wrong.form.words}, not {found}")


def instant(seconds: float) -> str:
    """Write an instant as RFC 3339 in UTC, to the second.

    Args:
        seconds: The instant, in seconds since 1970 UTC.
    """
    return utc(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def maybe(form: Form) -> Form:
    """Return a form that also allows null."""
    return Form(_or_none(form.write), _or_none(form.read), f"{form.words}, or null")


def one_of(*enumerations: type[enum.Enum]) -> Form:
    """Return the form of a word of an enumeration, or of several."""
    members = {member.value: member for words in enumerations for member in words}

    def member(cell: Any) -> enum.Enum:
        if cell not in members:
            raise ValueError
        return members[cell]

    return Form(attrgetter("value"), member, f"one of {', '.join(members)}")


def _or_none(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a change that leaves None as it is."""

    def changed(value: Any) -> Any:
        return None if value is None else change(value)

    return changed


def _is(*kinds: type) -> Callable[[Any], Any]:
    """Return a check that a value is of exactly one of these types: true is not a number."""

    def check(cell: Any) -> Any:
        if type(cell) not in kinds:
            raise TypeError
        return cell

    return check


def _moment(cell: Any) -> float:
    moment = datetime.fromisoformat(cell)
    if moment.utcoffset() is None:
        raise ValueError
    return moment.timestamp()


def _texts(cell: Any) -> tuple[str, ...]:
    return tuple(_is(str)(text) for text in _is(list)(cell))


def _counts(cell: Any) -> dict[str, int]:
    return {_is(str)(name): _is(int)(count) for name, count in _is(dict)(cell).items()}


def _names(cell: Any) -> frozenset[str]:
    return frozenset(_texts(cell))


def _moments(cell: Any) -> dict[str, float]:
    return {_is(str)(name): _moment(told) for name, told in _is(dict)(cell).items()}


def _instants(moments: Mapping[str, float]) -> dict[str, str]:
    return {name: instant(moments[name]) for name in sorted(moments)}


def _seconds(cell: Any) -> float:
    return float(_is(int, float)(cell))


def _milliseconds(value: float) -> float:
    return round(value, 3)


def _frozen(cell: Any) -> FrozenDict:
    return frozen_document(_is(dict)(cell))


def _same(value: Any) -> Any:
    return value


TEXT = Form(_same, _is(str), "a text")
NUMBER = Form(_same, _is(int), "a whole number")
SECONDS = Form(_milliseconds, _seconds, "a number of seconds")
FLAG = Form(_same, _is(bool), "true or false")
INSTANT = Form(instant, _moment, "an instant such as 2027-01-31T00:00:00Z")
INSTANTS = Form(_instants, _moments, "an object of instants")
LIST = Form(list, _is(list), "a list")
TEXTS = Form(list, _texts, "a list of texts")
NAMES = Form(sorted, _names, "a list of texts")
COUNTS = Form(dict, _counts, "an object of whole numbers")
DOCUMENT = Form(_same, _is(dict), "a document")
OBJECT = Form(dict, _frozen, "an object")
