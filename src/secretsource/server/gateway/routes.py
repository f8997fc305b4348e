"""The routes of the application behind a gateway: which scope and cost a request needs. Pure.

A gateway says with which method and for which URI a client asks. The application behind it reads that URI in its own
way: it decodes escapes, and may ignore case, or a slash at the end. So a path is looked for in each of these readings.
A path for which two readings have different needs is refused, and so is a path that some reader would divide
differently (``//``, ``..``, ``;``, ``%2f``).
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import enum
import re
from functools import lru_cache
from typing import NamedTuple
from unicodedata import normalize

from secretsource.exceptions import ConfigurationError, InvalidRequest
from secretsource.issuing import NO_SCOPE, check_demand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from secretsource.issuing import Demand
    from secretsource.server.settings import Route

__all__ = ["Misfit", "Need", "Routes"]

LONGEST_URI = 8192
"""Characters of a URI that is read."""
_SAME = r"[A-Za-z0-9\-._~!$&'()+,=:@]*"
_METHOD = re.compile(r"[A-Z][A-Z-]{0,31}")
_PATH = re.compile(r"/(?:[A-Za-z0-9\-._~!$&'()*+,=:@/]|%[0-9A-Fa-f]{2})*")
_PATTERN = re.compile(rf"(?:/{_SAME}(?:\{{[a-z_]+\}}{_SAME})?)*(?:/\*)?")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_PLACEHOLDER = re.compile(r"\{[a-z_]+\}")
_MISREAD = frozenset("\\;%?#")
"""Characters that some reader takes for the end of a path or of a segment, or for an escape to decode once more."""
ANY_METHOD = "*"


class Misfit(enum.Enum):
    """The reason why the need of a request is unknown; the value is the ``code`` of the answer."""

    NO_ROUTE = "no_route"
    AMBIGUOUS_PATH = "ambiguous_path"
    AMBIGUOUS_REQUEST = "ambiguous_request"
    UNKNOWN_REQUEST = "unknown_request"
    UNTRUSTED_GATEWAY = "untrusted_gateway"


class Need(NamedTuple):
    """The need of a request.

    Attributes:
        scope: The scope, a tuple of several that are all needed, or `NO_SCOPE`.
        cost: The units to draw from the limits of the key, 0 to 10**9.
    """

    scope: Demand
    cost: int = 1


class _Compiled(NamedTuple):
    """A route, ready to be matched.

    Attributes:
        methods: The methods it is for; None for all.
        exact: Its paths.
        loose: Its paths as they are `_folded`.
        need: The need of its requests.
    """

    methods: frozenset[str] | None
    exact: re.Pattern[str]
    loose: re.Pattern[str]
    need: Need


class Routes:
    """A table of routes; the first that matches decides.

    A path of a route is ``/orders/7``, ``/orders/{id}`` for a part of one segment, or ``/orders/*`` for all paths
    below. ``GET`` includes ``HEAD``.

    Args:
        routes: The routes.
        otherwise: The demand of a request without a route; None refuses it.

    Attributes:
        find: Like `look`, with the last answers in memory.

    Raises:
        ConfigurationError: A method, a path or a scope is malformed.
    """

    def __init__(self, routes: Iterable[Route], otherwise: Demand | None = None) -> None:
        self._otherwise = None if otherwise is None else Need(_demand(otherwise, "default_scope"))
        self._compiled = [_compiled(route, f"route {number}") for number, route in enumerate(routes, 1)]
        self.find = lru_cache(maxsize=1024)(self.look)

    def look(self, method: str, path: str) -> Need | Misfit:
        """Return the need of a request.

        Args:
            method: Its method.
            path: Its path as the client sent it, without the query.
        """
        decoded = _decoded(path)
        folded = None if decoded is None else _folded(decoded)
        if decoded is None or folded is None or not _METHOD.fullmatch(method):
            return Misfit.AMBIGUOUS_PATH
        routes = [each for each in self._compiled if each.methods is None or method in each.methods]
        sent = next((each.need for each in routes if each.exact.fullmatch(path)), self._otherwise)
        needs = {
            sent,
            next((each.need for each in routes if each.exact.fullmatch(decoded)), self._otherwise),
            next((each.need for each in routes if each.loose.fullmatch(folded)), self._otherwise),
        }
        if sent is None:
            return Misfit.NO_ROUTE
        return sent if len(needs) == 1 else Misfit.AMBIGUOUS_PATH


def _compiled(route: Route, where: str) -> _Compiled:
    method, path = route.method, route.path
    if method != ANY_METHOD and not _METHOD.fullmatch(method):
        raise ConfigurationError(f"the method of {where} must be in capitals, such as GET, not {method!r:.40}")
    if not path.startswith("/") or "//" in path or not _PATTERN.fullmatch(path):
        raise ConfigurationError(
            f"the path of {where} must be like  /orders, /orders/{{id}}  or  /orders/*, not {path!r:.80}"
        )
    methods = None if method == ANY_METHOD else frozenset({method, "HEAD"} if method == "GET" else {method})
    need = Need(_demand(route.scope, f"the scope of {where}"), route.cost)
    stem = path.removesuffix("/*")
    exact, loose = _expression(stem), _expression(stem.casefold().rstrip("/"))
    if stem == path:
        return _Compiled(methods, re.compile(exact), re.compile(loose or "/"), need)
    return _Compiled(methods, re.compile(f"{exact}/.*"), re.compile(f"{loose}(?:/.*)?"), need)


def _demand(scope: Demand, where: str) -> Demand:
    """Return a demand that can be a key of a dictionary.

    Raises:
        ConfigurationError: No key can meet it.
    """
    try:
        scopes = check_demand(scope)
    except InvalidRequest as error:
        message = str(error)
    else:
        return NO_SCOPE if not scopes else scopes[0] if len(scopes) == 1 else scopes
    raise ConfigurationError(f"{where} cannot be used: {message}")


def _expression(stem: str) -> str:
    """Return a path as a regular expression, in which ``{name}`` stands for a part of a segment."""
    return "[^/]+".join(map(re.escape, _PLACEHOLDER.split(stem)))


def _decoded(path: str) -> str | None:
    """Return a path as an application reads it; None if some reader may see other segments."""
    if len(path) > LONGEST_URI or not _PATH.fullmatch(path) or "//" in path:
        return None
    if "%" not in path:
        return path if _is_plain(path, path) else None
    raw = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), path).encode("latin-1")
    try:
        decoded = raw.decode()
    except UnicodeDecodeError:
        return None
    return decoded if _is_plain(decoded, path) else None


def _folded(decoded: str) -> str | None:
    """Return a path as it is for a reader who ignores case, look-alikes, and what ends a segment or the path."""
    folded = normalize("NFKC", decoded).casefold()
    if not _is_plain(folded, decoded):
        return None
    return "/".join([segment.rstrip(" .") for segment in folded.split("/")]).rstrip("/") or "/"


def _is_plain(path: str, before: str) -> bool:
    """Return whether a path has as many segments as before, and none that consists of dots and blanks."""
    if not path.isprintable() or not _MISREAD.isdisjoint(path) or path.count("/") != before.count("/"):
        return False
    segments = path[1:].removesuffix("/").split("/")
    return segments == [""] or all(segment.strip(" .") for segment in segments)
