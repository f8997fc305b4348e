"""Paths that need no key, or may go without one. Pure.

A path that some server or application might read differently needs a key: only paths plainly below a folder do not.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from typing import final
from unicodedata import normalize

from secretsource._ground.key_text import quote
from secretsource.exceptions import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Paths", "routed"]

_MISREAD = frozenset("\\;%?#")
"""Characters that Windows, servlet containers or a second decoding take for the end of a segment, or for an escape."""


@final
class Paths:
    """Exact paths, and all paths plainly below a folder.

    Args:
        paths: ``/health`` for one path, ``/static/*`` for all paths below ``/static/``.
        what: The name of these paths in messages: ``exempt`` or ``optional``.

    Raises:
        ConfigurationError: A path has another form.
    """

    def __init__(self, paths: Iterable[str], what: str) -> None:
        if isinstance(paths, str):
            raise ConfigurationError(f"{what} paths must be a list of texts, not one text: write  {what}=[...]")
        exact, below = set[str](), list[str]()
        for path in paths:
            stem = path.removesuffix("*")
            if not path.startswith("/") or "*" in stem or (stem != path and not (stem.endswith("/") and stem != "/")):
                raise ConfigurationError(f"{what} path {quote(path, 80)} must be of the form  /health  or  /static/*")
            if stem == path:
                exact.add(path)
            else:
                below.append(stem)
        self._exact, self._below = frozenset(exact), tuple(below)

    def __bool__(self) -> bool:
        return bool(self._exact or self._below)

    def has(self, path: str) -> bool:
        """Return whether a path is in the set.

        Args:
            path: The path as the application routes it; see `routed`.
        """
        if path in self._exact:
            return True
        return path.startswith(self._below) and any(
            _is_plain(path[len(stem) :]) for stem in self._below if path.startswith(stem)
        )

    def covers(self, route: str) -> bool:
        """Return whether all paths of a route are in the set, or below its folders.

        Args:
            route: The route as the framework writes it; a placeholder such as ``{name}`` stands for itself.
        """
        return route in self._exact or route.startswith(self._below)


def routed(path: str, root_path: str) -> str:
    """Return the path by which an application routes: without its mount point.

    Args:
        path: The whole path.
        root_path: The mount point of the application; it comes from the server or a router, never from the client.
    """
    if not root_path:
        return path
    root = root_path.rstrip("/")
    rest = path[len(root) :]
    return rest if root and path.startswith(root) and rest[:1] in {"", "/"} else path


def _is_plain(rest: str) -> bool:
    """Return whether the rest of a path stays below its folder for any reader, even if it folds look-alikes (NFKC)."""
    folded = normalize("NFKC", rest)
    if not folded.isprintable() or not _MISREAD.isdisjoint(folded) or folded.count("/") != rest.count("/"):
        return False
    segments = folded.removesuffix("/").split("/") if folded else []
    return all(segment.strip(" .") for segment in segments)
