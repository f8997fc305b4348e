"""What an extra costs a new process, and that no other process pays for it.

Both sides are new processes that import, make a client and get one secret, at a service in a process of its own. The
collector is off in both: whether one of its long looks falls within the first secret or just after it is chance.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterable, Iterator
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.harness import Figure, at_most, exactly, interleave, ratio
from benchmarks.samples import NAME, NAMES, quiet_environment
from benchmarks.servers import HERE, Service, service
from benchmarks.start import Start, start
from benchmarks.vendors import CASES

if TYPE_CHECKING:
    from benchmarks.vendors import Case

TITLE = "extras: a provider's first secret in a new process, against the vendor's bare client"

BEFORE = "import gc\ngc.disable()\nfrom benchmarks.vendors import CASES\ncase = CASES[{case!r}]"
BARE = "assert case.bare().one({spelled!r})"
OURS = "from secretsource import Resolver\nassert Resolver([case.provider()]).get({name!r})"
UNASKED = "from secretsource import Resolver\nassert Resolver(['env', case.provider()]).get({name!r})"
"""The provider is in the chain, and the environment before it has the answer."""


def measure(rounds: int = 9, names: Iterable[str] = tuple(CASES)) -> list[Figure]:
    """Start a process of ours and one of the vendor's in turn, for each provider."""
    with TemporaryDirectory() as folder:
        return [figure for name in names for figure in _extra(name, CASES[name], rounds, folder)]


def _extra(name: str, case: Case, rounds: int, folder: str) -> Iterator[Figure]:
    with service(case.service) as serving:
        words = {"name": NAMES[0], "spelled": case.spelled(NAMES[0])}
        statements = {"ours": OURS.format(**words), "bare": BARE.format(**words)}
        starts: dict[str, list[Start]] = {"ours": [], "bare": []}

        def started(side: str) -> float:
            starts[side].append(_start(name, statements[side], folder, serving))
            return starts[side][-1]["seconds"]

        for each in statements.values():
            _start(name, each, folder, serving)  # leaves the .pyc files
        samples = interleave({"ours": lambda: started("ours"), "bare": lambda: started("bare")}, rounds)
        unasked = _start(name, UNASKED.format(name=NAME), folder, serving)
    sizes = {side: [one["bytes"] for one in ones] for side, ones in starts.items()}
    others = {package for other in CASES.values() for package in other.packages} - set(case.packages)
    loaded = [module for one in starts["ours"] for module in one["loaded"]]
    yield Figure(f"{name}: first secret / bare client", ratio(samples["ours"], samples["bare"]), "x", at_most(1.3))
    yield Figure(f"{name}: memory / bare client", ratio(sizes["ours"], sizes["bare"]), "x", at_most(1.2))
    yield Figure(f"{name}: first secret", statistics.median(samples["ours"]) * 1e3, "ms")
    yield Figure(f"{name}: memory", statistics.median(sizes["ours"]) / 2**20, "MiB")
    yield Figure(f"{name}: modules of other vendors", len(of(others, loaded)), "", exactly(0))
    every = others | set(case.packages)
    yield Figure(f"{name}: modules of any vendor before it is asked", len(of(every, unasked["loaded"])), "", exactly(0))


def _start(name: str, statements: str, folder: str, serving: Service) -> Start:
    path = os.pathsep.join(filter(None, [str(HERE), quiet_environment().get("PYTHONPATH")]))
    return start(statements, folder, before=BEFORE.format(case=name), PYTHONPATH=path, **serving.environment)


def of(packages: set[str], loaded: Iterable[str]) -> set[str]:
    """Which of the loaded modules belong to one of the packages."""
    return {module for module in loaded if any(f"{module}.".startswith(f"{package}.") for package in packages)}
