"""Values that mean "nothing was given", where None is itself a legal value."""

from __future__ import annotations

import enum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, Literal, TypeAlias

    UnsetType: TypeAlias = "Literal[_Sentinel.UNSET]"


class _Sentinel(enum.Enum):
    UNSET = "UNSET"

    def __repr__(self) -> str:
        return self.value

    def __bool__(self) -> bool:
        return False


UNSET: Final = _Sentinel.UNSET
"""No default was given: a missing secret is an error. None, in contrast, is a default that you may choose."""
