"""The asynchronous resolver in thousands of schedules that nobody would think of, each of which can be run again.

SIMULATION_SEED=1234 python -m pytest tests/simulation          # one schedule, with its history
SIMULATION_SCHEDULES=200000 python -m pytest tests/simulation   # more of them
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from tests.simulation.faults import FAULTS
from tests.simulation.schedule import history, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    from tests.simulation.world import World

SEED = os.environ.get("SIMULATION_SEED", "")
SCHEDULES = int(os.environ.get("SIMULATION_SCHEDULES", "5000"))
PARTS = 4
MOST_RUNS = 3000


def seeds(part: int) -> Iterable[int]:
    """The seeds of one part of all schedules; the one that was asked for comes alone."""
    if SEED:
        return [int(SEED)] if part == 0 else []
    return range(part, SCHEDULES, PARTS)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("part", range(PARTS))
def test_every_schedule_keeps_the_properties(part: int, record_property: Callable[[str, Any], None]) -> None:
    """Slow, failing, cancelled and rotated providers, clocks that jump: what `properties` lists holds in each."""
    for seed in seeds(part):
        world, broken = history(seed)
        assert not broken, f"SIMULATION_SEED={seed} replays it\n" + "\n".join([*broken, *told(world)])
    record_property("measured", f"simulation: {SCHEDULES} schedules of an AsyncResolver keep every property")


def told(world: World) -> list[str]:
    """A history as lines, in the order of its moments."""
    lines = [(moment, f"{place} becomes {state}") for place in world.writes for moment, state in world.writes[place]]
    for call in world.calls:
        lines += [(call.began, f"  a call to {call.place} begins"), (call.ended, f"  it ends, {call.state}: {call}")]
    for one in world.operations:
        lines += [(one.began, f"    {one.kind} {one.name}"), (one.ended, f"    has {one.state} {one.served}: {one}")]
    return [f"{moment:4} {line}" for moment, line in sorted(lines)]


def test_a_seed_is_one_schedule() -> None:
    """The same seed gives the same history, event by event; another seed another one."""
    first, again, other = (told(history(seed)[0]) for seed in (7, 7, 8))
    assert first == again
    assert first != other


@pytest.mark.timeout(400)  # up to half a minute on a machine with nothing else to do
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__.strip("_"))
def test_a_planted_fault_is_found(
    fault: Callable[[], AbstractContextManager[None]], record_property: Callable[[str, Any], None]
) -> None:
    """Each fault breaks a property within a few schedules."""
    name = fault.__name__.strip("_").replace("_", " ")
    with fault():
        for runs in range(1, MOST_RUNS + 1):
            broken = run(runs)
            if broken:
                record_property("measured", f"simulation, fault found after {runs:4} runs: {name}")
                return
    raise AssertionError(f"{name}: not found in {MOST_RUNS} runs")
