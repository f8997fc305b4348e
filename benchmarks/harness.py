"""How things are measured here: side by side in many short rounds, and told as figures with limits.

A machine is never idle and never equally fast for long. Two things that are timed one after the other in the same
few milliseconds meet the same machine, so what counts is their ratio within a round, and the median of it over all
rounds. Absolute times are shown for orientation and are never judged.
"""

from __future__ import annotations

import gc
import json
import os
import platform
import statistics
import subprocess
import sys
from asyncio import AbstractEventLoop
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from timeit import Timer
from typing import Any, Literal, TypeAlias

from benchmarks.samples import quiet_environment

Sample: TypeAlias = Callable[[], float]
"""Takes one measurement, such as the seconds of a thousand calls, and returns it."""


@dataclass(frozen=True)
class Limit:
    """What a figure may be."""

    word: Literal["at most", "at least", "exactly"]
    bound: float

    def holds(self, value: float) -> bool:
        if self.word == "exactly":
            return value == self.bound
        return value <= self.bound if self.word == "at most" else value >= self.bound


def at_most(bound: float) -> Limit:
    return Limit("at most", bound)


def at_least(bound: float) -> Limit:
    return Limit("at least", bound)


def exactly(bound: float) -> Limit:
    return Limit("exactly", bound)


@dataclass(frozen=True)
class Figure:
    """One line of the result; ``unit`` is ``x`` for a ratio, empty for a count."""

    what: str
    value: float
    unit: str = "x"
    limit: Limit | None = None

    @property
    def verdict(self) -> Literal["PASS", "FAIL", ""]:
        if self.limit is None:
            return ""
        return "PASS" if self.limit.holds(self.value) else "FAIL"


def interleave(cases: Mapping[str, Sample], rounds: int) -> dict[str, list[float]]:
    """Take one sample of each case per round, each round beginning with another case, with the collector off."""
    names = list(cases)
    samples: dict[str, list[float]] = {name: [] for name in names}
    with collector_off():
        for number in range(rounds):
            first = number % len(names)
            for name in names[first:] + names[:first]:
                samples[name].append(cases[name]())
            gc.collect()
    return samples


def ratio(case: Sequence[float], base: Sequence[float]) -> float:
    """The median over the rounds of case / base within one round."""
    return statistics.median(one / other for one, other in zip(case, base, strict=True))


def compared(
    what: str, samples: Mapping[str, Sequence[float]], case: str, base: str, limit: Limit | None = None
) -> Figure:
    """The figure of one case beside another of the same rounds."""
    return Figure(what, ratio(samples[case], samples[base]), "x", limit)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that is not exceeded by ``share`` (0 to 1) of the values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def per_call(statement: str, names: Mapping[str, object], seconds: float, clock: Sample = perf_counter) -> Sample:
    """A sample of the seconds that one run of ``statement`` takes, averaged over about ``seconds``.

    A single reading would stop at too few runs where something else had the processor meanwhile. For what waits for
    nothing, ``clock`` may read processor time.
    """
    timer = Timer(statement, timer=clock, globals=dict(names))
    number = 1
    while min(timer.repeat(3, number)) < seconds:
        number *= 2
    return lambda: timer.timeit(number) / number


def per_await(
    statement: str,
    names: Mapping[str, object],
    seconds: float,
    loop: AbstractEventLoop,
    clock: Callable[[], float] = perf_counter,
) -> Sample:
    """As `per_call`, for a statement that awaits; it runs many times within one task of ``loop``."""
    scope = dict(names)
    exec(f"async def run(times):\n for _ in range(times):\n  {statement}", scope)
    run: Any = scope["run"]

    def timed(times: int) -> float:
        begun = clock()
        loop.run_until_complete(run(times))
        return clock() - begun

    timed(1)  # what is loaded at the first time counts for nothing
    number = 1
    while timed(number) < seconds:
        number *= 2
    return lambda: timed(number) / number


def in_new_process(module: str, *arguments: object) -> Any:
    """What a module of ours says as JSON in a new process."""
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=Path(__file__).parent.parent,
        env=quiet_environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return json.loads(done.stdout)


@contextmanager
def one_core() -> Generator[None]:
    """Keep this process, and those that it starts meanwhile, on one core, where the system can.

    A question to a server takes half as long when both happen to be on one core as when they are not, which the system
    decides for each connection by itself and would be all that is seen.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


@contextmanager
def collector_off() -> Generator[None]:
    """Keep the garbage collector out of what is timed."""
    was_on = gc.isenabled()
    gc.collect()
    gc.freeze()  # what is here already is not looked through again after each round
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_on:
            gc.enable()


def table(title: str, figures: Sequence[Figure]) -> str:
    """The figures of one benchmark as plain text."""
    rows = [(f.what, shown(f.value, f.unit), _limit(f), f.verdict) for f in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        f"  {what:<{widths[0]}}  {value:>{widths[1]}}  {limit:<{widths[2]}}  {verdict}".rstrip()
        for what, value, limit, verdict in rows
    ]
    return "\n".join([title, *lines])


def shown(value: float, unit: str) -> str:
    """A number as people read it: a small ratio as one part in so many."""
    if unit == "x":
        return f"1/{1 / value:.0f}" if 0 < value <= 0.1 else f"{value:.3g} x"
    if unit == "":
        return f"{value:.0f}"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{digits}f} {unit}"


def machine() -> str:
    """What the figures were taken on."""
    packages = ("secretsource", "boto3", "moto", "aws-lambda-powertools", "aws-secretsmanager-caching")
    load = f", load {os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else ""
    versions = ", ".join(f"{package} {_version(package)}" for package in packages)
    return (
        f"{platform.python_implementation()} {platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores{load}\n{versions}"
    )


def _limit(figure: Figure) -> str:
    return "" if figure.limit is None else f"{figure.limit.word} {shown(figure.limit.bound, figure.unit)}"


def _version(package: str) -> str:
    try:
        return version(package)
    except ModuleNotFoundError:
        return "(not installed)"
