"""The key in the headers of a request: step 0 of the check. Pure.

The key is read from ``Authorization: Bearer KEY`` or ``X-API-Key: KEY``, unless you set other places; the rest of a
request is not read. A key in a URL would be written to logs, histories and ``Referer`` headers, so it is not taken from
there.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import re
from typing import Any, TypeVar

from secretsource._ground.namedtuple import NamedTuple
from secretsource._traceless import traceless
from secretsource.exceptions import ConfigurationError
from secretsource.issuing._http.places import BLANKS, LONGEST_READ, place
from secretsource.issuing._key.format import LONGEST_CREDENTIAL
from secretsource.issuing._verdict import Reason, Rejected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import TypeAlias

    from secretsource.issuing._http.places import Place

    Hashing: TypeAlias = Callable[[bytes], bytes | None]

    Text: TypeAlias = "str | bytes"
    Vary: TypeAlias = "tuple[tuple[str, str], ...]"
    Headers: TypeAlias = "Mapping[str, str] | Iterable[tuple[Text, Text]]"

__all__ = ["DEFAULT", "Places", "credential"]

T = TypeVar("T")

DEFAULT = ("Authorization: Bearer", "X-API-Key")
"""The places where a key is looked for, unless you set others."""


class Taken(NamedTuple):
    """The result of a search for the key.

    Attributes:
        key: The key as it was sent; None if no key was sent; a rejection for two keys, or for a key that is too long.
        headers: The names of the headers that held it.
        subprotocol: The web socket subprotocol that announced it, or None.
    """

    key: str | Rejected | None
    headers: tuple[str, ...] = ()
    subprotocol: str | None = None

    def __repr__(self) -> str:
        return f"Taken(<masked>, headers={self.headers!r})"


class Opening(NamedTuple):
    """The beginning of a header's value, where the rest of it is the key.

    Attributes:
        text: The text before the key, in lower case.
        vary: The way in which an answer depends on the header.
    """

    text: str
    vary: Vary

    def key(self, sent: bytes) -> str | None:
        """Return the key in a value of the header; None for another form, one that is long, or not in ASCII."""
        text = sent.decode() if len(sent) <= LONGEST_CREDENTIAL and sent.isascii() else ""
        length = len(self.text)
        return (text[:length].lower() == self.text and text[length:].strip(BLANKS)) or None


class Places:
    """The places where keys are looked for, in order.

    Args:
        credentials: A header (``X-API-Key``), or a header and a scheme (``Authorization: Bearer``); see `place`.

    Attributes:
        headers: The names of all headers that a key may be in.
        vary: The ``Vary`` header of an answer that depends on all of them.

    Raises:
        ConfigurationError: The list is empty, or a place is malformed.
    """

    def __init__(self, credentials: Iterable[str] = DEFAULT) -> None:
        if isinstance(credentials, str):
            raise ConfigurationError("credentials must be a list of texts, not one text: write  credentials=[...]")
        places = [place(written) for written in credentials]
        if not places:
            raise ConfigurationError("credentials must name at least one place, such as  X-API-Key")
        self.headers = tuple(dict.fromkeys(each.header for each in places))
        self.vary: Vary = tuple([("Vary", header) for header in self.headers])
        self._places: dict[Text, list[Place]] = {}
        self._openings: dict[Text, Opening | None] = {}
        self._lengths = frozenset(map(len, self.headers))
        for name in self.headers:
            listed = [each for each in places if each.header.lower() == name.lower()]
            opening = listed[0].opening if len(listed) == 1 else None
            for key in (name.lower(), name.lower().encode()):
                self._places[key] = listed
                self._openings[key] = None if opening is None else Opening(opening, (("Vary", name),))

    def only(self, headers: Headers) -> tuple[str, Vary] | None:
        """Return the key of a request if only one header may hold keys, and it holds a single key in the usual form.

        Nearly all requests are like that. For any other, return None: `take` looks closer.

        Args:
            headers: As for `credential`.

        Returns:
            The key, and the way the answer depends on it.
        """
        sent = self.sole(headers, self._openings)
        if sent is None:
            return None
        value, opening = sent
        key = opening.key(written(value))
        return None if key is None else (key, opening.vary)

    def sole(self, headers: Headers, meanings: Mapping[Text, T | None]) -> tuple[Text, T] | None:
        """Return the value of the only header that may hold keys, and the meaning of it; None for several, or none.

        Args:
            headers: As for `credential`.
            meanings: The meaning of each header that may hold keys, such as `readings` returns them; None for a header
                that needs a closer look.
        """
        sent: Text | None = None
        meaning: T | None = None
        lengths = self._lengths
        for name, value in headers if type(headers) is list else _pairs(headers):
            # Lengths are compared first: a request has many headers, and few of them may hold a key.
            if len(name) in lengths and (name in meanings or (name := name.lower()) in meanings):
                if sent is not None:
                    return None
                sent, meaning = value, meanings[name]
        return None if sent is None or meaning is None else (sent, meaning)

    def readings(
        self, reading: Callable[[Callable[[bytes], str | None]], Hashing]
    ) -> dict[Text, tuple[Hashing, Vary] | None]:
        """Return for each header how its values are hashed, and the way the answer depends on it.

        Args:
            reading: Makes a function that hashes the key in a value, as `Pepper.reading` does.
        """
        hashings = {each: (reading(each.key), each.vary) for each in self._openings.values() if each is not None}
        return {name: None if each is None else hashings[each] for name, each in self._openings.items()}

    def take(self, headers: Headers, could_be: Callable[[str], bool] | None = None) -> Taken:
        """Take the key out of a request's headers.

        Args:
            headers: As for `credential`.
            could_be: A function that returns whether a text may be one of our keys; called where two texts differ, for
                one may be another system's.
        """
        found: dict[str, list[Place]] = {}
        is_too_long = False
        for where, value in self._sent(headers):
            for key in where.keys(value):
                if len(key) > LONGEST_CREDENTIAL:
                    is_too_long = True
                elif key:
                    found.setdefault(key, []).append(where)
        if len(found) > 1 and could_be is not None:
            found = {key: places for key, places in found.items() if could_be(key)} or found
        if len(found) > 1:
            return Taken(Rejected(Reason.AMBIGUOUS))
        for key, places in found.items():
            announced = next((each.scheme for each in places if each.is_subprotocol), None)
            return Taken(key, tuple(dict.fromkeys(each.header for each in places)), announced)
        return Taken(Rejected(Reason.MALFORMED) if is_too_long else None)

    def without(self, headers: Headers, is_key: Callable[[str], bool]) -> list[tuple[Text, Text]]:
        """Return the headers of a request without its keys, for a reader that must not see any.

        Args:
            headers: As for `credential`.
            is_key: A function that returns whether a text in the place of a key is a key.
        """
        visible: list[tuple[Text, Text]] = []
        for name, value in _pairs(headers):
            places = self._places.get(name.lower(), [])
            keys = {key for each in places for key in each.keys(_text(value)) if key and is_key(key)}
            if not keys:
                visible.append((name, value))
            elif places[0].is_subprotocol:
                visible.append((name, _unlisted(value, keys)))
        return visible

    def _sent(self, headers: Headers) -> Iterator[tuple[Place, str]]:
        """Yield each text that may be a key, in the order of the places."""
        sent = [(name.lower(), value) for name, value in _pairs(headers) if name.lower() in self._places]
        for name, value in sent:
            text = _text(value)
            for each in self._places[name]:
                yield each, text


_STANDARD = Places()


@traceless
def credential(headers: Headers, credentials: Iterable[str] | None = None) -> str | Rejected | None:
    """Take the key out of a request's headers.

    The same key twice counts as one key. An empty header counts as not sent, and so does an ``Authorization`` of
    another scheme, for a proxy may need its own.

    Args:
        headers: A mapping of names to values, or pairs, as text or as bytes (as ASGI has them); names in any case,
            several values of one name allowed. Bytes beyond ASCII are read as UTF-8, or else as Latin-1.
        credentials: Where a key may be, as for `Admission`; ``Authorization: Bearer`` and ``X-API-Key`` when left out.

    Returns:
        The key as it was sent, up to 512 characters, for `ApiKeys.check`, or None if none was sent.
        ``Rejected(AMBIGUOUS)`` for two that differ; ``Rejected(MALFORMED)`` for one that is longer, which is not read.

    Raises:
        ConfigurationError: A place is malformed.
    """
    return (_STANDARD if credentials is None else Places(credentials)).take(headers).key


def first(headers: Headers, wanted: str) -> str | None:
    """Return the first value of a header, or None.

    Args:
        headers: As for `credential`.
        wanted: Its name, in lower case.
    """
    length, names = len(wanted), (wanted, wanted.encode())
    for name, value in headers if type(headers) is list else _pairs(headers):
        if len(name) == length and name.lower() in names:
            return _text(value)
    return None


def written(sent: Text) -> bytes:
    """Return a header's value in bytes; characters beyond ASCII stay beyond it."""
    return sent if isinstance(sent, bytes) else sent.encode(errors="surrogatepass")


def _pairs(headers: Headers) -> Iterable[tuple[Text, Text]]:
    pairs: Any = headers
    items: Callable[[], Iterable[tuple[Text, Text]]] | None = getattr(headers, "items", None)
    return pairs if items is None else items()


def _text(sent: Text) -> str:
    """Return the beginning of a header, given as bytes or as text in Latin-1, read as UTF-8 or else as Latin-1."""
    value = sent[:LONGEST_READ]
    if value.isascii():
        return value if isinstance(value, str) else value.decode("ascii")
    try:
        return (value.encode("latin-1") if isinstance(value, str) else value).decode()
    except UnicodeError:
        return value if isinstance(value, str) else value.decode("latin-1")


def _unlisted(value: Text, keys: set[str]) -> Text:
    """Return a list of subprotocols without keys."""
    kept = ", ".join(each for each in re.split(r"[ \t]*,[ \t]*", _text(value).strip(" \t")) if each not in keys)
    return kept if isinstance(value, str) else kept.encode()
