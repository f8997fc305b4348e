"""What the callers of a service were told, and what of it was not kept. The judgement asks nobody."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Happening", "Kept", "Key", "Ledger", "Verdict", "Window"]

PATIENCE = 5.0
"""Seconds after a server came back in which refusals for its sake may go on: it is tried again each second."""


@dataclass
class Key:
    """A key that was issued: the answer that held its text arrived."""

    key_id: str
    text: str = field(repr=False)
    revoking: float | None = None
    revoked: float | None = None


class Verdict(NamedTuple):
    """The answer about a key, with the times of the question and the answer, in monotonic seconds."""

    key_id: str
    asked: float
    told: float
    code: str


class Window(NamedTuple):
    """The time in which a server behind the service was away."""

    began: float
    ended: float

    def covers(self, moment: float) -> bool:
        """Whether a refusal at a moment may be for its sake."""
        return self.began <= moment <= self.ended + PATIENCE


class Happening(NamedTuple):
    """An event of the feed."""

    position: int
    subject: str
    id: str
    revision: int
    kind: str


class Kept(NamedTuple):
    """What the store and the feed of events have at the end.

    Attributes:
        named: The ids of the keys by their names, which are the tokens of the requests.
        events: The feed.
    """

    named: Mapping[str, list[str]]
    events: Sequence[Happening]

    def counted(self, kind: str) -> Counter[str]:
        """Count the events of one kind, by the key or the owner."""
        return Counter(event.id for event in self.events if event.kind == kind)


@dataclass
class Ledger:
    """Everything that the callers were told; each list is only added to, by any thread."""

    tokens: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    texts: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    keys: list[Key] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    failures: list[tuple[float, int, str]] = field(default_factory=list)
    cut: list[float] = field(default_factory=list)
    rotated: list[str] = field(default_factory=list)
    suspended: list[str] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)

    def __str__(self) -> str:
        codes = Counter(verdict.code for verdict in self.verdicts)
        ended = sum(key.revoked is not None for key in self.keys)
        statuses = Counter(status for _, status, _ in self.failures)
        return (
            f"{len(self.keys)} keys issued, {len(self.rotated)} rotated, {ended} revoked, {len(self.tokens)} tokens; "
            f"{len(self.verdicts)} verdicts: {dict(codes)}; "
            f"{len(self.cut)} connections cut; answers of 5xx: {dict(statuses)}; "
            f"latest acceptance of a revoked key: {self.latest():.3f} s after the answer to its revocation"
        )

    @property
    def has_enough(self) -> bool:
        """Whether enough has happened to be judged."""
        revoked = sum(key.revoked is not None for key in self.keys)
        return len(self.keys) > 10 and revoked > 3 and bool(self.rotated) and bool(self.suspended)

    def told(self) -> Iterable[tuple[str, str]]:
        """Return the changes that a caller was told of: ids, each with the type of the webhook that tells of it."""
        for key in self.keys:
            yield key.key_id, "key.issued"
            if key.revoked is not None:
                yield key.key_id, "key.revoked"
        yield from ((key_id, "key.rotated") for key_id in self.rotated)
        yield from ((owner, "owner.suspended") for owner in self.suspended)

    def latest(self) -> float:
        """Seconds after the answer to its revocation in which a key was still accepted, at most."""
        ended = {key.key_id: key.revoked for key in self.keys if key.revoked is not None}
        return max(
            (one.asked - ended[one.key_id] for one in self.verdicts if one.code == "accepted" and one.key_id in ended),
            default=0.0,
        )

    def broken(self, kept: Kept, bound: float) -> list[str]:
        """Return each promise that was broken.

        Args:
            kept: What the store has.
            bound: Seconds within which a revoked key must be refused everywhere.
        """
        return [*self._verdicts(bound), *self._answers(), *self._keys(kept)]

    def _verdicts(self, bound: float) -> Iterable[str]:
        known = {key.key_id: key for key in self.keys}
        for one in self.verdicts:
            key = known[one.key_id]
            is_away = any(window.covers(one.told) for window in self.windows)
            if one.code == "accepted" and key.revoked is not None and one.asked > key.revoked + bound:
                yield f"{one.key_id} was accepted {one.asked - key.revoked:.2f} s after its revocation was answered"
            if one.code == "unavailable" and not is_away:
                yield f"{one.key_id} could not be checked while both servers were there"
            if one.code not in {"accepted", "unavailable"} and (key.revoking is None or one.told < key.revoking):
                yield f"{one.key_id} was refused ({one.code}) before anybody revoked it"

    def _answers(self) -> Iterable[str]:
        for moment, status, where in self.failures:
            if status != 503 or not any(window.covers(moment) for window in self.windows):
                yield f"{where} was answered {status}"

    def _keys(self, kept: Kept) -> Iterable[str]:
        for token, ids in self.tokens.items():
            if len(ids) > 1 or len(kept.named.get(token, [])) > 1 or len(self.texts[token]) > 1:
                yield f"the request {token} made more than one key, or gave its text twice"
        stored = {key_id for ids in kept.named.values() for key_id in ids}
        issued, rotated, revoked = (kept.counted(kind) for kind in ("issued", "rotated", "revoked"))
        for key in self.keys:
            if key.key_id not in stored:
                yield f"{key.key_id} was issued, and is lost"
            if issued[key.key_id] != 1:
                yield f"{key.key_id} has {issued[key.key_id]} events of its issue"
            if key.revoked is not None and revoked[key.key_id] != 1:
                yield f"{key.key_id} has {revoked[key.key_id]} events of its revocation"
        for key_id in self.rotated:
            if rotated[key_id] != 1:
                yield f"{key_id} has {rotated[key_id]} events of its rotation"
