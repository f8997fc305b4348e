"""The words for what the library refuses: by the kind of the refusal and the field, never by its English text. Pure.

A kind is the name of an exception, the code of a problem, or the type of an error of pydantic.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.server.pages.looks.words import mark
from secretsource.server.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["INVALID", "MISTAKES", "kinds_of", "words_for"]

INVALID = "InvalidRequest"
"""The kind of a field that is not as the library wants it."""
_ONE_LINE = mark("Write at most 255 characters, on one line.")

MISTAKES: Mapping[tuple[str, str], str] = {
    (INVALID, "name"): mark("The name must be at most 255 characters, on one line, without an API key in it."),
    (INVALID, "owner"): mark(
        "The id of a customer must be at most 255 characters, on one line, and not a reserved one."
    ),
    (INVALID, "plan"): mark("The id of a plan must be at most 255 characters, on one line."),
    (INVALID, "scopes"): mark("Write scopes such as invoices:read or invoices:*, at most 1,000 of them."),
    (INVALID, "networks"): mark("Write addresses or networks such as 203.0.113.0/24, one on each line."),
    (INVALID, "rate_limit"): mark(
        "Write limits such as 1000/minute or 10/second burst 20, with commas between them, and one for each period."
    ),
    (INVALID, "quota"): mark("Write quotas such as 100000/month or 500/day add up to 2000, and one for each period."),
    (INVALID, "max_keys"): mark("Write a whole number from 1 to 1,000,000."),
    (INVALID, "max_life"): mark("Write a number of days, such as 90."),
    (INVALID, "environments"): mark("Write environments of 2 to 8 letters a to z, such as live, test."),
    (INVALID, "environment"): mark("Choose from the list."),
    (INVALID, "expires_at"): mark("The key would end before it begins: choose a later end."),
    (INVALID, "expires_in"): mark("Write a number of days, such as 90."),
    (INVALID, "overlap"): mark("Choose from the list."),
    (INVALID, "reason"): _ONE_LINE,
    ("PlanExceeded", ""): mark(
        "Your plan does not allow this key: revoke one that you do not need, or choose an earlier end."
    ),
    ("PlanExceeded", "scopes"): mark("Your plan does not have one of these scopes any more: choose again."),
    ("PlanExceeded", "environment"): mark("Your plan does not have this environment: choose another one."),
    ("PlanNotFound", ""): mark("There is no such plan."),
    ("RepeatDiffers", ""): mark("A key was made by this form before. Press the button again to make another one."),
    ("RepeatTooSoon", ""): mark("This form is being worked on still. Wait some seconds, and send it again."),
    ("Conflict", ""): mark("Somebody else has changed this meanwhile: open it again."),
    ("InvalidTransition", ""): mark("The key is in a state that does not allow this. Look at it again."),
    ("beyond_caller", ""): mark(
        "A root key cannot give more than it has. Leave out scopes that you lack, and keep to your customer, your "
        "networks and your end."
    ),
    ("too_short", "scopes"): mark("Choose what the key may do."),
    ("missing", "scopes"): mark("Choose what the key may do."),
    ("string_too_long", "rate_limit"): _ONE_LINE,
    ("string_too_long", "quota"): _ONE_LINE,
}
"""The words by kind and field; the empty field stands for each field that has no words of its own."""


def words_for(kinds: Iterable[str], field: str) -> str | None:
    """Return the words for a refusal, in English; None for a refusal without words.

    Args:
        kinds: Its kinds, the nearest first.
        field: The field that is wrong; empty if no single one is.
    """
    for kind in kinds:
        words = MISTAKES.get((kind, field)) or MISTAKES.get((kind, ""))
        if words is not None:
            return words
    return None


def kinds_of(error: Exception) -> list[str]:
    """Return the kinds of an error, the nearest first: a problem is of the kind of its code.

    Args:
        error: The error.
    """
    return [error.code] if isinstance(error, Problem) else [each.__name__ for each in type(error).__mro__]
