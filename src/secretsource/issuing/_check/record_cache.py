"""Records cached for a few seconds, so that a busy key is not looked up at each request. Pure; time is an argument.

The cache holds records, never verdicts: each check weighs its record anew. Five rules keep a revoked key dead:

* an entry is fresh for ``ttl`` seconds **from before its record was read**, whatever the reading took;
* a revision never goes back: neither an entry nor a fill with an older record replaces a newer one;
* news of a change raises the key's floor, and no later fill below it is let in, even one already on its way. News that
  cannot be true puts every record in doubt, and no floor keeps a record out for longer than ``ttl``;
* when floors have to be forgotten, fills that were on their way then are not cached, but count as news;
* nothing that is read from here is ever written back to the store.

A record past its ttl is renewed by its revision alone, which costs a fraction of reading it. Now and then it is read
whole (`RENEWABLE`). With a ttl of 0 it is always read whole, and an equal record renews its entry (`Entry.is_of`).

A read is one dictionary access without a lock; a change takes the lock.

A signal may end a change at any step, or check a key in the middle of it. So the steps are in an order that leaves a
valid cache after each of them. An entry is first noted under its ``key_id``, where news finds it, and can be found by
its hash last. News first raises the floor, and then ends the entry. The thread that holds the lock may take it again.
Python runs a signal's handler after a call, at a jump back and at the start of a function. So a comparison and the
assignment behind it, with no call in between, are one step.
"""

from __future__ import annotations

import threading

from secretsource._ground import fork
from secretsource._ground.key_text import is_key_id
from secretsource.issuing._check.entry import Entry
from secretsource.stores.records import LAST_REVISION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource.stores.base import KeyChange, KeyRecord, LookupHere

_NEVER, _FOREVER = float("-inf"), float("inf")
_MOST_CHANGES = 1000
"""Revisions that a cached record may be behind its news; news of a later revision is made up."""
RENEWABLE = 60.0
"""Seconds after a whole reading of a record in which its unchanged revision renews it.

So an edit by hand, in the database itself and past the revision, is seen too, if later.
"""


class _Floor:
    """The lowest revision of one key that is let in.

    Attributes:
        revision: The revision of the latest news.
        since: The number of that news; readings that began before it may have missed the change.
        until: Monotonic seconds until which it holds for later readings too; see `RecordCache._is_outdated`.
    """

    __slots__ = ("revision", "since", "until")

    def __init__(self) -> None:
        self.revision = 0
        self.since = 0
        self.until = _FOREVER


class RecordCache:
    """Entries by the hash of the whole key, and short-lived misses.

    Args:
        ttl: Seconds for which a record is used without reading it again; with 0, it is read for each check.
        miss_ttl: Seconds for which "there is no such key" is believed.
        max_entries: Records to hold; past it the oldest go.
        max_misses: Misses to hold, and floors.
    """

    __slots__ = (
        "__weakref__",
        "_by_key",
        "_entries",
        "_floors",
        "_forgotten",
        "_lock",
        "_max_entries",
        "_max_misses",
        "_misses",
        "_news",
        "get",
        "miss_ttl",
        "ttl",
    )

    def __init__(
        self, *, ttl: float = 5.0, miss_ttl: float = 1.0, max_entries: int = 100_000, max_misses: int = 10_000
    ) -> None:
        self.ttl = ttl
        self.miss_ttl = miss_ttl
        self._max_entries = max_entries
        self._max_misses = max_misses
        self._entries: dict[bytes, Entry] = {}
        self._by_key: dict[str, Entry] = {}
        self._misses: dict[str | bytes, float] = {}
        self._floors: dict[str, _Floor] = {}
        self._news = 0
        self._forgotten = 0
        self._lock = threading.RLock()
        self.get = self._entries.get
        """The entry under a hash of 32 bytes, or None; it may no longer be fresh."""
        fork.tell(self)

    def after_fork(self) -> None:
        """Start anew in a forked child: another thread of its parent may have been in the middle of a change."""
        self._lock = threading.RLock()
        for kept in (self._entries, self._by_key, self._misses, self._floors):
            kept.clear()

    def peek(self, key_id: str, now: float) -> Entry | None:
        """Return the entry of a key while it is fresh, for a text that is not known yet."""
        entry = self._by_key.get(key_id)
        if entry is None or now >= entry.fresh_until or self.get(entry.hashed) is not entry:
            return None
        return entry

    def may_know(self, key_id: str) -> bool:
        """Return whether `peek` or `is_missing` may say more of a key than nothing; one call instead of both."""
        return key_id in self._by_key or key_id in self._misses

    def is_missing(self, question: str | bytes, now: float) -> bool:
        """Return whether the store said a moment ago that there is no such key."""
        return now < self._misses.get(question, _NEVER)

    def begin(self) -> int:
        """Start reading a record: call this before you ask the store, and pass the result to `fill` or `miss`."""
        return self._news

    def renew(self, entry: Entry, mono: float, wall: float, begun: int, whole: float | None = None) -> Entry:
        """Renew an entry for another ttl: its record has not changed.

        Args:
            entry: The entry.
            mono: The time of the question to the store, as for `fill`.
            wall: The same in seconds since 1970 UTC.
            begun: The result of `begin` at that time.
            whole: The same as ``mono`` if the record was read whole; None if only its revision was.

        Returns:
            The entry to go on with. News that concerns an entry drops it, so one that is still there is good.
        """
        times = entry.times(mono, wall, self.ttl)
        if whole is not None and self.ttl > 0:
            entry.whole = whole
        with self._lock:
            key_id, by_key = entry.record.key_id, self._by_key
            if key_id in by_key and by_key[key_id] is entry:  # one step with the assignment
                entry.drift, entry.fresh_until, entry.until = times
                return entry
        return self.fill(entry.hashed, entry.record, mono, wall, begun, entry.whole)

    def fill(
        self, hashed: bytes, record: KeyRecord, mono: float, wall: float, begun: int, whole: float | None = None
    ) -> Entry:
        """Store a record that was read.

        Args:
            hashed: The hash of the whole key: under the newest pepper, or the record's own if the key is unknown.
            record: The answer of the store.
            mono: The time of the question to the store, in monotonic seconds.
            wall: The same in seconds since 1970 UTC.
            begun: The result of `begin` at that time.
            whole: The time when the record was read whole, in monotonic seconds, if only its revision was read now.

        Returns:
            The entry to go on with: a newer one if there is one, and in doubt one that is not cached.
        """
        entry = Entry(hashed, record, mono, wall, self.ttl, _NEVER if self.ttl <= 0 else whole)
        with self._lock:
            known = self._by_key.get(record.key_id)
            if self.ttl > 0 and known is not None and known.record.revision > record.revision:
                return known
            if self._is_outdated(record, mono, begun):
                floor = self._floors.get(record.key_id)
                if floor is None or floor.revision < record.revision:
                    self.news(record.key_id, record.revision)  # it is not cached, yet nothing older may be either
                return entry
            if known is not None:
                self._drop(known)
            self._make_room()
            noted = self._by_key.setdefault(record.key_id, entry)
            # Outdated by now, if a signal's handler has received news; the code after this line ends the noted entry.
            if noted is entry and not self._is_outdated(record, mono, begun):
                self._entries[hashed] = entry
        return entry

    def miss(self, question: str | bytes, now: float, begun: int) -> None:
        """Remember that there is no such key, unless there has been news of any key since."""
        with self._lock:
            misses = self._misses
            if self.miss_ttl <= 0:
                return
            if len(misses) >= self._max_misses:
                misses.clear()
            if begun == self._news:
                misses[question] = now + self.miss_ttl

    def news(self, key_id: str | None, revision: int) -> None:
        """Note that a record has changed, here or elsewhere; for None, any of them may have."""
        with self._lock:
            self._news += 1
            self._misses = {}  # a new one, for a reading that began before may still write into the old one
            if key_id is None or not self._is_credible(key_id, revision):
                self._forget()
                for entry in [*self._by_key.values()]:
                    self._drop(entry)
                return
            if key_id not in self._floors and len(self._floors) >= self._max_misses:
                self._forget()
            floor = self._floors.setdefault(key_id, _Floor())
            if floor.revision < revision:  # noqa: PLR1730 - `max` is a call, and a handler may raise it meanwhile
                floor.revision = revision
            floor.since, floor.until = self._news, _FOREVER
            known = self._by_key.get(key_id)
            if known is not None and known.record.revision < revision:
                self._drop(known)

    def hear(self, change: KeyChange) -> None:
        """Take in news, of a key or of terms."""
        if change.owner is None and change.plan is None:
            self.news(change.key_id, change.revision)
        else:
            self.news_of_terms(change.owner, change.plan)

    def news_of_terms(self, owner: str | None, plan: str | None) -> None:
        """Note that an owner or a plan has changed, here or elsewhere: its keys are read anew.

        Readings on their way may have missed the change, so none of them is cached.
        """
        with self._lock:
            self._news += 1
            self._forgotten = self._news
            for entry in self._under(owner, plan):
                self._drop(entry)

    def __len__(self) -> int:
        return len(self._entries)

    def _make_room(self) -> None:
        while len(self._by_key) >= self._max_entries:
            for oldest in self._by_key.values():
                self._drop(oldest)
                break

    def _under(self, owner: str | None, plan: str | None) -> list[Entry]:
        return [entry for entry in [*self._by_key.values()] if entry.is_under(owner, plan)]

    def _is_credible(self, key_id: str, revision: int) -> bool:
        """Return whether news can be true; other programs may be able to send it."""
        if not is_key_id(key_id) or not 0 < revision <= LAST_REVISION:
            return False
        known = self._by_key.get(key_id)
        return known is None or revision <= known.record.revision + _MOST_CHANGES

    def _is_outdated(self, record: KeyRecord, mono: float, begun: int) -> bool:
        """Return whether there was, or may have been, news of a later record than one that was read.

        It is believed for a ttl from the first reading that began after it and does not confirm it. A replica may lag
        behind, and news may be made up. Readings that began before it are kept out for as long as they may last.
        """
        if begun < self._forgotten:
            return True
        floor = self._floors.get(record.key_id)
        if floor is None or record.revision >= floor.revision:
            return False
        if begun >= floor.since:
            if mono >= floor.until:
                self._floors.pop(record.key_id, None)
                return False
            floor.until = min(floor.until, mono + self.ttl)
        return True

    def _drop(self, entry: Entry) -> None:
        """Drop an entry; if another one has taken its place, that one stays."""
        entry.end()
        key_id, hashed, by_key, entries = entry.record.key_id, entry.hashed, self._by_key, self._entries
        if hashed in entries and entries[hashed] is entry:
            del entries[hashed]
        if key_id in by_key and by_key[key_id] is entry:
            del by_key[key_id]

    def _forget(self) -> None:
        self._forgotten = self._news
        self._floors.clear()


def unchanged(known: Entry | None, mono: float, store: LookupHere) -> KeyRecord | None:
    """Return the record of a text that matched before, if the store says that it has not changed.

    Args:
        known: Its entry.
        mono: The present, in monotonic seconds.
        store: The store of the record.
    """
    if known is None or mono >= known.whole + RENEWABLE:
        return None
    record = known.record
    return record if store.revision(record.key_id) == record.stamp else None
