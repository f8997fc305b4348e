"""Secrets that no cache has: each provider, through the whole of a resolver, beside the bare client of its vendor.

Each provider is measured in a process of its own, at a service in another one:

    python -m benchmarks.providers CASE ROUNDS SECONDS
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

from dotenv import dotenv_values

from benchmarks.harness import Figure, Limit, at_most, compared, exactly, interleave, per_call, ratio
from benchmarks.samples import NAMES, VALUE, quiet_environment
from benchmarks.servers import HERE, Service, service
from benchmarks.vendors import CASES, Case
from secretsource import AsyncResolver, Resolver
from secretsource.providers.dotenv import DotenvProvider
from secretsource.providers.env import EnvProvider
from secretsource.providers.file import FileProvider

if TYPE_CHECKING:
    from benchmarks.harness import Sample
    from benchmarks.vendors import AsyncOne, One

TITLE = "providers: a warm get, and 50 at once, that no cache answers, against the vendor's bare client"
AT_ONCE = (1, 2, 4, 8, 16, 32)
"""How many calls of the bare client are tried at the same time; the best is what we are compared with."""
ROUND_TRIP = 0.0005
"""Seconds to another machine of the same data centre and back, to a service that answers at once."""
SERVICE_TIME = 0.005
"""Seconds until a service has answered that is managed by somebody else, at best."""
UNJUDGED = frozenset({("gcp, async", "get"), *((name, "50 at once") for name in ("vault", "gcp", "gcp-rest", "azure"))})
"""What is shown of a service next door and not judged; the README says why."""
DEADLINE = 60.0


class Side(NamedTuple):
    """One of the two that are compared.

    Attributes:
        one: Gets the first secret so often.
        many: Ways to get all of them, each under a name.
        forget: Before each of them, untimed.
    """

    one: Callable[[int], object]
    many: Mapping[str, Callable[[], object]]
    forget: Callable[[], object] = lambda: None


def measure(rounds: int = 40, seconds: float = 0.02, names: Iterable[str] = tuple(CASES)) -> list[Figure]:
    """Measure each provider in a process of its own, and those on this machine in this one."""
    figures = [figure for name in names for figure in in_new_process(name, rounds, seconds)]
    return [*figures, *local(rounds, seconds)]


def in_new_process(name: str, rounds: int, seconds: float) -> list[Figure]:
    """Measure one provider."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.providers", name, str(rounds), str(seconds)],
        cwd=HERE,
        env=quiet_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if done.returncode:
        raise RuntimeError(f"the benchmark of {name} ended with {done.returncode}: {done.stderr}")
    told = json.loads(done.stdout)
    return [Figure(what, value, unit, None if limit is None else Limit(*limit)) for what, value, unit, limit in told]


def main(name: str, rounds: int, seconds: float) -> None:
    """Measure one provider here, and print its figures as JSON."""
    case, figures = CASES[name], []
    with service(case.service) as serving:
        os.environ.update(serving.environment)
        pair = Pair(name, serving, *blocking(case))
        figures += [*pair.gets(rounds, seconds), *pair.batches(max(1, rounds // 2)), pair.calls()]
        if case.abare is not None:
            with asyncio.Runner() as runner:
                pair = Pair(f"{name}, async", serving, *native(case, case.abare, runner.get_loop()))
                figures += [*pair.gets(rounds, seconds), *pair.batches(max(1, rounds // 2)), pair.calls()]
    limits = [figure.limit and (figure.limit.word, figure.limit.bound) for figure in figures]
    print(json.dumps([(each.what, each.value, each.unit, limit) for each, limit in zip(figures, limits, strict=True)]))


class Pair(NamedTuple):
    """The two sides of a provider at one service."""

    name: str
    serving: Service
    ours: Side
    bare: Side

    def gets(self, rounds: int, seconds: float) -> Iterator[Figure]:
        """One secret after the other, of a service on another machine, and of one on this machine."""
        sides = (("ours", self.ours), ("bare", self.bare))
        for distance in (ROUND_TRIP, 0.0):
            self.serving.calls(distance)
            cases = {who: per_call("one(5)", {"one": side.one}, seconds) for who, side in sides}
            samples = interleave(cases, rounds)
            yield self._compared("get", distance, "bare client", samples, 1.1)
        yield Figure(f"{self.name}: get, next door", statistics.median(samples["ours"]) / 5 * 1e6, "us")
        yield Figure(f"{self.name}: bare client, next door", statistics.median(samples["bare"]) / 5 * 1e6, "us")

    def batches(self, rounds: int) -> Iterator[Figure]:
        """All secrets at once, of a service that takes its time, and of one that takes none."""
        for distance in (SERVICE_TIME, 0.0):
            self.serving.calls(distance)
            ways = {way: timed(work, self.bare.forget) for way, work in self.bare.many.items()}
            best = min(ways, key=lambda way: statistics.median(ways[way]() for _ in range(3)))
            (work,) = self.ours.many.values()
            samples = interleave({"ours": timed(work, self.ours.forget), "bare": ways[best]}, rounds)
            yield self._compared("50 at once", distance, f"bare client, {best}", samples, 1.2)

    def _compared(
        self, what: str, distance: float, whom: str, samples: Mapping[str, Sequence[float]], bound: float
    ) -> Figure:
        where = f"{distance * 1e3:g} ms away" if distance else "next door"
        judged = distance or (self.name, what) not in UNJUDGED
        title = f"{self.name}: {what}, {where} / {whom}"
        return compared(title, samples, "ours", "bare", at_most(bound) if judged else None)

    def calls(self) -> Figure:
        """By how many calls ours differ from the bare client's, for one secret and for all."""
        one, everything = [], []
        for side in (self.ours, self.bare):
            side.forget()
            begun = self.serving.calls()
            side.one(1)
            side.forget()
            between = self.serving.calls()
            next(iter(side.many.values()))()
            one.append(between - begun)
            everything.append(self.serving.calls() - between)
        extra = abs(one[0] - one[1]) + abs(everything[0] - everything[1])
        return Figure(f"{self.name}: calls more or less than the bare client's", extra, "", exactly(0))


def timed(work: Callable[[], object], forget: Callable[[], object]) -> Sample:
    """The seconds of some work, when what was known of it is forgotten."""

    def sample() -> float:
        forget()
        begun = perf_counter()
        work()
        return perf_counter() - begun

    return sample


def blocking(case: Case) -> tuple[Side, Side]:
    """Ours and the vendor's, for threads."""
    resolver, bare = Resolver([case.provider()], ttl=3600, deadline=DEADLINE), case.bare()
    spelled = [case.spelled(name) for name in NAMES]
    assert {*resolver.get_many(NAMES).values(), bare.one(spelled[0])} == {VALUE}
    if bare.many is not None:
        ways: dict[str, Callable[[], object]] = {"its own call for many": partial(bare.many, spelled)}
    else:
        ways = {f"{number} thread{'s' * (number > 1)}": _pooled(bare.one, spelled, number) for number in AT_ONCE}

    def ours_one(times: int) -> None:
        for _ in range(times):
            resolver.get(NAMES[0], fresh=True)

    def bare_one(times: int) -> None:
        for _ in range(times):
            bare.one(spelled[0])

    everything = {"all": partial(resolver.get_many, NAMES)}
    return Side(ours_one, everything, resolver._engine.state.clear), Side(bare_one, ways)


def _pooled(one: One, names: list[str], number: int) -> Callable[[], object]:
    """All names by so many threads, which are there already."""
    if number == 1:
        return lambda: [one(name) for name in names]
    threads = ThreadPoolExecutor(number)
    return lambda: list(threads.map(one, names))


def native(case: Case, abare: Callable[[], AsyncOne], loop: asyncio.AbstractEventLoop) -> tuple[Side, Side]:
    """Ours and the vendor's, for an event loop."""
    resolver = Resolver([case.provider()], ttl=3600, deadline=DEADLINE)
    ours, spelled = AsyncResolver.of(resolver), [case.spelled(name) for name in NAMES]

    async def made() -> AsyncOne:
        return abare()

    bare = loop.run_until_complete(made())

    async def repeated(one: AsyncOne, name: str, times: int) -> None:
        for _ in range(times):
            assert await one(name) == VALUE

    async def together(number: int) -> None:
        turn = asyncio.Semaphore(number)

        async def in_turn(name: str) -> str:
            async with turn:
                return await bare(name)

        await asyncio.gather(*map(in_turn, spelled))

    def run(work: Callable[..., Coroutine[Any, Any, object]], *words: Any) -> object:
        return loop.run_until_complete(work(*words))

    ways = {f"{number} at once": partial(run, together, number) for number in AT_ONCE}
    return (
        Side(
            partial(run, repeated, partial(ours.get, fresh=True), NAMES[0]),
            {"all": partial(run, ours.get_many, NAMES)},
            resolver._engine.state.clear,
        ),
        Side(partial(run, repeated, bare, spelled[0]), ways),
    )


def local(rounds: int, seconds: float) -> Iterator[Figure]:
    """The sources on this machine, which have no client but, for ``.env``, python-dotenv."""
    with TemporaryDirectory() as folder:
        path = Path(folder, ".env")
        path.write_text("".join(f"{name}={VALUE}\n" for name in NAMES))
        Path(folder, NAMES[0]).write_text(VALUE)
        with patch.dict(os.environ, {NAMES[0]: VALUE}):
            providers = {"env": EnvProvider(), "dotenv": DotenvProvider(str(path)), "file": FileProvider(folder)}
            gets = {name: partial(Resolver([one]).get, NAMES[0], fresh=True) for name, one in providers.items()}
            cases = {name: per_call("get()", {"get": get}, seconds / 5) for name, get in gets.items()}
            cases["bare"] = per_call(
                "values(path)[name]", {"values": dotenv_values, "path": path, "name": NAMES[0]}, seconds
            )
            samples = interleave(cases, rounds)
    yield Figure("dotenv: get / dotenv_values", ratio(samples["dotenv"], samples["bare"]), "x", at_most(1.1))
    for name in gets:
        yield Figure(f"{name}: get", statistics.median(samples[name]) * 1e6, "us")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
