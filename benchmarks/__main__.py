"""python -m benchmarks [NAME…]: print the figures; exit 0 if all keep their limits, 1 if not, 2 for a wrong name."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from time import perf_counter

from benchmarks.harness import Figure, machine, table

NAMES = (
    "hit",
    "many",
    "hops",
    "threads",
    "start",
    "command",
    "herd",
    "stall",
    "memory",
    "limits",
    "check",
    "edge",
    "gates",
    "steady",
    "frameworks",
    "pages",
    "mint",
    "records",
    "scale",
    "growth",
    "lists",
    "plans",
    "usage",
    "loops",
    "flush",
    "libraries",
    "providers",
    "extras",
)


def main(words: Sequence[str]) -> int:
    """Run the benchmarks of these names, or all."""
    strange = [word for word in words if word not in NAMES]
    if strange:
        print(f"no benchmark is called {', '.join(strange)}: there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    print(machine())
    figures = [figure for name in words or NAMES for figure in run(name)]
    failed = [figure for figure in figures if figure.verdict == "FAIL"]
    judged = [figure for figure in figures if figure.limit is not None]
    print(f"\n{len(judged) - len(failed)} of {len(judged)} limits hold")
    for figure in failed:
        print(f"FAIL: {figure.what}")
    return 1 if failed else 0


def run(name: str) -> list[Figure]:
    """Run one benchmark and print its table."""
    benchmark = import_module(f"benchmarks.{name}")
    begun = perf_counter()
    figures: list[Figure] = benchmark.measure()
    print(f"\n{table(benchmark.TITLE, figures)}\n  ({perf_counter() - begun:.0f} s)", flush=True)
    return figures


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
