"""The lists of routes of an application, which must be as they were when its routes were checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


class RouteLists:
    """The lists of an application and of all its mounts and routers.

    A route that is added, taken away or replaced in any of them is noticed. An object that equals another is another
    route, so they are compared by identity.
    """

    __slots__ = ("_lists",)

    def __init__(self) -> None:
        self._lists: list[tuple[Sequence[Any], list[Any], list[int]]] = []

    def add(self, routes: Sequence[Any]) -> None:
        """Remember a list as it is now.

        Args:
            routes: The list, which the application goes on using.
        """
        copied = [*routes]  # keeps each route, so that no other gets its identity
        self._lists.append((routes, copied, [*map(id, copied)]))

    def are_unchanged(self) -> bool:
        """Return whether all lists are as they were; False before the first one."""
        for routes, _, identities in self._lists:
            if [*map(id, routes)] != identities:
                return False
        return bool(self._lists)
