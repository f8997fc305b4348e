"""The class syntax of `typing.NamedTuple` without `typing`, which is the slowest import of a first look-up.

A type checker sees `typing.NamedTuple` itself. At run time the same named tuples are made, without evaluating the
annotations: `typing` and its own imports cost half of the whole import of the package. It also compiles each annotation
that is a text, which takes twice as long as the class itself.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from collections import namedtuple

    _OWN = {"__annotations__", "__dict__", "__module__", "__qualname__", "__slots__"}

    class _Fields(type):
        """The maker of a named tuple for each class that is derived from `NamedTuple`."""

        def __new__(meta, name: str, bases: tuple[type, ...], body: dict[str, object]) -> type:
            if not bases:
                return super().__new__(meta, name, bases, body)
            fields = body.get("__annotations__", {})
            defaults = [body.pop(field) for field in fields if field in body]
            made = namedtuple(name, fields, defaults=defaults, module=body["__module__"])
            made.__annotations__ = made.__new__.__annotations__ = fields
            for word, value in body.items():
                if word not in _OWN:
                    setattr(made, word, value)
            return made

    class NamedTuple(metaclass=_Fields):
        """The base class of a named tuple; write its fields as annotations."""


__all__ = ["NamedTuple"]
