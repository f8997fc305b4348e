"""Faults that are none: the module does the same with them in, for the reason beside each.

An entry that fits no fault of its module any more is an error, and so is one that a test does find.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.mutants.operators import Mutant

__all__ = ["EQUIVALENT", "Equivalent", "unused"]


class Equivalent(NamedTuple):
    """A fault that changes nothing that anybody could see.

    Attributes:
        module: Its file.
        within: The function that it is in.
        was: What the code says.
        becomes: What it might say as well.
        why: Why this is the same.
    """

    module: str
    within: str
    was: str
    becomes: str
    why: str

    def fits(self, module: str, mutant: Mutant) -> bool:
        """Whether a fault is the one that is meant."""
        return (module, mutant.within, mutant.was, mutant.becomes) == self[:4]


def unused(entries: Sequence[Equivalent], module: str, mutants: Sequence[Mutant]) -> list[Equivalent]:
    """The entries of a module that fit none of its faults."""
    of_module = (entry for entry in entries if entry.module == module)
    return [entry for entry in of_module if not any(entry.fits(module, mutant) for mutant in mutants)]


EQUIVALENT: tuple[Equivalent, ...] = ()
