"""A graft: the code of functions that are loaded is replaced, so that a fault needs no new import.

A fault that works while its module is imported (a constant, a default, the body of a class) cannot be grafted.
"""

from __future__ import annotations

import gc
import inspect
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

__all__ = ["difference", "graft", "living"]


def difference(old: CodeType, new: CodeType) -> list[tuple[CodeType, CodeType]] | None:
    """Return the functions that differ between two codes of one module; None if an import already runs otherwise."""
    ours, theirs = _inner(old), _inner(new)
    if len(ours) != len(theirs) or _outer(old) != _outer(new):
        return None
    found: list[tuple[CodeType, CodeType]] = []
    for before, after in zip(ours, theirs, strict=True):
        if before == after:
            continue
        if before.co_flags & inspect.CO_OPTIMIZED:
            if before.co_freevars != after.co_freevars:
                return None
            found.append((before, after))
            continue
        within = difference(before, after)
        if within is None:
            return None
        found += within
    return found


def living(filename: str) -> Mapping[CodeType, Sequence[FunctionType]]:
    """Return the functions of a file that are loaded, by their code."""
    found: dict[CodeType, list[FunctionType]] = {}
    gc.unfreeze()  # what is frozen is not listed: `tests/conftest.py` freezes all that the tests import
    for each in gc.get_objects():
        if type(each) is FunctionType and each.__code__.co_filename == filename:
            found.setdefault(each.__code__, []).append(each)
    return found


def graft(module: ModuleType, pairs: Sequence[tuple[FunctionType, CodeType]]) -> None:
    """Give functions other code, and forget the results that the module remembers of the old."""
    for function, code in pairs:
        function.__code__ = code
    for value in vars(module).values():
        if callable(clear := getattr(value, "cache_clear", None)):
            clear()


def _inner(code: CodeType) -> list[CodeType]:
    return [constant for constant in code.co_consts if isinstance(constant, CodeType)]


def _outer(code: CodeType) -> CodeType:
    """Return a code without the functions and classes in it, and without its columns, which tell where they end."""
    bare = tuple(None if isinstance(constant, CodeType) else constant for constant in code.co_consts)
    return code.replace(co_consts=bare, co_linetable=b"")
