"""The result of a check: a value that is true or false, with an answer that is safe to show to clients. Pure.

Inside, a rejection has its exact `Reason`, for audits and dashboards. Outside there are only a few `Answer`s, so that
an unknown key, a malformed one and a wrong secret look alike.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import enum
from typing import TypeAlias, final

from secretsource._ground.namedtuple import NamedTuple
from secretsource.exceptions import InsufficientScope, InvalidKey, KeyRejected, RateLimited, StoreError
from secretsource.limiters.base import Draw
from secretsource.stores.base import Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Literal

    from secretsource.exceptions import SecretSourceError
    from secretsource.limiters.base import Grant, LimitState
    from secretsource.stores.base import KeyRecord

__all__ = ["Accepted", "Answer", "Reason", "Rejected", "Verdict"]


class Reason(enum.Enum):
    """The inner reason of a rejection, for audits; never shown outside."""

    MISSING = "missing"
    AMBIGUOUS = "ambiguous"
    MALFORMED = "malformed"
    BAD_CHECKSUM = "bad_checksum"
    NOT_OURS = "not_ours"
    UNKNOWN = "unknown"
    WRONG_SECRET = "wrong_secret"  # noqa: S105 - a word for it, and none itself
    PEPPER_RETIRED = "pepper_retired"
    TOO_COSTLY = "too_costly"
    REVOKED = "revoked"
    EXPIRED = "expired"
    DISABLED = "disabled"
    OWNER_SUSPENDED = "owner_suspended"
    NOT_YET = "not_yet"
    WRONG_KIND = "wrong_kind"
    WRONG_NETWORK = "wrong_network"
    INSUFFICIENT_SCOPE = "insufficient_scope"
    RATE_LIMITED = "rate_limited"
    QUOTA_EXCEEDED = "quota_exceeded"
    CREDITS_EXHAUSTED = "credits_exhausted"
    TOO_MANY_AT_ONCE = "too_many_at_once"
    COST_TOO_HIGH = "cost_too_high"
    LIMITER_UNAVAILABLE = "limiter_unavailable"
    STORE_UNAVAILABLE = "store_unavailable"
    OVERLOADED = "overloaded"
    VERIFIER_BUSY = "verifier_busy"

    @property
    def answer(self) -> Answer:
        """The public answer."""
        return _ANSWERS.get(self, _INVALID)


class Answer(NamedTuple):
    """The public answer to a rejected key.

    Attributes:
        status: The HTTP status.
        code: A stable code for machines.
        challenge: The ``error`` word of ``WWW-Authenticate`` (RFC 6750 §3), or None for a challenge without one.
        error: The exception that `verify` raises.
        sentence: The sentence for a person.
    """

    status: int
    code: str
    challenge: str | None
    error: type[SecretSourceError]
    sentence: str


_INVALID = Answer(
    401, "invalid_key", "invalid_token", InvalidKey, "the API key is not accepted: check it, or ask its issuer"
)
_UNAVAILABLE = Answer(503, "unavailable", None, StoreError, "API keys cannot be checked now: try again later")
_LIMITED = "the API key has used up its %s: try again later"
_ANSWERS = {
    Reason.MISSING: Answer(
        401, "missing_key", None, InvalidKey, "an API key is needed: send  Authorization: Bearer KEY"
    ),
    Reason.AMBIGUOUS: Answer(
        400, "ambiguous_key", "invalid_request", KeyRejected, "two different API keys were sent: send one"
    ),
    Reason.INSUFFICIENT_SCOPE: Answer(
        403,
        "insufficient_scope",
        "insufficient_scope",
        InsufficientScope,
        "the API key does not have the scope for this",
    ),
    Reason.RATE_LIMITED: Answer(429, "rate_limited", None, RateLimited, _LIMITED % "rate"),
    Reason.QUOTA_EXCEEDED: Answer(429, "quota_exceeded", None, RateLimited, _LIMITED % "quota"),
    Reason.CREDITS_EXHAUSTED: Answer(
        429,
        "credits_exhausted",
        None,
        RateLimited,
        "the API key has too few credits left for the request: have its issuer add some",
    ),
    Reason.TOO_MANY_AT_ONCE: Answer(
        429,
        "too_many_at_once",
        None,
        RateLimited,
        "the API key has too many requests under way: try again when one of them is done",
    ),
    Reason.COST_TOO_HIGH: Answer(
        429,
        "cost_too_high",
        None,
        RateLimited,
        "the request costs more than a limit of the API key ever allows: ask for less at once",
    ),
    Reason.LIMITER_UNAVAILABLE: _UNAVAILABLE,
    Reason.STORE_UNAVAILABLE: _UNAVAILABLE,
    Reason.OVERLOADED: _UNAVAILABLE,
    Reason.VERIFIER_BUSY: _UNAVAILABLE,
}


@final
class Accepted:
    """An accepted key: valid for the request; true.

    Attributes:
        record: The key's record.
    """

    # A cached check leaves the parts of a `Draw`, because few callers ask for it, and no date, receipt, or cost of one.
    __slots__ = ("_cost", "_granted", "_receipt", "_rotated", "record")
    __match_args__ = ("record",)

    def __init__(self, record: KeyRecord, draw: Draw | None = None, rotated: float | None = None) -> None:
        self.record = record
        self._rotated = rotated
        self._granted: Grant | None = None if draw is None else (draw.plan, draw.levels, draw.mono, draw.wall)
        self._cost: int
        self._receipt: Any

    def __bool__(self) -> Literal[True]:
        return True

    @property
    def key_id(self) -> str:
        """The key's locator: 22 characters of ``0-9A-Za-z``."""
        return self.record.key_id

    @property
    def owner(self) -> str:
        """The owner of the key."""
        return self.record.owner

    @property
    def draw(self) -> Draw | None:
        """The units that its limits granted, or None for a key without limits."""
        return None if self._granted is None else Draw(*self._granted)

    @property
    def limits(self) -> Sequence[LimitState]:
        """The state of each of the key's limits after this check."""
        draw = self.draw
        return () if draw is None else draw.states

    @property
    def remaining(self) -> int | None:
        """Requests that the tightest of its limits still allows at once, or None without limits."""
        return min((state.remaining for state in self.limits), default=None)

    @property
    def rotated(self) -> float | None:
        """For a key in rotation: its beginning, in seconds since 1970 UTC, where that is known; else None."""
        return getattr(self, "_rotated", None)

    @property
    def sunset(self) -> float | None:
        """For a rotated key: its end, in seconds since 1970 UTC (RFC 8594); None for any other."""
        return self.record.overlap_ends if self.record.status is Status.ROTATING else None

    def __repr__(self) -> str:
        return f"Accepted({self.record.display!r}, owner={self.record.owner!r})"


@final
class Rejected:
    """A rejected key: not valid for the request; false.

    Attributes:
        reason: The inner reason, for audits; never shown outside.
        record: The key's record, if the whole key matched it; else None.
        scopes: The scopes that the request needs, after INSUFFICIENT_SCOPE.
        draw: The refusal of its limits, after RATE_LIMITED, QUOTA_EXCEEDED, CREDITS_EXHAUSTED, TOO_MANY_AT_ONCE and
            COST_TOO_HIGH.
    """

    __slots__ = ("draw", "reason", "record", "scopes")
    __match_args__ = ("reason",)

    def __init__(
        self,
        reason: Reason,
        record: KeyRecord | None = None,
        *,
        scopes: tuple[str, ...] = (),
        draw: Draw | None = None,
    ) -> None:
        self.reason = reason
        self.record = record
        self.scopes = scopes
        self.draw = draw

    def __bool__(self) -> Literal[False]:
        return False

    @property
    def answer(self) -> Answer:
        """The public answer."""
        return self.reason.answer

    @property
    def limits(self) -> Sequence[LimitState]:
        """The state of each of the key's limits, if one of them refused."""
        return () if self.draw is None else self.draw.states

    @property
    def retry_after(self) -> float | None:
        """Seconds after which to try again, or None if waiting does not help."""
        return None if self.draw is None else self.draw.retry_after

    def error(self) -> SecretSourceError:
        """Return the exception with the public answer, and no more."""
        answer = self.answer
        if issubclass(answer.error, KeyRejected):
            return answer.error(answer.sentence, reason=answer.code)
        return answer.error(answer.sentence)

    def __repr__(self) -> str:
        return f"Rejected({self.reason.value!r})"


Verdict: TypeAlias = Accepted | Rejected
"""The result of a check: true or false by its type."""
