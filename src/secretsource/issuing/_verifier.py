"""The check of a key, in numbered steps; each is one function of its inputs, and none reaches back.

 0  take the credential      none at all, or over 512 characters: rejected unread
 1  hash the whole text      under the newest pepper
 2  look into the cache      a fresh record: go on at 6
 3  parse                    grammar and checksum
 4  open the locator         not sealed by us: rejected, and the store has heard nothing of it
 5  look the record up       one question; then compare in constant time, before anything of the record is answered;
                             of a text that matched before, only whether its record has changed
 6  status and time
 7  network
 8  scopes
 9  rate limit and quota     only now: who guesses secrets must not use up, or lock out, a customer
10  verdict
11  note the use             in memory; it is flushed in batches

`Verifier.glance` does all of it for a key that is fresh in the cache, without a lock or a generator; `present` and
`verify` are the long way. Both weigh the same `Entry`.
"""

from __future__ import annotations

from hmac import compare_digest
from time import monotonic
from typing import Any

from secretsource._clock import SYSTEM_CLOCK
from secretsource.exceptions import InvalidRequest, StoreError
from secretsource.issuing import _foreign as foreign
from secretsource.issuing import _lifecycle as lifecycle
from secretsource.issuing import _policy as policy
from secretsource.issuing._format import LONGEST_CREDENTIAL
from secretsource.issuing._record_cache import RENEWABLE
from secretsource.issuing._verdict import Accepted, Reason, Rejected
from secretsource.issuing.limits import LocalLimiter, Rate
from secretsource.stores.base import Status, Use

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import NoReturn

    from secretsource._clock import Instant
    from secretsource.issuing._flow import Flow
    from secretsource.issuing._policy import Demand
    from secretsource.issuing._record_cache import Entry
    from secretsource.issuing._verdict import Verdict
    from secretsource.issuing._wiring import Wiring
    from secretsource.issuing.limits import Draw, Plan
    from secretsource.stores.base import KeyRecord

_STATUS_REASONS = {
    Status.REVOKED: Reason.REVOKED,
    Status.EXPIRED: Reason.EXPIRED,
    Status.DISABLED: Reason.DISABLED,
}
_ACTIVE, _ROTATING = Status.ACTIVE, Status.ROTATING
_NO_HASH = bytes(32)
_SIMPLE_DEMANDS = frozenset({str, type(policy.NO_SCOPE)})


class Presented:
    """A credential that may be a key: hashes and a locator instead of its text, so that the text can be dropped.

    Attributes:
        hashes: Its hash under each pepper, by pepper version, newest first; 32 bytes each.
        hash: The hash under the newest pepper.
        key_id: Its locator, or None for a key of another grammar.
        lookups: What an imported record may be found by, for a key of another grammar.
        is_described_by: Whether a described hash of another system was made from it.
    """

    __slots__ = ("hash", "hashes", "is_described_by", "key_id", "lookups")

    def __init__(
        self,
        hashes: Mapping[str, bytes],
        key_id: str | None,
        lookups: tuple[bytes, ...] = (),
        is_described_by: Callable[[str], bool] | None = None,
    ) -> None:
        self.hashes = hashes
        self.hash = next(iter(hashes.values()))
        self.key_id = key_id
        self.lookups = lookups
        self.is_described_by = is_described_by

    def __repr__(self) -> str:
        return f"Presented(<masked>, key_id={self.key_id!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Presented holds what a key hashes to and is not pickled")


class Verifier:
    """Checks keys against one wiring."""

    def __init__(self, wiring: Wiring) -> None:
        self._w = wiring
        self._hash = wiring.peppers.newest.hash
        self._newest = wiring.peppers.newest.version
        self._has_one_pepper = len(wiring.peppers) == 1
        self._locate = wiring.format.locate
        self._is_ours = wiring.seals.is_ours
        self._now = wiring.clock.now
        self._get = wiring.cache.get
        self._seen = wiring.uses.seen
        self._on_check = wiring.on_check
        self._draw = wiring.limiter.draw if isinstance(wiring.limiter, LocalLimiter) else None
        self._mono = monotonic if wiring.clock is SYSTEM_CLOCK else lambda: wiring.clock.now().mono

    def glance(self, text: str | None, scope: Demand, ip: str | None, cost: int) -> Verdict | bytes | None:
        """Steps 0 to 11 for a key that is fresh in the cache, active and in time.

        Returns:
            The verdict; the hash of a text that is not fresh in the cache; None for all else that is less simple.
        """
        if type(text) is not str or len(text) > LONGEST_CREDENTIAL or cost < 0:
            return None
        now = self._mono()
        try:
            hashed = self._hash(text)
        except UnicodeEncodeError:
            return None
        entry = self._get(hashed)
        if entry is None or now >= entry.until:
            return hashed
        if entry.networks is not None and not policy.is_within(entry.networks, ip):
            return None
        if scope.__class__ not in _SIMPLE_DEMANDS or scope not in entry.granted:
            return None
        record = entry.record
        plan = entry.plan
        draw = None
        if plan is not None:
            if self._draw is None:
                return None
            draw = self._draw(entry.limit_key, plan, cost, now, now + entry.drift)
            if draw.refused_by is not None:
                return self._told(_over_limit(record, draw))
        self._seen[record.key_id] = now
        verdict = Accepted(record, draw)
        return verdict if self._on_check is None else self._told(verdict)

    def _told(self, verdict: Verdict) -> Verdict:
        self.tell(verdict)
        return verdict

    def present(self, text: object, hashed: bytes | None = None) -> Presented | Rejected:
        """Steps 0, 1, 3 and 4: all that needs the text itself, and nothing that needs the store.

        Args:
            text: What the client sent.
            hashed: What `glance` has hashed it to.
        """
        if text is None:
            return Rejected(Reason.MISSING)
        if not isinstance(text, str) or len(text) > LONGEST_CREDENTIAL:
            return Rejected(Reason.MALFORMED)
        known = None if hashed is None else self._get(hashed)
        if known is not None and known.record.foreign is None:
            locator = known.record.key_id  # this very text has been through steps 3 and 4, and has matched
        else:
            located = self._locate(text)
            if isinstance(located, Rejected):
                return self._present_imported(text, located)
            if not self._is_ours(located):
                return Rejected(Reason.NOT_OURS)
            locator = located
        if hashed is not None and self._has_one_pepper:
            return Presented({self._newest: hashed}, locator)
        return Presented(self._w.peppers.hashes(text), locator)

    def _present_imported(self, text: str, otherwise: Rejected) -> Presented | Rejected:
        if not (self._w.imported and text and text.isprintable()):
            return otherwise
        hashes = self._w.peppers.hashes(text)
        lookups = (*hashes.values(), *foreign.lookups(text))
        return Presented(hashes, None, lookups, lambda described: foreign.matches(described, text))

    def verify(
        self, presented: Presented, scope: Demand, ip: str | None, *, cost: int, fresh: bool, agent: str | None
    ) -> Flow[Verdict]:
        """Steps 2 and 5 to 11, for a credential that may be a key.

        Args:
            presented: What `present` made of it.
            scope: What is demanded.
            ip: The address it came from.
            cost: How much of the limits it takes.
            fresh: Whether to pass the cache by.
            agent: The user agent it came with.
        """
        now = self._now()
        demanded = policy.check_demand(scope)
        if cost < 0:
            raise InvalidRequest("a check cannot cost less than nothing: give a cost from 0")
        known = None if fresh else self._get(presented.hash)
        found = None if fresh else self._recall(presented, known, now)
        if found is None:
            found = yield from self._find(presented, known, now)
        verdict: Verdict
        if isinstance(found, Rejected):
            verdict = found
        else:
            now = self._now()  # the store may have taken its time
            rejected = weigh(found, demanded, ip, now)
            if rejected is not None:
                verdict = rejected
            elif found.plan is None:
                verdict = Accepted(found.record)
            else:
                verdict = yield from self._limit(found, found.plan, cost, now)
            if verdict.__class__ is Accepted:
                self._note(found.record, presented, ip, agent, now)
        self.tell(verdict)
        return verdict

    def tell(self, verdict: Verdict) -> None:
        """Step 11, the half that speaks."""
        if self._on_check is not None:
            self._on_check(verdict)

    def _recall(self, presented: Presented, known: Entry | None, now: Instant) -> Entry | Rejected | None:
        """Step 2: what the cache says of a key; None when the store is to be asked."""
        if known is not None and now.mono < known.fresh_until:
            return known
        cache = self._w.cache
        entry = cache.peek(presented.key_id, now.mono) if presented.key_id else None
        if entry is not None:
            rejected = self._compare(presented, entry.record)
            return entry if rejected is None else rejected
        return _unknown(presented) if cache.is_missing(presented.key_id or presented.hash, now.mono) else None

    def _find(self, presented: Presented, known: Entry | None, now: Instant) -> Flow[Entry | Rejected]:
        """Step 5: the entry of the key that is presented, or why there is none."""
        begun = self._w.cache.begin()
        try:
            if known is not None and now.mono < known.whole + RENEWABLE:
                revision: int | None = yield self._w.store.revision(known.record.key_id)
                if revision == known.record.revision:
                    return self._w.cache.fill(presented.hash, known.record, now, begun, known.whole)
            record: KeyRecord | None = yield self.read(presented)
        except StoreError:
            return Rejected(Reason.STORE_UNAVAILABLE)
        return self.learn(presented, record, now, begun)

    def read(self, presented: Presented) -> Any:
        """Step 5, first half: the question for the record of a key, to be awaited where the store is asynchronous."""
        store = self._w.store
        return store.get(presented.key_id) if presented.key_id else store.find(presented.lookups)

    def learn(self, presented: Presented, record: KeyRecord | None, now: Instant, begun: int) -> Entry | Rejected:
        """Step 5, second half: the entry of a record whose key was presented, or why there is none.

        Args:
            presented: What `present` made of the credential.
            record: What the store answered.
            now: When it was asked.
            begun: What `RecordCache.begin` gave at that time.
        """
        cache = self._w.cache
        if record is None:
            cache.miss(presented.key_id or presented.hash, now.mono, begun)
            return _unknown(presented)
        rejected = self._compare(presented, record)
        if rejected is None:
            return cache.fill(presented.hash, record, now, begun)
        if record.pepper_version == self._newest:
            # Whoever knows a key_id and guesses secrets asks the store once per ttl, not once per guess.
            cache.fill(record.hash, record, now, begun)
        return rejected

    def _compare(self, presented: Presented, record: KeyRecord) -> Rejected | None:
        """Whether it is this record's key; nothing of the record is answered before that."""
        if record.foreign is not None:
            described = presented.is_described_by is not None and presented.is_described_by(record.foreign)
            return None if described else Rejected(Reason.WRONG_SECRET)
        hashed = presented.hashes.get(record.pepper_version)
        if hashed is None:
            return Rejected(Reason.PEPPER_RETIRED)
        return None if compare_digest(hashed, record.hash) else Rejected(Reason.WRONG_SECRET)

    def _limit(self, entry: Entry, plan: Plan, cost: int, now: Instant) -> Flow[Verdict]:
        """Steps 9 and 10, for a key with limits."""
        record = entry.record
        try:
            answer: Any = yield self._w.limiter.draw(entry.limit_key, plan, cost, now.mono, now.wall)
            draw: Draw | None = answer
        except StoreError:
            draw = None
        if draw is None:
            if self._w.on_limiter_error == "open":
                return Accepted(record)
            if self._w.on_limiter_error == "closed":
                return Rejected(Reason.LIMITER_UNAVAILABLE, record)
            share = plan.share(self._w.processes)
            draw = self._w.fallback.draw(entry.limit_key, share, cost, now.mono, now.wall)
        return Accepted(record, draw) if draw.refused_by is None else _over_limit(record, draw)

    def _note(self, record: KeyRecord, presented: Presented, ip: str | None, agent: str | None, now: Instant) -> None:
        """Step 11, the half that is written later."""
        self._seen[record.key_id] = now.mono
        if record.status is _ROTATING:
            networks, agents = frozenset(filter(None, (ip,))), frozenset(filter(None, (agent and agent[:255],)))
            self._w.uses.watch(Use(record.key_id, now.wall, 1, networks, agents))
        if record.pepper_version != self._newest or record.foreign is not None:
            self._w.uses.rehash(lifecycle.rehash(record, presented.hash, self._newest, now.wall))


def weigh(entry: Entry, demanded: tuple[str, ...], ip: str | None, now: Instant) -> Rejected | None:
    """Steps 6 to 8: whether a record allows what is demanded, now and from there.

    Args:
        entry: The record, whose key was presented.
        demanded: The scopes that are all needed.
        ip: The address it came from.
        now: The present.
    """
    record = entry.record
    if record.status is not _ACTIVE or (record.expires is not None and record.expires <= now.wall):
        reason = _STATUS_REASONS.get(lifecycle.status_at(record, now.wall))
        if reason is not None:
            return Rejected(reason, record)
    if record.begins is not None and now.wall < record.begins:
        return Rejected(Reason.NOT_YET, record)
    if entry.networks is not None and not policy.is_within(entry.networks, ip):
        return Rejected(Reason.WRONG_NETWORK, record)
    if not entry.granted.issuperset(demanded):
        if not policy.grants(record.scopes, entry.wildcards, demanded):
            return Rejected(Reason.INSUFFICIENT_SCOPE, record, scopes=demanded)
        entry.remember(demanded)
    return None


def _over_limit(record: KeyRecord, draw: Draw) -> Rejected:
    reason = Reason.RATE_LIMITED if isinstance(draw.refused_by, Rate) else Reason.QUOTA_EXCEEDED
    return Rejected(reason, record, draw=draw)


def _unknown(presented: Presented) -> Rejected:
    compare_digest(presented.hash, _NO_HASH)  # an unknown key costs what a wrong secret costs
    return Rejected(Reason.UNKNOWN)
