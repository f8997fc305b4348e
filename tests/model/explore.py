"""Every state that a model can come to, breadth first; and the shortest way to one that breaks a property. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.model.cache import FOREVER, Known
from tests.model.rules import Rule
from tests.model.system import GOOD, REVOKED

if TYPE_CHECKING:
    from tests.model.system import Model, State, Step

__all__ = ["Exploration", "broken", "explore"]


class Exploration(NamedTuple):
    """What there is.

    Attributes:
        parents: Each state with the state and the step by which it was first met; None for the first.
        steps: How many steps there are between them.
        broken: The property that the last state breaks, or None.
        last: That state, or any.
    """

    parents: dict[State, tuple[State, Step] | None]
    steps: int
    broken: str | None
    last: State

    def way(self, state: State) -> list[Step]:
        """The shortest way to a state."""
        steps: list[Step] = []
        while (parent := self.parents[state]) is not None:
            state, step = parent
            steps.append(step)
        return steps[::-1]


def explore(model: Model) -> Exploration:
    """Go to every state, or to the first one that breaks a property."""
    first = model.begin()
    parents: dict[State, tuple[State, Step] | None] = {first: None}
    waiting, number = [first], 0
    while waiting:
        found: list[State] = []
        for state in waiting:
            for step, reached in model.steps(state):
                number += 1
                after = bare(model, reached)
                if after in parents:
                    continue
                parents[after] = state, step
                complaint = broken(model, after)
                if complaint is not None:
                    return Exploration(parents, number, complaint, after)
                found.append(after)
        waiting = found
    return Exploration(parents, number, None, first)


def broken(model: Model, state: State) -> str | None:
    """The property that a state breaks, or None."""
    if any(REVOKED + GOOD in statuses for statuses in state.keys):
        return "a revoked key stays revoked in the store"
    if state.ending == "done" and any(statuses.endswith(GOOD) for statuses in state.keys):
        return "`revoke_all` leaves no successor"
    for known in state.known:
        for one, ages in zip(known, state.ages, strict=True):
            if not one.entry or not one.left:
                continue
            if one.entry < one.seen:
                return "a process forgets no change that it knows of"
            if one.entry <= len(ages) and ages[one.entry - 1] >= model.ttl:
                return "no change is seen later than a ttl"
    return None


def bare(model: Model, state: State) -> State:
    """A state without what can make no difference any more, so that two that differ in nothing else are one.

    A reading that is to come finds every change that was told of. So floors, news and what a process has seen matter
    only to answers that are older than they; and the age of a change only while something older is kept or under way.
    """
    if Rule.NEWS_AFTER_COMMIT not in model.rules:
        return state  # readings may come that do not find what was told of
    answers = {(one.process, one.key, one.revision) for one in state.readings if one.revision}
    known = tuple(
        tuple(_bare(one, [old for at, of, old in answers if (at, of) == (process, key)]) for key, one in enumerate(row))
        for process, row in enumerate(state.known)
    )
    oldest = [_oldest(known, answers, key) for key in range(model.keys)]
    return state._replace(
        known=known,
        ages=tuple(
            tuple(age if old <= revision else model.ttl for revision, age in enumerate(ages, 1))
            for old, ages in zip(oldest, state.ages, strict=True)
        ),
        told=frozenset((key, revision) for key, revision in state.told if oldest[key] < revision),
        readings=tuple(
            sorted(
                one._replace(is_late=one.is_late and 0 < one.revision < known[one.process][one.key].floor)
                for one in state.readings
            )
        ),
    )


def _bare(one: Known, answers: list[int]) -> Known:
    """What is known of a key, as far as it matters to these answers."""
    oldest = min(answers, default=FOREVER)
    is_kept = bool(one.entry and (one.left or oldest < one.entry))
    return Known(
        one.entry if is_kept else 0,
        one.left if is_kept else 0,
        one.floor if oldest < one.floor else 0,
        one.holds if oldest < one.floor else FOREVER,
        one.seen if oldest < one.seen or (is_kept and one.entry < one.seen) else 0,
    )


def _oldest(known: tuple[tuple[Known, ...], ...], answers: set[tuple[int, int, int]], key: int) -> int:
    """The oldest revision of a key that is kept or on its way."""
    kept = [row[key].entry for row in known if row[key].entry]
    return min([*kept, *(revision for _, of, revision in answers if of == key)], default=FOREVER)
