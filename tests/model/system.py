"""Keys in a store, processes that keep records of them, and news that may be lost, late, repeated and reordered. Pure.

A step is one thing that happens: it takes a state to the next. News needs no queue: what was told once can reach any
process at any later time, any number of times, or never.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.model.cache import EMPTY, Known, Reading, fill, gap, news, tick
from tests.model.rules import ALL, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ONE_KEY", "TWO_KEYS", "Model", "State", "Step"]

GOOD, REVOKED = "g", "r"


class Step(NamedTuple):
    """One thing that happens.

    Attributes:
        what: Its name; the method of `Model` without its underscore.
        process: Where.
        key: To which key.
        number: Which reading, or which revision.
    """

    what: str
    process: int = 0
    key: int = 0
    number: int = 0

    def __str__(self) -> str:
        return f"{self.what.replace('_', ' ')} ({self.process}, {self.key}, {self.number})"


class State(NamedTuple):
    """Everything, at one time.

    Attributes:
        keys: For each key the statuses of its revisions, oldest first; empty for one that is not there.
        ages: For each key the ticks since each of its revisions was replaced, up to the ttl.
        told: What has been told: key and revision.
        known: For each process what it knows of each key.
        readings: The questions that are under way.
        pending: For each process the change that it is about to tell, or, announced too early, to make.
        ending: Where `revoke_all` is: the keys still to revoke in this pass, or what `Model` says of its stages.
    """

    keys: tuple[str, ...]
    ages: tuple[tuple[int, ...], ...]
    told: frozenset[tuple[int, int]]
    known: tuple[tuple[Known, ...], ...]
    readings: tuple[Reading, ...]
    pending: tuple[tuple[int, int, str] | None, ...]
    ending: tuple[int, ...] | str


class Model(NamedTuple):
    """How large the model is, and which rules are in force.

    Attributes:
        keys: How many keys there may be; all but the first are made by rotations.
        processes: How many processes.
        ttl: Ticks for which a record is fresh.
        readings: Most readings under way at a time.
        changes: Which processes make which change: ``revoke``, ``rehash`` (a new pepper), ``rotate``, ``revoke_all``.
        revisions: Most revisions of a key.
        readers: Which processes check keys.
        gaps: Whether a process may learn that it has missed something, and forget its floors.
        rules: The rules in force.
    """

    keys: int
    processes: int
    ttl: int
    readings: int
    changes: tuple[tuple[str, int], ...]
    revisions: int
    readers: tuple[int, ...]
    gaps: bool = True
    rules: frozenset[Rule] = ALL

    def without(self, rule: Rule) -> Model:
        """The same model, with a rule left out."""
        return self._replace(rules=self.rules - {rule})

    def begin(self) -> State:
        """One good key, and nobody knows of it."""
        keys = (GOOD,) + ("",) * (self.keys - 1)
        nothing = ((EMPTY,) * self.keys,) * self.processes
        return State(keys, ((),) * self.keys, frozenset(), nothing, (), (None,) * self.processes, "waits")

    def steps(self, state: State) -> Iterator[tuple[Step, State]]:
        """Everything that may happen next."""
        yield Step("tick"), self._tick(state)
        yield from self._read(state)
        yield from self._hear(state)
        for what, process in self.changes:
            if state.pending[process] is not None:
                continue
            if what == "revoke_all":
                yield from self._revoke_all(state, process)
            else:
                for key, statuses in enumerate(state.keys):
                    yield from self._change(state, Step(what, process, key), statuses)
        for process, pending in enumerate(state.pending):
            if pending is not None:
                yield Step("finish", process, *pending[:2]), self._finish(state, process, pending)

    # -- readings ---------------------------------------------------------------------------------------------------

    def _tick(self, state: State) -> State:
        return state._replace(
            ages=tuple(tuple(min(age + 1, self.ttl) for age in ages) for ages in state.ages),
            known=tuple(tuple(tick(one, self.ttl) for one in known) for known in state.known),
            readings=tuple(sorted(one._replace(left=max(one.left - 1, 0)) for one in state.readings)),
        )

    def _read(self, state: State) -> Iterator[tuple[Step, State]]:
        readings = state.readings
        for process in self.readers if len(readings) < self.readings else ():
            for key in range(self.keys):
                if state.keys[key]:
                    more = tuple(sorted((*readings, Reading(process, key, 0, self.ttl))))
                    yield Step("begin", process, key), state._replace(readings=more)
        for number, one in enumerate(readings):
            rest = readings[:number] + readings[number + 1 :]
            if not one.revision:
                read = one._replace(revision=len(state.keys[one.key]))
                yield Step("read", one.process, one.key, number), state._replace(readings=tuple(sorted((*rest, read))))
            else:
                yield Step("land", one.process, one.key, number), self._land(state._replace(readings=rest), one)

    def _land(self, state: State, one: Reading) -> State:
        known = state.known[one.process][one.key]
        state = _set(state, one.process, one.key, fill(known, one, self.rules, self.ttl))
        if one.is_fenced and Rule.FENCE in self.rules and known.floor < one.revision:
            state = self._news(state, one.process, one.key, one.revision)  # not kept, and news all the same
        return state

    # -- news -------------------------------------------------------------------------------------------------------

    def _hear(self, state: State) -> Iterator[tuple[Step, State]]:
        for process in range(self.processes):
            for key, revision in state.told:
                heard = self._news(state, process, key, revision)
                known = heard.known[process][key]
                seen = max(known.seen, min(revision, len(state.keys[key])))
                yield Step("hear", process, key, revision), _set(heard, process, key, known._replace(seen=seen))
            if self.gaps:
                yield Step("miss", process), self._gap(state, process)

    def _news(self, state: State, process: int, key: int, revision: int) -> State:
        late = (_late(one, process, key) for one in state.readings)
        return _set(state, process, key, news(state.known[process][key], revision))._replace(
            readings=tuple(sorted(late))
        )

    def _gap(self, state: State, process: int) -> State:
        known = tuple(gap(one, len(statuses)) for one, statuses in zip(state.known[process], state.keys, strict=True))
        fenced = (one._replace(is_fenced=True) if one.process == process else one for one in state.readings)
        return state._replace(known=_put(state.known, process, known), readings=tuple(sorted(fenced)))

    # -- changes ----------------------------------------------------------------------------------------------------

    def _change(self, state: State, step: Step, statuses: str) -> Iterator[tuple[Step, State]]:
        if not self._may(step.what, state, step.key, statuses):
            return
        status = REVOKED if step.what == "revoke" else GOOD
        if step.what == "rehash":
            status = self._rehashed(state, step, statuses)
        yield step, self._write(state, step.process, step.key, status, step.what)

    def _may(self, what: str, state: State, key: int, statuses: str) -> bool:
        if not statuses or len(statuses) >= self.revisions:
            return False
        if what == "rehash":
            return key == 0
        if what == "rotate":
            return key + 1 < self.keys and not state.keys[key + 1] and statuses[-1] == GOOD
        return statuses[-1] == GOOD

    def _rehashed(self, state: State, step: Step, statuses: str) -> str:
        """The status that a new hash is stored with: that of the record as it is, or, wrongly, as it is kept."""
        entry = state.known[step.process][step.key].entry
        if Rule.NOTHING_WRITTEN_BACK in self.rules or not entry:
            return statuses[-1]
        return statuses[entry - 1]

    def _write(self, state: State, process: int, key: int, status: str, what: str) -> State:
        """Begin a change: make it, to be told next; or, wrongly, tell of it, to be made next."""
        revision = len(state.keys[key]) + 1
        if Rule.NEWS_AFTER_COMMIT in self.rules:
            state = self._commit(state, key, status, what)
        else:
            state = self._tell(state, process, key, revision)
        return state._replace(pending=_put(state.pending, process, (key, revision, status + what)))

    def _finish(self, state: State, process: int, pending: tuple[int, int, str]) -> State:
        key, revision, change = pending
        if Rule.NEWS_AFTER_COMMIT in self.rules:
            state = self._tell(state, process, key, revision)
        elif len(state.keys[key]) == revision - 1:
            state = self._commit(state, key, change[0], change[1:])
        known = state.known[process][key]
        seen = max(known.seen, min(revision, len(state.keys[key])))
        return _set(state, process, key, known._replace(seen=seen))._replace(pending=_put(state.pending, process, None))

    def _commit(self, state: State, key: int, status: str, what: str) -> State:
        keys = _put(state.keys, key, state.keys[key] + status)
        if what == "rotate":
            keys = _put(keys, key + 1, GOOD)
        return state._replace(keys=keys, ages=_put(state.ages, key, (*state.ages[key], 0)))

    def _tell(self, state: State, process: int, key: int, revision: int) -> State:
        return self._news(state, process, key, revision)._replace(told=state.told | {(key, revision)})

    def _revoke_all(self, state: State, process: int) -> Iterator[tuple[Step, State]]:
        """List the good keys, revoke one after the other, and list again until there is none."""
        good = tuple(key for key, statuses in enumerate(state.keys) if statuses.endswith(GOOD))
        step = Step("revoke_all", process)
        if isinstance(state.ending, str):
            if state.ending == "waits" and good:
                yield step, state._replace(ending=good)
            return
        if not state.ending:
            again = good if Rule.SECOND_PASS in self.rules else ()
            yield step, state._replace(ending=again or "done")
            return
        key, *rest = state.ending
        after = state._replace(ending=tuple(rest))
        if state.keys[key].endswith(GOOD):
            after = self._write(after, process, key, REVOKED, "revoke")
        yield step._replace(key=key), after


def _late(one: Reading, process: int, key: int) -> Reading:
    return one._replace(is_late=True) if (one.process, one.key) == (process, key) else one


def _set(state: State, process: int, key: int, known: Known) -> State:
    return state._replace(known=_put(state.known, process, _put(state.known[process], key, known)))


def _put(row: tuple[object, ...], place: int, value: object) -> tuple:  # type: ignore[type-arg]
    return (*row[:place], value, *row[place + 1 :])


ONE_KEY = Model(keys=1, processes=2, ttl=2, readings=2, changes=(("revoke", 0),), revisions=2, readers=(0, 1))

TWO_KEYS = Model(
    keys=2,
    processes=3,
    ttl=1,
    readings=1,
    changes=(("revoke_all", 0), ("rotate", 1), ("rehash", 1)),
    revisions=3,
    readers=(1, 2),
    gaps=False,
)
