"""The words of an enumeration as a store keeps them, also those of a newer version of this package. Pure.

While processes are replaced by newer ones, the older ones read what the newer ones write. A word that an older process
does not know is shown as it is.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from enum import StrEnum
    from typing import TypeVar

    Word = TypeVar("Word", bound=StrEnum)

__all__ = ["kept_word"]


def kept_word(words: type[Word], text: str) -> Word:
    """Return the member for a text that a store keeps.

    A text without a member gives a value of the same type, whose name is the text. It is no member: it is in no list of
    the enumeration, and nobody can ask for it.

    Args:
        words: The enumeration.
        text: The text in the row.
    """
    member = words._value2member_map_.get(text)
    if member is None:
        member = str.__new__(words, text)
        member._name_ = member._value_ = text
    return member  # type: ignore[return-value]  # its members are of its type
