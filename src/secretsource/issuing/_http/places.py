"""A place in a request where a key may be, and its notation. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error
from itertools import pairwise

from secretsource._ground.key_text import quote
from secretsource._ground.namedtuple import NamedTuple
from secretsource.exceptions import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_READ = 4096
"""Characters of a header that are read, from its beginning: more than any place needs for the longest key."""
BLANKS = " \t"
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}"
_WRITTEN = re.compile(f"(?P<header>{_WORD})(?: ?: ?(?P<scheme>{_WORD})(?: (?P<part>user|password))?)?")
_SUBPROTOCOL = "sec-websocket-protocol"
_NO_PLACES = frozenset({"cookie", "host", "referer", "origin", "set-cookie"})
_SCHEMES = frozenset({"basic", "bearer", "token"})


class Place(NamedTuple):
    """A header, or a scheme in a header.

    Attributes:
        header: The header's name, in your spelling.
        scheme: The scheme before the key, in lower case; empty where the header is only the key.
        part: For ``Basic``, which part of the pair is the key: ``user`` or ``password``.
    """

    header: str
    scheme: str = ""
    part: str = ""

    @property
    def is_subprotocol(self) -> bool:
        """Whether the header is the list of subprotocols of a web socket, where browsers can put a key."""
        return self.header.lower() == _SUBPROTOCOL

    @property
    def opening(self) -> str | None:
        """The text before the key, in lower case, in a header that otherwise holds only blanks; else None."""
        if self.is_subprotocol or self.part:
            return None
        return f"{self.scheme} " if self.scheme else ""

    def keys(self, value: str) -> Iterator[str]:
        """Yield the keys in a value of the header, even an empty one or one that is too long: the caller judges them.

        Args:
            value: The value, or its beginning.
        """
        if not self.scheme:
            yield value.strip(BLANKS)
        elif self.is_subprotocol:
            listed = [each.strip(BLANKS) for each in value.split(",")]
            for announced, key in pairwise(listed):
                if announced.lower() == self.scheme:
                    yield key
        elif value[: len(self.scheme) + 1].lower() == f"{self.scheme} ":
            sent = value[len(self.scheme) + 1 :].strip(BLANKS)
            yield _of_pair(sent, self.part) if self.part else sent


def place(written: object) -> Place:
    """Read a place.

    Args:
        written: ``X-API-Key``, or any other header that is only the key. ``Authorization: Bearer``, or another scheme.
            ``Authorization: Basic user`` or ``Basic password``, for that part of the pair. ``Sec-WebSocket-Protocol:
            bearer``, for the key that is listed after that name.

    Raises:
        ConfigurationError: The text has another form, or names a place where keys must not be.
    """
    match = _WRITTEN.fullmatch(written) if isinstance(written, str) else None
    if match is None:
        raise ConfigurationError(
            f"credentials must be headers such as  X-API-Key  or  Authorization: Bearer, not {quote(written, 80)}"
        )
    header, scheme, part = match["header"], (match["scheme"] or "").lower(), match["part"] or ""
    name = header.lower()
    if name in _NO_PLACES:
        raise ConfigurationError(
            f"keys are not taken from {header}, which is logged or sent by itself: use another header"
        )
    if name in _SCHEMES:
        raise ConfigurationError(f"{header} is a scheme and not a header: write  Authorization: {header}")
    if not scheme and name in {"authorization", _SUBPROTOCOL}:
        raise ConfigurationError(f"{header} needs a name before the key: write  {header}: Bearer")
    if (scheme == "basic") != bool(part):
        raise ConfigurationError(
            "Basic has a user and a password: write  Authorization: Basic password  or  Basic user"
        )
    return Place(header, scheme, part)


def _of_pair(sent: str, part: str) -> str:
    """Return one part of ``user:password`` in base64 (RFC 7617), or nothing for any other text."""
    try:
        pair = b64decode(sent, validate=True)
    except (Error, ValueError):
        return ""
    user, colon, password = pair.partition(b":")
    chosen = user if part == "user" else password
    if not colon:
        return ""
    try:
        return chosen.decode()
    except UnicodeDecodeError:
        return chosen.decode("latin-1")
