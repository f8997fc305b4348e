"""The check of a key, in numbered steps; each is a function of its inputs, and none reaches back.

     0  take the credential      none at all, or over 512 characters: rejected unread
     1  hash the whole text      under the newest pepper
     2  look into the cache      a fresh record: go on at 6
     3  parse                    grammar and checksum
     4  open the locator         not sealed by us: rejected, and nothing is looked up
     5  look the record up       one question; then compare in constant time, before any of the record is answered;
                                 of a text that matched before, only whether its record has changed
     6  status and time
     7  network
     8  scopes
     9  rate limit               only now: a stranger who guesses secrets must not use up a customer's limits,
    10  quota                    or lock the customer out
11  note the use             in memory; it is flushed in batches

`Verifier.glance` takes all steps for a key that is fresh in the cache, without a lock or a generator. `Verifier.check`
is the long way: `Gate` takes steps 0 to 4, `Records` 2 and 5, `weigh` 6 to 8, and `Drawing` 9 and 10. Both ways weigh
the same `Entry`.
"""

from __future__ import annotations

from typing import Any

from secretsource._ground.flow import run
from secretsource.exceptions import StoreError
from secretsource.issuing._check.record_cache import unchanged
from secretsource.issuing._check.steps.ahead import read_ahead
from secretsource.issuing._check.steps.comparison import unknown
from secretsource.issuing._check.steps.drawing import Drawing
from secretsource.issuing._check.steps.gate import Gate
from secretsource.issuing._check.steps.records import Records
from secretsource.issuing._check.steps.weighing import MOST_COST, demand_of, weigh
from secretsource.issuing._key import lifecycle
from secretsource.issuing._key.format import LONGEST_CREDENTIAL
from secretsource.issuing._verdict import Accepted, Reason, Rejected
from secretsource.stores.base import Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from secretsource._ground.flow import Flow
    from secretsource.issuing._check.entry import Entry
    from secretsource.issuing._check.event import Asked
    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._check.policy import Demand, Kind
    from secretsource.issuing._check.steps.ahead import ReadAhead
    from secretsource.issuing._check.steps.gate import Presented
    from secretsource.issuing._verdict import Verdict
    from secretsource.stores.base import LookupHere

_ROTATING = Status.ROTATING
_ONE = 1
"""The cost of nearly every check; the same object in every default."""
_new = object.__new__


class Verifier:
    """The check of keys with one set of parts.

    Args:
        parts: The parts to work with.
        begin: Called before the store is asked for a key; starts the work beside the checks.

    Attributes:
        gate: Steps 0, 1, 3 and 4.
        records: Steps 2 and 5.
        hash_again: Takes step 1 for the bytes of a key.
        reading: Takes step 1 for the bytes around a key; see `Pepper.reading`.
    """

    def __init__(self, parts: Parts, begin: Callable[[], None]) -> None:
        self._parts = parts
        self._begin = begin
        self.gate = Gate(parts)
        self.records = Records(parts, begin)
        self._recall, self._keep = self.records.recall, self.records.keep
        self._drawing = Drawing(parts)
        self.hash_again = parts.peppers.newest.hash_again
        self.reading = parts.peppers.newest.reading
        self._newest = parts.peppers.newest.version
        self._cache = parts.cache
        self._get = parts.cache.get
        self._store = parts.store
        self._uses = parts.uses
        self._present = parts.present
        self._now = parts.present.both
        # Python 3.11 calls a function at a local name in half the time that it takes at an attribute of an object.
        self._at_hand: tuple[Any, ...] = (parts.present.mono, parts.present.wall, self._get, self._drawing.take)

    def glance(
        self, text: str | None, scope: Demand, ip: str | None, cost: int, kind: Kind | None = None
    ) -> Accepted | bytes | None:
        """Take steps 0 and 1, and go on as `glance_at` does; None for a text that is not a key."""
        if type(text) is not str or len(text) > LONGEST_CREDENTIAL:  # 0 take the credential
            return None
        hash_again = self.hash_again
        try:
            hashed = hash_again(text.encode())  # 1 hash the whole text
        except UnicodeEncodeError:
            return None
        del text  # a traceback shows no key
        return self.glance_at(hashed, scope, ip, cost, kind)

    def glance_at(
        self, hashed: bytes | None, scope: Demand, ip: str | None, cost: int, kind: Kind | None,
        read: Entry | None = None,
    ) -> Accepted | bytes | None:  # fmt: skip
        """Take steps 2 to 11 for a key that is fresh in the cache, active, in time and within its limits.

        Args:
            hashed: The hash of its whole text under the newest pepper; None for a text that is not a key.
            scope: The demand.
            ip: The address of the client.
            cost: The amount to draw from the key's limits.
            kind: The accepted kind of keys, or None for all keys of customers.
            read: Its entry, if its record was read just now, and it is active and has begun.

        Returns:
            The verdict; the hash of a text for which `check` has more to do, as for a new client; None for any less
            simple case.
        """
        mono, wall, get, take = self._at_hand
        now = mono()
        entry: Entry | None = read or get(hashed)  # 2 look into the cache, and 6: status and time
        if entry is None or (now >= entry.until and entry is not read):
            return hashed
        # The wall clock may have been set forward since, or forward and back.
        if (ends := entry.expires) is not None and (wall() >= ends or now + self._present.drift >= ends):
            return hashed
        try:
            if ip not in entry.clients:  # 7 network: it was weighed for these clients; new ones are noted the long way
                return hashed
            if (scope if kind is None else (kind, scope)) not in entry.granted:  # 8 scopes, with the kind of keys
                return None
        except TypeError:  # several scopes in a list, or an address of another type
            return None
        if cost is not _ONE and (type(cost) is not int or not 0 <= cost <= MOST_COST):
            return None
        plan, granted = entry.plan, None  # 9 rate limit, and 10: quota
        if plan is not None and (granted := take(entry.limit_key, plan, cost, now, now + entry.drift)) is None:
            return hashed
        if now < entry.noting:  # 11 note the use, in one step; see `UseLog`
            entry.requests += 1
            entry.seen = now
        else:
            self._uses.open(entry, now, now + entry.drift)
        if granted is None:
            return self._accepted(entry) if (known := entry.accepted) is None else known
        verdict = _new(Accepted)  # as `Accepted(entry.record, …)` does, without the call
        verdict.record = entry.record
        verdict._granted = granted
        verdict._cost = cost
        return verdict

    def _accepted(self, entry: Entry) -> Accepted:
        """Return the verdict of a key without limits, and have its entry keep it: it says the same each time."""
        verdict = entry.accepted = Accepted(entry.record)
        return verdict

    def hashed(self, text: object) -> bytes | None:
        """Take step 1 alone; None for a text that is not a key."""
        if type(text) is not str or len(text) > LONGEST_CREDENTIAL:
            return None
        try:
            return self.hash_again(text.encode())
        except UnicodeEncodeError:
            return None

    def check(
        self, text: object, hashed: bytes | None, asked: Asked, fresh: bool, ahead: ReadAhead | None = None
    ) -> Flow[Verdict]:
        """Take steps 0 to 11, the long way.

        Args:
            text: The text that the client sent.
            hashed: Its hash, if `glance` has computed it.
            asked: The question about the key.
            fresh: Whether to bypass the cache.
            ahead: Records that were read for several checks at once.
        """
        presented = self.gate.present(text, hashed)  # 0 to 4, but 2
        try:
            if type(presented) is Rejected:
                presented = yield from self.gate.reconsider(presented, text, hashed)
        finally:
            del text  # a traceback shows no key
        demanded = demand_of(asked)
        if type(presented) is Rejected:
            return presented
        mono, wall = self._now()
        known = None if fresh else self._get(presented.hash)
        found = None if fresh else self._recall(presented, known, mono)  # 2 look into the cache
        if found is None:  # 5 look the record up
            found = yield from self.records.find(presented, known, fresh, ahead, (mono, wall))
            mono, wall = self._now()  # the store may have been slow
            if (accepted := self._at_once(found, presented.hash, asked, wall)) is not None:
                return accepted
        if type(found) is Rejected:
            return found
        verdict: Verdict | None = weigh(found, demanded, asked.ip, wall, asked.kind)  # 6 status and time to 8 scopes
        if verdict is None and (found.is_counted or asked.limit is not None):  # 9 rate limit, 10 quota
            verdict = yield from self._drawing.draw(found, asked, mono, wall)
        return self._granted(verdict, found, presented, asked, mono, wall)

    def read_ahead(self, texts: Sequence[str | None]) -> Flow[ReadAhead]:
        """Read the records for several checks; see `read_ahead`."""
        ahead = yield from read_ahead(self._parts, self.gate, self._begin, texts)
        return ahead

    def look(self, hashed: bytes, asked: Asked, store: LookupHere) -> Verdict | None:
        """Check as `check` does, in a store that answers at once, a text that came through the gate before.

        Args:
            hashed: The hash that `glance` has computed.
            asked: The question about the key.
            store: The store of its record.

        Returns:
            None, with nothing asked or counted, if the text is new, or more has to be asked.
        """
        presented, known = self.gate.again(hashed), self._get(hashed)
        if presented is None or presented.key_id is None:
            return None
        key_id, cache = presented.key_id, self._cache
        mono, wall = self._now()
        may_recall = cache.may_know(key_id) if known is None else mono < known.fresh_until
        if may_recall and (remembered := self._recall(presented, known, mono)) is not None:
            return self._remembered(remembered, presented, asked, demand_of(asked), mono, wall)
        on_loop = store is not self._store
        if on_loop and not self._drawing.is_at_hand:
            return None
        self._begin()
        begun = cache.begin()
        try:
            record = (known and unchanged(known, mono, store)) or store.peek(key_id)  # 5 look the record up
        except StoreError:
            demand_of(asked)  # a malformed one is an error here, too
            return Rejected(Reason.STORE_UNAVAILABLE)
        if on_loop and record is not None and record.status is _ROTATING:  # the date of the rotation is awaited
            return None
        if record is None or known is None or not known.is_of(record):
            rejected = unknown(presented) if record is None else self.records.comparison.compare(presented, record)
            found = self._keep(presented, record, rejected, mono, wall, begun)
        else:
            found = cache.renew(known, mono, wall, begun, None if record is known.record else mono)
            if (accepted := self._at_once(found, hashed, asked, wall)) is not None:
                return accepted
        demanded = demand_of(asked)
        if type(found) is Rejected:
            return found
        if found.record.status is _ROTATING:
            run(self.records.rotations.learn(found.record))
        return self._concluded(found, presented, asked, demanded, *self._now())  # the store may have been slow

    def _at_once(self, found: Entry | Rejected, hashed: bytes, asked: Asked, wall: float) -> Accepted | None:
        """Take steps 6 to 11 as `glance_at` does, for an entry whose record was read just now."""
        if type(found) is Rejected or asked.limit is not None or not found.is_open(wall):
            return None
        glanced = self.glance_at(hashed, asked.scope, asked.ip, asked.cost, asked.kind, found)
        return glanced if type(glanced) is Accepted else None

    def recall(self, text: object, hashed: bytes | None, asked: Asked) -> Verdict | None:
        """Check as `check` does, from memory; None, with nothing counted, if a store or a server has to be asked."""
        presented = self.gate.present(text, hashed)
        del text  # a traceback shows no key
        demanded = demand_of(asked)
        if type(presented) is Rejected:
            return None if self.gate.may_reconsider(presented) else presented
        mono, wall = self._now()
        found = self._recall(presented, self._get(presented.hash), mono)
        return None if found is None else self._remembered(found, presented, asked, demanded, mono, wall)

    def _remembered(
        self,
        found: Entry | Rejected,
        presented: Presented,
        asked: Asked,
        demanded: tuple[str, ...],
        mono: float,
        wall: float,
    ) -> Verdict | None:
        """Take steps 6 to 11 for what the cache told; None if limits or credits have to be asked for elsewhere."""
        if type(found) is Rejected:
            return None if found.reason is Reason.PEPPER_RETIRED else found
        is_limited = found.plan is not None or asked.limit is not None
        if found.purses or (is_limited and not self._drawing.is_at_hand):
            return weigh(found, demanded, asked.ip, wall, asked.kind)
        return self._concluded(found, presented, asked, demanded, mono, wall)

    def _concluded(
        self,
        entry: Entry,
        presented: Presented,
        asked: Asked,
        demanded: tuple[str, ...],
        mono: float,
        wall: float,
    ) -> Verdict:
        """Take steps 6 to 11, where nothing has to be awaited."""
        verdict: Verdict | None = weigh(entry, demanded, asked.ip, wall, asked.kind)
        if verdict is None and (entry.is_counted or asked.limit is not None):
            verdict = run(self._drawing.draw(entry, asked, mono, wall))
        return self._granted(verdict, entry, presented, asked, mono, wall)

    def _granted(
        self,
        verdict: Verdict | None,
        entry: Entry,
        presented: Presented,
        asked: Asked,
        mono: float,
        wall: float,
    ) -> Verdict:
        """Return the verdict, with its use noted; None so far means a key without limits that passed every step."""
        record = entry.record
        if verdict is None:
            verdict = Accepted(record)
        if type(verdict) is Accepted:
            self._note(entry, presented, asked, mono, wall)  # 11 note the use
            if record.status is _ROTATING:
                verdict._rotated = self.records.rotations.get(record.key_id)
        return verdict

    def _note(self, entry: Entry, presented: Presented, asked: Asked, mono: float, wall: float) -> None:
        """Take step 11."""
        uses, record = self._uses, entry.record
        uses.seen[record.key_id] = mono  # as `UseLog.note`, without the call
        uses.tally.note(record, mono, wall)
        uses.meet(entry, asked.ip, asked.agent, wall, counted=record.status is _ROTATING)
        if record.pepper_version != self._newest or record.foreign is not None:
            lookup = record.lookup and self._parts.lookups.renewed(record.lookup, presented.lookups)
            uses.rehash(lifecycle.rehash(record, presented.hash, self._newest, wall, lookup))
