"""Two and three `AsyncApiKeys` on one store in thousands of schedules, each of which can be run again.

SIMULATION_SEED=1234 python -m pytest tests/simulation/issuing          # one schedule, with its history
SIMULATION_SCHEDULES=200000 python -m pytest tests/simulation/issuing   # more of them
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from tests.simulation.issuing.faults import FAULTS
from tests.simulation.issuing.schedule import history, run
from tests.simulation.issuing.telling import told
from tests.simulation.untraced import untraced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

SEED = os.environ.get("SIMULATION_SEED", "")
SCHEDULES = int(os.environ.get("SIMULATION_SCHEDULES", "10000"))
PARTS = 4
MOST_RUNS = 5000


def seeds(part: int) -> Iterable[int]:
    """The seeds of one part of all schedules; the one that was asked for comes alone."""
    if SEED:
        return [int(SEED)] if part == 0 else []
    return range(part, SCHEDULES, PARTS)


@pytest.mark.timeout(400)  # half a minute on a machine with nothing else to do
@pytest.mark.parametrize("part", range(PARTS))
def test_every_schedule_of_keys_keeps_the_properties(part: int, record_property: Callable[[str, Any], None]) -> None:
    """Lost and late news, slow stores, clocks that step, changes by several: what `properties` lists holds in each."""
    with untraced():
        for seed in seeds(part):
            world, broken = history(seed)
            assert not broken, f"SIMULATION_SEED={seed} replays it\n" + "\n".join([*broken, *told(world)])
    which = f"the schedule of seed {SEED} keeps" if SEED else f"{SCHEDULES} schedules, seeds from 0, keep"
    record_property("measured", f"simulation of keys: {which} every property")


def test_a_seed_is_one_schedule_of_keys() -> None:
    """The same seed gives the same history, event by event, though its keys are new; another seed another one."""
    first, again, other = (told(history(seed)[0]) for seed in (7, 7, 8))
    assert first == again
    assert first != other


@pytest.mark.timeout(400)  # up to half a minute on a machine with nothing else to do
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__.strip("_"))
def test_a_planted_fault_of_keys_is_found(
    fault: Callable[[], AbstractContextManager[None]], record_property: Callable[[str, Any], None]
) -> None:
    """Each fault breaks a property within some schedules."""
    name = fault.__name__.strip("_").replace("_", " ")
    with fault(), untraced():
        for runs in range(1, MOST_RUNS + 1):
            broken = run(runs)
            if broken:
                record_property("measured", f"simulation of keys, fault found after {runs:4} runs: {name}")
                return
    raise AssertionError(f"{name}: not found in {MOST_RUNS} runs")
