"""The key in the headers of a request: step 0 of the check. Pure.

``Authorization: Bearer KEY``, or ``X-API-Key: KEY``; nothing else of a request is looked at. A key in a URL would be
written to logs, histories and ``Referer`` headers, so it is not taken from there.
"""

from __future__ import annotations

from typing import cast

from secretsource.issuing._format import LONGEST_CREDENTIAL
from secretsource.issuing._verdict import Reason, Rejected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import TypeAlias

    Text: TypeAlias = "str | bytes"
    Headers: TypeAlias = "Mapping[str, str] | Iterable[tuple[Text, Text]]"

__all__ = ["credential"]

_SCHEME = "bearer "
_SPACE = " \t"


def credential(headers: Headers) -> str | Rejected | None:
    """Take the key out of a request's headers.

    The same key twice is one key. A header that is empty counts as not sent, and so does an ``Authorization`` of
    another scheme, for a proxy may want one of its own.

    Args:
        headers: A mapping of names to values, or pairs, as text or as bytes in Latin-1 (as ASGI has them); names in
            any case, several values of one name allowed.

    Returns:
        The key as it was sent, up to 512 characters, for `ApiKeys.check`; None when none was sent;
        ``Rejected(AMBIGUOUS)`` for two that differ; ``Rejected(MALFORMED)`` for one that is longer, and was not read.
    """
    found: str | None = None
    for sent in _sent(headers):
        if len(sent) > LONGEST_CREDENTIAL:
            return Rejected(Reason.MALFORMED)
        key = _text(sent).strip(_SPACE)
        if found is not None and key and key != found:
            return Rejected(Reason.AMBIGUOUS)
        found = key or found
    return found


def _sent(headers: Headers) -> Iterator[Text]:
    """What may be a key, as it was sent, in both headers."""
    items: Callable[[], Iterable[tuple[Text, Text]]] | None = getattr(headers, "items", None)
    pairs = cast("Iterable[tuple[Text, Text]]", headers) if items is None else items()
    for name, value in pairs:
        lowered = _text(name).lower()
        if lowered == "x-api-key":
            yield value
        elif lowered == "authorization" and _text(value[: len(_SCHEME)]).lower() == _SCHEME:
            yield value[len(_SCHEME) :]


def _text(part: Text) -> str:
    return part if isinstance(part, str) else part.decode("latin-1")
