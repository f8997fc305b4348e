"""JSON documents that cannot be changed by mistake: a returned document cannot change the stored one.

They are a `dict` and a `list` to every reader (``==``, ``json.dumps``), and refuse each change. A copy, a deep copy and
a pickle are plain again.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["FrozenDict", "FrozenList", "freeze", "frozen_document"]


def _refused(*_: Any, **__: Any) -> Any:
    raise TypeError("this document is part of a record and cannot be changed: change a copy of it")


class FrozenDict(dict[str, "Any"]):
    """A JSON object that cannot be changed."""

    __slots__ = ()

    __setitem__ = __delitem__ = __ior__ = _refused
    clear = pop = popitem = setdefault = update = _refused

    def __copy__(self) -> dict[str, Any]:
        return dict(self)

    def __deepcopy__(self, memo: object) -> dict[str, Any]:
        return {name: _thawed(value) for name, value in self.items()}

    def __reduce__(self) -> tuple[Any, ...]:
        return (dict, (self.__deepcopy__(None),))


class FrozenList(list["Any"]):
    """A JSON array that cannot be changed."""

    __slots__ = ()

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refused
    append = clear = extend = insert = pop = remove = reverse = sort = _refused

    def __copy__(self) -> list[Any]:
        return list(self)

    def __deepcopy__(self, memo: object) -> list[Any]:
        return [_thawed(value) for value in self]

    def __reduce__(self) -> tuple[Any, ...]:
        return (list, (self.__deepcopy__(None),))


def frozen_document(document: Mapping[str, Any]) -> FrozenDict:
    """Return a JSON object, frozen to its depth; the argument is not changed."""
    if type(document) is FrozenDict:
        return document
    return FrozenDict({name: freeze(value) for name, value in document.items()})


def freeze(value: Any) -> Any:
    """Return a JSON value, frozen to its depth."""
    if isinstance(value, dict):
        return frozen_document(value)
    if isinstance(value, (list, tuple)):
        return FrozenList(map(freeze, value))
    return value


def _thawed(value: Any) -> Any:
    return value.__deepcopy__(None) if isinstance(value, (FrozenDict, FrozenList)) else value
