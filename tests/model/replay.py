"""The ways of the model, gone with real caches: at each step they must keep what the model keeps."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from secretsource.issuing._check.record_cache import RecordCache
from secretsource.stores.base import KeyRecord

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from tests.model.explore import Exploration
    from tests.model.system import Model, State, Step

    Taken: TypeAlias = tuple[State, Step, State]

__all__ = ["difference", "ways"]

WALL = 1_735_689_600.0


class _Answer(NamedTuple):
    """A question to the store that is under way, as the caches know it."""

    process: int
    key: int
    mono: float
    begun: int
    revision: int = 0


class _Machines:
    """A real cache for each process of a model, at one time."""

    def __init__(self, model: Model) -> None:
        self._ttl = model.ttl
        self._caches = [RecordCache(ttl=model.ttl) for _ in range(model.processes)]
        self._answers: list[_Answer] = []
        self._now = 0.0

    def go(self, before: State, step: Step) -> None:
        """Let one step happen."""
        cache = self._caches[step.process]
        if step.what == "tick":
            self._now += 1.0
        elif step.what == "begin":
            self._answers.append(_Answer(step.process, step.key, self._now, cache.begin()))
        elif step.what in {"read", "land"}:
            self._answer(step, before, cache)
        elif step.what == "miss":
            cache.news(None, 0)
        elif step.what in {"hear", "finish"}:
            cache.news(_key_id(step.key), step.number)

    def _answer(self, step: Step, before: State, cache: RecordCache) -> None:
        reading = before.readings[step.number]
        answer = next(
            one
            for one in self._answers
            if (one.process, one.key, one.revision) == reading[:3]
            and max(self._ttl - (self._now - one.mono), 0) == reading.left
            and (one.begun < cache._forgotten) == reading.is_fenced
        )
        self._answers.remove(answer)
        if step.what == "read":
            self._answers.append(answer._replace(revision=len(before.keys[step.key])))
        else:
            record = KeyRecord(_key_id(step.key), _hash(step.key), "01234567", "…", "acme", "sk", "live", WALL)
            record = record._replace(revision=answer.revision)
            cache.fill(_hash(step.key), record, answer.mono, WALL + answer.mono, answer.begun)

    def kept(self, process: int, key: int) -> int:
        """The revision by which a process would answer a check now; 0 if it would ask the store."""
        entry = self._caches[process].peek(_key_id(key), self._now)
        return 0 if entry is None else entry.record.revision


def ways(model: Model, found: Exploration, every: int = 1) -> Iterator[list[Taken]]:
    """For each answer that lands in a state that can be reached: the shortest way there, and the landing.

    Args:
        model: The model.
        found: What its exploration gave.
        every: Which of the states to take: each, each second, …
    """
    for state in islice(found.parents, 0, None, every):
        landings = [(step, after) for step, after in model.steps(state) if step.what == "land"]
        if landings:
            way = _way(found, state)
            yield from ([*way, (state, step, after)] for step, after in landings)


def difference(model: Model, way: list[Taken]) -> str | None:
    """Go one way, and say where the real caches keep something else; None if they never do."""
    machines = _Machines(model)
    for number, (before, step, after) in enumerate(way, 1):
        machines.go(before, step)
        for process, row in enumerate(after.known):
            for key, known in enumerate(row):
                modelled, real = known.entry if known.left else 0, machines.kept(process, key)
                if modelled != real:
                    told = " · ".join(str(taken[1]) for taken in way[:number])
                    return f"process {process} keeps {real} of key {key}, and the model {modelled}, after {told}"
    return None


def _way(found: Exploration, end: State) -> list[Taken]:
    taken: list[Taken] = []
    state = end
    while (parent := found.parents[state]) is not None:
        taken.append((parent[0], parent[1], state))
        state = parent[0]
    return taken[::-1]


def _key_id(key: int) -> str:
    return f"{key:022}"


def _hash(key: int) -> bytes:
    return f"{key:032}".encode()
