"""A campaign: the faults to try, one module after another, and what became of them."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from tests.mutants.choice import SAMPLE, ordered
from tests.mutants.equivalent import EQUIVALENT, unused
from tests.mutants.near import NEAR, near
from tests.mutants.operators import compiled, mutants
from tests.mutants.trial import Act, End, Trial, outcomes
from tests.packaging.purity import PACKAGE, marked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from tests.mutants.operators import Mutant
    from tests.mutants.pinned import Fault

__all__ = ["Score", "count", "disordered", "equivalents", "module_name", "pinned", "played", "sample", "whole"]

PATIENCE = 60.0
"""Seconds of the trial of a pinned fault, whose test may start a server."""


class Score(NamedTuple):
    """What became of faults.

    Attributes:
        killed: How many were found by a test.
        late: How many of these by tests that did not end.
        alive: The others.
        broken: Modules whose near tests fail without a fault, so that nothing can be said of its faults.
        slow: Modules whose near tests take too long without a fault, on this machine.
    """

    killed: int
    late: int
    alive: list[str]
    broken: list[str]
    slow: list[str]

    @property
    def share(self) -> float:
        """How many of a hundred were found."""
        tried = self.killed + len(self.alive)
        return 100 * self.killed / tried if tried else 100.0

    def __str__(self) -> str:
        return (
            f"{self.killed + len(self.alive)} tried, {self.killed} killed ({self.late} by the time), "
            f"{len(self.alive)} alive: {self.share:.1f} %"
        )


def played(
    trials: Iterable[Trial | Act],
    at_once: int,
    is_over: Callable[[], bool] = bool,
    tell: Callable[[Trial, End], object] = lambda *_: None,
) -> Score:
    """Try each, some at once; of a module whose trial without a fault does not pass, nothing counts.

    Args:
        trials: The trials, and the acts of several.
        at_once: How many at a time.
        is_over: Whether no other may begin.
        tell: Called with each trial as it ends.
    """
    ended: list[tuple[Trial, End]] = []
    for trial, end in outcomes(trials, at_once, is_over):
        tell(trial, end)
        ended.append((trial, end))
    plain = {trial.module: (trial.title, end) for trial, end in ended if trial.code is None}
    sound = {module for module, (_, end) in plain.items() if end is End.ALIVE}
    counted = [(trial.title, end) for trial, end in ended if trial.code is not None and trial.module in sound]
    return Score(
        sum(end is not End.ALIVE for _, end in counted),
        sum(end is End.LATE for _, end in counted),
        [title for title, end in counted if end is End.ALIVE],
        [title for title, end in plain.values() if end is End.KILLED],
        [title for title, end in plain.values() if end is End.LATE],
    )


def pinned(faults: Sequence[Fault]) -> Iterator[Trial]:
    """Each pinned fault, after the tests of those of its module without any."""
    put = sorted((*fault.put(PACKAGE), fault) for fault in faults)
    for module, group in groupby(put, itemgetter(0)):
        path, name, of_module = PACKAGE / module, module_name(module), list(group)
        yield Trial(module, name, None, sorted({fault.test for _, _, fault in of_module}), PATIENCE)
        for _, text, fault in of_module:
            code = compile(text, str(path), "exec", dont_inherit=True)
            yield Trial(fault.title, name, code, [fault.test], PATIENCE)


def sample(modules: Iterable[str], changed: Mapping[str, AbstractSet[int]], seed: str) -> Iterator[Act]:
    """Of each module in turn the faults on changed lines, and some others."""
    for module in modules:
        lines = changed.get(module, frozenset())
        chosen = ordered(_different(module), lines, seed)
        yield from _of_module(module, chosen[: max(SAMPLE, sum(mutant.line in lines for mutant in chosen))])


def whole(modules: Iterable[str]) -> Iterator[Act]:
    """Every fault of every module."""
    for module in modules:
        yield from _of_module(module, _different(module))


def equivalents(modules: Iterable[str]) -> Iterator[Act]:
    """The faults that are said to be none: each has to stay alive."""
    for module in modules:
        yield from _of_module(module, [mutant for mutant in _mutants(module) if _is_equivalent(module, mutant)])


def count(modules: Iterable[str]) -> int:
    """How many faults there are in all."""
    return sum(len(_different(module)) for module in modules)


def disordered() -> list[str]:
    """What is wrong with the lists beside the code: modules without near tests, and entries that fit nothing."""
    pure = {path.relative_to(PACKAGE).as_posix() for path in marked()}
    complaints = [f"{module} is marked as pure, and near.py names no tests for it" for module in sorted(pure - {*NEAR})]
    complaints += [f"near.py has {module}, which is not there" for module in NEAR if not (PACKAGE / module).is_file()]
    for module in sorted({entry.module for entry in EQUIVALENT}):
        there = _mutants(module) if module in NEAR else []
        complaints += [
            f"equivalent.py has an entry that fits no fault any more: {module} {entry.within}: {entry.was}"
            for entry in unused(EQUIVALENT, module, there)
        ]
    return complaints


def module_name(module: str) -> str:
    """The dotted name of a file of the package."""
    return ".".join(("secretsource", *module.removesuffix(".py").removesuffix("/__init__").split("/")))


def _of_module(module: str, chosen: Sequence[Mutant]) -> Iterator[Act]:
    if not chosen:
        return
    path, tests, name = PACKAGE / module, near(module), module_name(module)
    text = path.read_text()
    trials = [
        Trial(
            f"{module}:{mutant.line} {mutant.within}: {mutant.was} -> {mutant.becomes}",
            name,
            compiled(text, mutant.place, str(path)),
            tests,
            lines=(mutant.line, mutant.last),
        )
        for mutant in chosen
    ]
    yield Act(Trial(module, name, None, tests), trials)


def _mutants(module: str) -> list[Mutant]:
    return mutants((PACKAGE / module).read_text())


def _different(module: str) -> list[Mutant]:
    return [mutant for mutant in _mutants(module) if not _is_equivalent(module, mutant)]


def _is_equivalent(module: str, mutant: Mutant) -> bool:
    return any(entry.fits(module, mutant) for entry in EQUIVALENT)
