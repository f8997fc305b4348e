"""A row of a driver's table of errors: the meaning of one vendor error, in our words.

Each driver has its own table; all rows become an outcome in the same way.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import re
from typing import NamedTuple, overload

from secretsource.providers.base import Failed, FailureCode, NotFound

__all__ = ["Meaning", "told_with_place", "wait_of"]

_WAIT = re.compile(r"[0-9]{1,9}")


class Meaning(NamedTuple):
    """The meaning of an error.

    Attributes:
        code: The failure, or None if the secret is not there.
        reason: One clause in our words, or None if NotFound says it all.
        remedy: The next step for the reader; a word in braces stands for a fact of the call, such as a permission.
    """

    code: FailureCode | None
    reason: str | None
    remedy: str | None = None

    def outcome(self, sdk_error: str, wait: float | None = None, **words: str) -> NotFound | Failed:
        """Return the outcome that the error stands for.

        Args:
            sdk_error: Its code or class name, as the vendor writes it.
            wait: Seconds that the service asked us to wait; only for retryable failures.
            words: The replacements of the words in braces.
        """
        return NotFound(self.reason) if self.code is None else self.failure(sdk_error, wait, **words)

    def failure(self, sdk_error: str, wait: float | None = None, **words: str) -> Failed:
        """Return the same as `outcome`, for an error that cannot mean an absence."""
        assert self.code is not None
        remedy = self.remedy
        for word, meant in words.items():
            remedy = remedy and remedy.replace(f"{{{word}}}", meant)
        return Failed(self.code, self.reason, remedy, sdk_error, wait if self.code.retryable else None)


def wait_of(told: object) -> float | None:
    """Return the wait that a service asks for: the number in a header such as ``Retry-After``, in the header's unit.

    None for a missing header, or for text that is not a number of up to nine digits, such as a date.
    """
    return float(told) if isinstance(told, str) and _WAIT.fullmatch(told) else None


@overload
def told_with_place(answer: Failed, place: str) -> Failed: ...


@overload
def told_with_place(answer: NotFound | Failed, place: str) -> NotFound | Failed: ...


def told_with_place(answer: NotFound | Failed, place: str) -> NotFound | Failed:
    """Return the outcome of a service without a value, with the place asked in its reason."""
    if answer.reason is not None and place in answer.reason:
        return answer
    if isinstance(answer, NotFound):
        return NotFound(f"{answer.reason} (in {place})" if answer.reason else f"not in {place}")
    return answer._replace(reason=f"{answer.reason or answer.code.value} (in {place})")
