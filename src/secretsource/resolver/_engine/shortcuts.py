"""The short ways from a name to its value.

A name that was answered from memory needs one look-up for a second. Then the chain is walked again, and the cheap
providers before the one that answered are asked again. A name that the first provider gave directly is asked for there,
without a walk.
"""

# pure: decides from its arguments, the time among them; the caller holds the lock

from __future__ import annotations

from secretsource._ground.namedtuple import NamedTuple
from secretsource.providers.base import AsyncProvider
from secretsource.resolver._walk.agreement import torn
from secretsource.resolver._walk.delivery import as_fresh

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from secretsource._ground.clock import Instant
    from secretsource._secret import Secret
    from secretsource.providers.base import SecretRef
    from secretsource.resolver._walk.cache import CachedAnswer
    from secretsource.resolver._walk.resolution import Request, Resolution
    from secretsource.resolver._walk.route import Route

__all__ = ["HOT_SECONDS", "Near", "Shortcuts", "at_once"]

HOT_SECONDS = 1.0
"""How long a read may be answered without looking at the chain; then the cheap sources before it are asked again."""


class Near(NamedTuple):
    """Where a name was found by the first provider that was asked, which is cheaper to ask than to remember."""

    name: str
    route: Route
    ref: SecretRef


class Shortcuts:
    """The short ways of one resolver.

    Args:
        most: Most names with a short way of either kind, at least 1.

    Attributes:
        hot: Name to the seconds of the wall clock from which and until which a secret answers it at once.
        near: Name to the place where it is asked for directly, without a walk of the chain.
        allowed: Whether short ways may be taken; not while a test lays its values over the chain.
        cooled: How many times names were taken off ``hot``: between two such times it has one version of a document.
    """

    def __init__(self, most: int) -> None:
        self.hot: dict[str, tuple[float, float, Secret]] = {}
        self.near: dict[str, Near] = {}
        self.allowed = True
        self.cooled = 0
        self._most = most

    def note_hot(self, name: str, at: Instant, entries: Iterable[CachedAnswer], secret: Secret) -> None:
        """Answer a name by one look-up, until the first of the entries behind it passes to another age.

        A read that met an answer due for a refresh has started it by now, and its landing takes the name off again.
        """
        lasts = HOT_SECONDS
        for entry in entries:
            lasts = min(lasts, entry.passes(at) - at.mono)
        if lasts > 0.0:
            _make_room(self.hot, name, self._most)
            self.hot[name] = (at.wall, at.wall + lasts, secret if secret.served == "fresh" else as_fresh(secret))

    def note_near(self, request: Request, result: Resolution) -> None:
        """Ask for a name where it was found, if that was the first place asked and nothing had to be selected."""
        route = result.route
        if len(result.steps) != 1 or route is None or not route.direct or isinstance(route.provider, AsyncProvider):
            return
        if result.ref.field is None and not result.fields:
            _make_room(self.near, request.name, self._most)
            self.near[request.name] = Near(request.name, route, result.ref)

    def many(self, names: list[str], wall: float) -> tuple[dict[str, Any], bool]:
        """Return what `at_once` does, and whether it is all of the names, with every document of one version."""
        cooled = self.cooled
        found = at_once(self.hot, names, wall)
        return found, len(found) == len(names) and (self.cooled == cooled or not torn(found, {}))

    def cool(self, entry: CachedAnswer | None) -> None:
        """Let the names that were answered from an entry go the long way again."""
        if entry is not None:
            self.cooled += 1
            for name, _ in tuple(entry.readers):
                self.hot.pop(name, None)

    def forget(self) -> None:
        """Let every name go the long way again."""
        self.hot.clear()
        self.near.clear()


def at_once(hot: dict[str, tuple[float, float, Secret]], names: Iterable[str], wall: float) -> dict[str, Any]:
    """Return the secrets of those names that one look-up answers at this second of the wall clock."""
    found: dict[str, Secret] = {}
    for name in names:
        try:
            since, until, secret = hot[name]
        except (KeyError, TypeError):
            continue
        if since <= wall < until:
            found[name] = secret
    return found


def _make_room(ways: dict[str, tuple[float, float, Secret]] | dict[str, Near], name: str, most: int) -> None:
    """Drop the oldest way if one more would be too many."""
    if len(ways) >= most and name not in ways:
        ways.pop(next(iter(tuple(ways))), None)
