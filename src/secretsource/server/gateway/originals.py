"""The request that a gateway asks about, as the gateway describes it. Pure.

Gateways have three ways to say it: ``X-Forwarded-Method`` and ``X-Forwarded-Uri`` (Caddy, Traefik),
``X-Original-Method`` and ``X-Original-URI`` (nginx), or their own method and the path behind the path of the check
(Envoy). A gateway that uses one way may pass on headers of another that its client sent. So all ways must agree.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from itertools import product
from typing import NamedTuple

from secretsource.server.gateway.peers import FORWARDED_FOR
from secretsource.server.gateway.routes import Misfit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Container, Mapping, Sequence

__all__ = ["PATH", "Original", "described_by", "has_several_keys", "read_original"]

PATH = "/v1/forward-auth"
"""The path that gateways ask; what follows it may be the original path."""
_WAYS = ((b"x-forwarded-method", b"x-forwarded-uri"), (b"x-original-method", b"x-original-uri"))
_REWRITING = frozenset(
    "".join(spelling).encode()
    for name in ("x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url")
    for spelling in product(*["-_" if letter == "-" else letter for letter in name])
)
"""Headers by which some frameworks take another method or path than that of the request.

An application on WSGI reads ``X_HTTP_Method_Override`` as ``X-HTTP-Method-Override``, so each hyphen may be either.
"""
_READ = frozenset({*_WAYS[0], *_WAYS[1], *_REWRITING})
_MARK = PATH.encode()
_make = tuple.__new__
"""Makes an `Original` for a third of the price."""


class Original(NamedTuple):
    """A request of a client at a gateway.

    Attributes:
        method: Its method.
        path: Its path as the client sent it, without the query.
        passed: The addresses that it passed, as ``X-Forwarded-For`` lists them; empty if the gateway tells none.
    """

    method: str
    path: str
    passed: bytes


def described_by(names: Collection[bytes]) -> Sequence[bytes] | None:
    """Return the headers that describe the original request, if their names alone say so: method, URI and addresses.

    Args:
        names: The names of all headers, in lower case.

    Returns:
        Their names; an empty name stands for addresses that no header tells. None where a gateway uses two ways, or
        its own method and path, and where a header may change the request.
    """
    ways = [way for way in _WAYS if not {*way}.isdisjoint(names)]
    if len(ways) != 1 or not _REWRITING.isdisjoint(names):
        return None
    return (*ways[0], FORWARDED_FOR if FORWARDED_FOR in names else b"")


def read_original(
    method: str, raw_path: bytes | None, headers: Collection[tuple[bytes, bytes]], said: Mapping[bytes, bytes]
) -> Original | Misfit:
    """Return the request that a gateway asks about.

    Args:
        method: The method that the gateway uses.
        raw_path: The path that it asks, not decoded.
        headers: The headers that it sends, names in lower case, as ASGI has them.
        said: The same by name; the last of each name.
    """
    passed = said.get(FORWARDED_FOR, b"")
    if len(said) < len(headers):  # some names occur again
        if any(said[name] != value for name, value in headers if name in _READ):
            return Misfit.AMBIGUOUS_REQUEST
        passed = b",".join([value for name, value in headers if name == FORWARDED_FOR])
    told: set[tuple[bytes, bytes]] = set()
    for how, where in _WAYS:
        if how in said or where in said:
            told.add((said.get(how, b""), said.get(where, b"").partition(b"?")[0]))
    _, mark, behind = (raw_path or _MARK).partition(_MARK)
    if not mark:  # it is written with escapes, so the end of it is not where another reader sees it
        return Misfit.AMBIGUOUS_PATH
    if behind:
        told.add((method.encode("latin-1"), behind))
    if len(told) > 1 or not _REWRITING.isdisjoint(said):
        return Misfit.AMBIGUOUS_REQUEST
    original_method, path = told.pop() if told else (b"", b"")
    if not original_method or not path:
        return Misfit.UNKNOWN_REQUEST
    return _make(Original, (original_method.decode("latin-1"), path.decode("latin-1"), passed))


def has_several_keys(
    headers: Collection[tuple[bytes, bytes]],
    said: Mapping[bytes, bytes],
    places: Collection[bytes],
    schemes: Container[bytes],
) -> bool:
    """Return whether a header holds several keys: on several lines, or joined by a comma as some gateways join them.

    Args:
        headers: The headers of the request.
        said: The same by name; the last of each name.
        places: The names of the headers that may hold a key, in lower case.
        schemes: The schemes before a key, in lower case; an ``Authorization`` of another scheme holds none.
    """
    is_plain = len(said) == len(headers)  # no name occurs again
    for place in places:
        is_plain = is_plain and b"," not in said.get(place, b"")
    if is_plain:
        return False
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name not in places or (name == b"authorization" and value.partition(b" ")[0].lower() not in schemes):
            continue
        if b"," in value or found.setdefault(name, value) != value:
            return True
    return False
