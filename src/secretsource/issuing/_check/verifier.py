"""The check of a key, in numbered steps; each is one function of its inputs, and none reaches back.

 0  take the credential      none at all, or over 512 characters: rejected unread
 1  hash the whole text      under the newest pepper
 2  look into the cache      a fresh record: go on at 6
 3  parse                    grammar and checksum
 4  open the locator         not sealed by us: rejected, and nothing is looked up
 5  look the record up       one question; then compare in constant time, before anything of the record is answered;
                             of a text that matched before, only whether its record has changed
 6  status and time
 7  network
 8  scopes
 9  rate limit and quota     only now: who guesses secrets must not use up, or lock out, a customer
10  verdict
11  note the use             in memory; it is flushed in batches

`Verifier.glance` does all of it for a key that is fresh in the cache, without a lock or a generator; `check` is the
long way, whose steps 0 to 4 are those of the `Gate`. Both weigh the same `Entry`.
"""

from __future__ import annotations

from hmac import compare_digest
from typing import Any

from secretsource._flow import run
from secretsource.exceptions import InvalidRequest, StoreError
from secretsource.issuing._check import policy
from secretsource.issuing._check.gate import Gate
from secretsource.issuing._check.record_cache import RENEWABLE
from secretsource.issuing._check.rotation_dates import RotationDates
from secretsource.issuing._check.turns import PATIENCE, STEP, Turn
from secretsource.issuing._check.uses import witness
from secretsource.issuing._check.weighing import STATUS_REASONS, over_limit, weigh
from secretsource.issuing._key import foreign, lifecycle
from secretsource.issuing._key.format import LONGEST_CREDENTIAL
from secretsource.issuing._verdict import Accepted, Reason, Rejected
from secretsource.issuing.limits import LocalLimiter
from secretsource.stores.base import Status, Use

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource._flow import Flow
    from secretsource.issuing._check.gate import Presented
    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._check.policy import Demand, Kind
    from secretsource.issuing._check.record_cache import Entry
    from secretsource.issuing._verdict import Verdict
    from secretsource.issuing.limits import Draw, Plan
    from secretsource.stores.base import KeyRecord

_ROTATING = Status.ROTATING
_NO_HASH = bytes(32)
MOST_COST = 10**9
"""Requests that one check may take of a key's limits."""
_ONE = 1
"""What nearly every check costs; the same object wherever it is written."""
_new = object.__new__


class Verifier:
    """Checks keys against one parts.

    Args:
        parts: The parts to work with.
        begin: Called before the store is asked for a key; begins what goes on beside the checks.

    Attributes:
        gate: Steps 0, 1, 3 and 4.
    """

    def __init__(self, parts: Parts, begin: Callable[[], None]) -> None:
        self._parts = parts
        self._begin = begin
        self.gate = Gate(parts)
        self._hash = parts.peppers.newest.hash
        self._newest = parts.peppers.newest.version
        self._cache = parts.cache
        self._get = parts.cache.get
        self._store = parts.store
        self._seen = parts.uses.seen
        self._take = parts.limiter.take if isinstance(parts.limiter, LocalLimiter) else _is_elsewhere
        self._rotations = RotationDates(parts.store)
        self._mono = parts.present.mono
        self._wall = parts.present.wall
        self._now = parts.present.both

    def glance(self, text: str | None, scope: Demand, ip: str | None, cost: int) -> Accepted | bytes | None:
        """Steps 0 to 11 for a key that is fresh in the cache, active, in time and within its limits.

        Returns:
            The verdict; the hash of a text for which `check` has more to do; None for all that is less simple.
        """
        if type(text) is not str or len(text) > LONGEST_CREDENTIAL:
            return None
        now = self._mono()
        try:
            hashed = self._hash(text)
        except UnicodeEncodeError:
            return None
        del text  # a traceback shows no key
        entry = self._get(hashed)
        # The wall clock may have been set forward since.
        if entry is None or now >= entry.until or ((ends := entry.expires) is not None and self._wall() >= ends):
            return hashed
        if entry.networks is not None and not policy.is_within(entry.networks, ip):
            return None
        try:
            if scope not in entry.granted:
                return None
        except TypeError:  # several scopes in a list
            return None
        if cost is not _ONE and (type(cost) is not int or not 0 <= cost <= MOST_COST):
            return None
        granted = None
        plan = entry.plan
        if plan is not None:
            granted = self._take(entry.limit_key, plan, cost, now, now + entry.drift)
            if granted is None:
                return hashed
        self._seen[entry.key_id] = now
        verdict = _new(Accepted)  # as `Accepted(entry.record, …)` does, without the call
        verdict.record = entry.record
        verdict._granted = granted
        return verdict

    def check(
        self,
        text: object,
        hashed: bytes | None,
        scope: Demand,
        ip: str | None,
        cost: int,
        fresh: bool,
        agent: str | None,
        kind: Kind | None = None,
    ) -> Flow[Verdict]:
        """Steps 0 to 11, the long way.

        Args:
            text: What the client sent.
            hashed: What `glance` has hashed it to.
            scope: What is demanded.
            ip: The address it came from.
            cost: How much of the limits it takes, 0 to `MOST_COST`.
            fresh: Whether to pass the cache by.
            agent: The user agent it came with.
            kind: Which keys are taken, or None for all.
        """
        presented = self.gate.present(text, hashed)
        try:
            if type(presented) is Rejected:
                presented = yield from self.gate.reconsider(presented, text, hashed)
        finally:
            del text  # a traceback shows no key
        demanded = _demanded(scope, cost)
        if type(presented) is Rejected:
            return presented
        mono, wall = self._now()
        known = None if fresh else self._get(presented.hash)
        found = None if fresh else self._recall(presented, known, mono)
        if found is None:
            found = yield from self._ask(presented, known, mono, wall, fresh)
            if type(found) is not Rejected and found.record.status is _ROTATING:
                yield from self._rotations.learn(found.record)
            mono, wall = self._now()  # the store may have taken its time
        if type(found) is Rejected:
            return found
        verdict = self._weigh(found, kind, demanded, ip, wall)
        if verdict is None:
            verdict = yield from self._grant(found, presented, ip, cost, agent, mono, wall)
        return verdict

    def recall(
        self,
        text: object,
        hashed: bytes | None,
        scope: Demand,
        ip: str | None,
        cost: int,
        agent: str | None,
        kind: Kind | None = None,
    ) -> Verdict | None:
        """As `check`, from memory; None, with nothing counted, where the store or another machine has to be asked."""
        presented = self.gate.present(text, hashed)
        del text  # a traceback shows no key
        demanded = _demanded(scope, cost)
        if type(presented) is Rejected:
            return None if self.gate.may_reconsider(presented) else presented
        mono, wall = self._now()
        found = self._recall(presented, self._get(presented.hash), mono)
        if type(found) is Rejected:
            return None if found.reason is Reason.PEPPER_RETIRED else found
        if found is None:
            return None
        verdict = self._weigh(found, kind, demanded, ip, wall)
        if verdict is None and (found.plan is None or self._take is not _is_elsewhere):
            verdict = run(self._grant(found, presented, ip, cost, agent, mono, wall))
        return verdict

    def _weigh(
        self, entry: Entry, kind: Kind | None, demanded: tuple[str, ...], ip: str | None, wall: float
    ) -> Verdict | None:
        if kind is not None and not kind.has(entry.record):
            return Rejected(Reason.WRONG_KIND, entry.record)
        return weigh(entry, demanded, ip, wall)

    def _grant(
        self,
        entry: Entry,
        presented: Presented,
        ip: str | None,
        cost: int,
        agent: str | None,
        mono: float,
        wall: float,
    ) -> Flow[Verdict]:
        """Steps 9 to 11, for a key that may do what is demanded."""
        plan = entry.plan
        verdict: Verdict = (
            Accepted(entry.record) if plan is None else (yield from self._limit(entry, plan, cost, mono, wall))
        )
        if type(verdict) is Accepted:
            self._note(entry.record, presented, ip, agent, mono, wall)
            if entry.record.status is _ROTATING:
                verdict._rotated = self._rotations.get(entry.record.key_id)
        return verdict

    def _recall(self, presented: Presented, known: Entry | None, mono: float) -> Entry | Rejected | None:
        """Step 2: what the cache says of a key; None when the store is to be asked."""
        if known is not None and mono < known.fresh_until:
            return known
        cache = self._cache
        entry = cache.peek(presented.key_id, mono) if presented.key_id else None
        if entry is not None:
            rejected = self._compare(presented, entry.record)
            return entry if rejected is None else rejected
        return _unknown(presented) if cache.is_missing(presented.key_id or presented.hash, mono) else None

    def _ask(
        self, presented: Presented, known: Entry | None, mono: float, wall: float, fresh: bool
    ) -> Flow[Entry | Rejected]:
        """Step 5: whether the record that is known has changed, or the whole record."""
        self._begin()
        begun = self._cache.begin()
        if known is not None and mono < known.whole + RENEWABLE:
            return self._renew(presented, known, mono, wall, begun)
        return self.read(presented, mono, wall, begun, self._store.get if fresh else self._store.peek)

    def _renew(
        self, presented: Presented, known: Entry, mono: float, wall: float, begun: int
    ) -> Flow[Entry | Rejected]:
        try:
            stamp: int | None = yield self._store.revision(known.record.key_id)
        except StoreError:
            return Rejected(Reason.STORE_UNAVAILABLE)
        if stamp == known.record.stamp:
            return self._cache.fill(presented.hash, known.record, mono, wall, begun, known.whole)
        found = yield from self.read(presented, mono, wall, begun, self._store.peek)
        return found

    def read(
        self, presented: Presented, mono: float, wall: float, begun: int, get: Callable[[str], Any]
    ) -> Flow[Entry | Rejected]:
        """Step 5: the entry of a key whose whole record is read, or why there is none.

        Args:
            presented: What the gate made of the credential.
            mono: The present, in monotonic seconds.
            wall: The same in seconds since 1970 UTC.
            begun: What `RecordCache.begin` gave before anything was asked.
            get: How a record is read: by `KeyStore.get`, or, where it may be late, by `KeyStore.peek`.
        """
        store, cache = self._store, self._cache
        record: KeyRecord | None
        try:
            if presented.key_id:
                record = yield get(presented.key_id)
            else:
                record = yield store.find(presented.lookups)
        except StoreError:
            return Rejected(Reason.STORE_UNAVAILABLE)
        if record is None:
            cache.miss(presented.key_id or presented.hash, mono, begun)
            return _unknown(presented)
        rejected: Rejected | None
        if record.foreign is None:
            rejected = self._compare(presented, record)
        else:
            rejected = yield from self._compare_foreign(presented, record, wall)
        if not self._parts.format.allows(record.prefix, record.environment):  # one that was imported; it is never kept
            return Rejected(Reason.WRONG_KIND, record) if rejected is None else rejected
        if rejected is None:
            return cache.fill(presented.hash, record, mono, wall, begun)
        if record.hash:  # else one of many imported keys, and known by no hash of ours yet
            # Whoever knows a key_id and guesses secrets asks the store once per ttl, not once per guess.
            cache.fill(record.hash, record, mono, wall, begun)
        return rejected

    def _compare_foreign(self, presented: Presented, record: KeyRecord, wall: float) -> Flow[Rejected | None]:
        """As `_compare`, for a hash of another system: not of an ended key, and slow ones one after the other.

        Anyone who knows how such a key begins can have it computed, so ending the key ends that too.
        """
        ended = STATUS_REASONS.get(record.status_at(wall))
        if ended is not None:
            return Rejected(ended)
        described = record.foreign or ""
        if not foreign.is_worth_it(described):
            return Rejected(Reason.TOO_COSTLY)
        if not foreign.is_slow(described):
            return self._compare(presented, record)
        turn = Turn()
        for _ in range(int(PATIENCE / STEP)):
            if self._parts.turns.take(turn):
                rejected: Rejected | None = yield self._parts.aside(self._compare_in_turn, turn, presented, record)
                return rejected
            yield self._parts.pause(STEP)
        return Rejected(Reason.VERIFIER_BUSY)

    def _compare_in_turn(self, turn: Turn, presented: Presented, record: KeyRecord) -> Rejected | None:
        """The turn ends with the work, and not with the check that waits for it, which may be cancelled."""
        try:
            return self._compare(presented, record)
        finally:
            self._parts.turns.give(turn)

    def _compare(self, presented: Presented, record: KeyRecord) -> Rejected | None:
        """Whether it is this record's key; nothing of the record is answered before that."""
        if record.foreign is not None:
            described = presented.is_described_by is not None and presented.is_described_by(record.foreign)
            return None if described else Rejected(Reason.WRONG_SECRET)
        hashed = presented.hashes.get(record.pepper_version)
        if hashed is None:
            return Rejected(Reason.PEPPER_RETIRED)
        return None if compare_digest(hashed, record.hash) else Rejected(Reason.WRONG_SECRET)

    def _limit(self, entry: Entry, plan: Plan, cost: int, mono: float, wall: float) -> Flow[Verdict]:
        """Steps 9 and 10, for a key with limits."""
        record = entry.record
        try:
            answer: Any = yield self._parts.limiter.draw(entry.limit_key, plan, cost, mono, wall)
            draw: Draw | None = answer
        except StoreError:
            draw = None
        if draw is None:
            if self._parts.on_limiter_error == "open":
                return Accepted(record)
            if self._parts.on_limiter_error == "closed":
                return Rejected(Reason.LIMITER_UNAVAILABLE, record)
            share = plan.share(self._parts.processes)
            draw = self._parts.fallback.draw(entry.limit_key, share, cost, mono, wall)
        return Accepted(record, draw) if draw.refused_by is None else over_limit(record, draw, plan)

    def _note(
        self, record: KeyRecord, presented: Presented, ip: str | None, agent: str | None, mono: float, wall: float
    ) -> None:
        """Step 11."""
        self._seen[record.key_id] = mono
        if record.status is _ROTATING:
            self._parts.uses.watch(Use(record.key_id, wall, 1, witness(ip), witness(agent)))
        if record.pepper_version != self._newest or record.foreign is not None:
            lookup = record.lookup and self._parts.lookups.renewed(record.lookup, presented.lookups)
            self._parts.uses.rehash(lifecycle.rehash(record, presented.hash, self._newest, wall, lookup))


def _demanded(scope: Demand, cost: object) -> tuple[str, ...]:
    """The scopes that are all needed.

    Raises:
        InvalidRequest: The demand is wrong, or its cost.
    """
    demanded = policy.check_demand(scope)
    if not isinstance(cost, int) or not 0 <= cost <= MOST_COST:
        raise InvalidRequest(f"the cost of a check must be a whole number of requests, 0 to {MOST_COST}")
    return demanded


def _is_elsewhere(*_: object) -> None:
    """Nothing is taken from a limiter that has to be asked; the long way asks it."""


def _unknown(presented: Presented) -> Rejected:
    compare_digest(presented.hash, _NO_HASH)  # an unknown key costs what a wrong secret costs
    return Rejected(Reason.UNKNOWN) if presented.otherwise is None else presented.otherwise
