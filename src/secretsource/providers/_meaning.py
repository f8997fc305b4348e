"""A row of a driver's table of errors: what one of its vendor's errors means, in our words.

Each driver has such a table of its own; what a row comes to is the same for all.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import re
from typing import NamedTuple, overload

from secretsource.providers.base import Failed, FailureCode, NotFound

__all__ = ["Meaning", "told_with_place", "wait_of"]

_WAIT = re.compile(r"[0-9]{1,9}")


class Meaning(NamedTuple):
    """What an error comes down to.

    Attributes:
        code: The failure, or None when it means that the secret is not there.
        reason: One clause in our words, or None where NotFound says it all.
        remedy: What to do next; a word in braces stands for what only the call knows, such as a permission.
    """

    code: FailureCode | None
    reason: str | None
    remedy: str | None = None

    def outcome(self, sdk_error: str, wait: float | None = None, **words: str) -> NotFound | Failed:
        """The outcome that the error stands for.

        Args:
            sdk_error: Its code or class name, as the vendor has it.
            wait: Seconds that the service asked us to wait; only for what may be tried again.
            words: What stands for the words in braces.
        """
        return NotFound(self.reason) if self.code is None else self.failure(sdk_error, wait, **words)

    def failure(self, sdk_error: str, wait: float | None = None, **words: str) -> Failed:
        """As `outcome`, of an error that cannot mean an absence."""
        assert self.code is not None
        remedy = self.remedy
        for word, meant in words.items():
            remedy = remedy and remedy.replace(f"{{{word}}}", meant)
        return Failed(self.code, self.reason, remedy, sdk_error, wait if self.code.retryable else None)


def wait_of(told: object) -> float | None:
    """How long a service asks to be left alone: the number in a header such as ``Retry-After``, in the header's unit.

    None for a header that is not there, or is no number of up to nine digits: a date, or a slip.
    """
    return float(told) if isinstance(told, str) and _WAIT.fullmatch(told) else None


@overload
def told_with_place(answer: Failed, place: str) -> Failed: ...


@overload
def told_with_place(answer: NotFound | Failed, place: str) -> NotFound | Failed: ...


def told_with_place(answer: NotFound | Failed, place: str) -> NotFound | Failed:
    """What a service says instead of a value, with the place that was asked in its reason, unless it is there."""
    if answer.reason is not None and place in answer.reason:
        return answer
    if isinstance(answer, NotFound):
        return NotFound(f"{answer.reason} (in {place})" if answer.reason else f"not in {place}")
    return answer._replace(reason=f"{answer.reason or answer.code.value} (in {place})")
