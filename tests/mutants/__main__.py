"""Whether the tests bite: ``python -m tests.mutants`` puts faults into the code, and counts those that no test finds.

Pinned faults come first: each has its test. Then the lines that have changed, and a sample that differs from commit to
commit, until the time is up. ``--all`` tries every fault of every module, which takes half an hour or more.
"""

from __future__ import annotations

import argparse
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

from tests.mutants.campaign import count, disordered, equivalents, pinned, played, sample, whole
from tests.mutants.choice import changed_lines, commit, in_turn
from tests.mutants.near import NEAR
from tests.mutants.pinned import FAULTS
from tests.mutants.trial import End, prepare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.mutants.trial import Trial

SHARE = 95.0
"""How many of a hundred faults have to be found."""
SHARE_OF_SAMPLE = 70.0
"""The same for a sample, drawn anew with each commit from more modules: no commit may fail by the luck of its draw."""
ENOUGH = 40
"""Faults that a sample must hold before its share says anything; a busy machine tries fewer."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a campaign, and say what is wrong."""
    asked = _parser().parse_args(arguments)
    modules: list[str] = asked.modules or list(NEAR)
    wrong = disordered()
    prepare()
    began = time.monotonic()
    if not asked.modules:
        faults = played(pinned(FAULTS), asked.at_once)
        print(f"pinned faults: {faults}", flush=True)
        wrong += [f"alive: {title}" for title in faults.alive] + _broken([*faults.broken, *faults.slow])
    if asked.all:
        score, least = played(whole(modules), asked.at_once, tell=_say), SHARE
        found: list[str] = []
        none = played(equivalents(modules), asked.at_once, tell=partial(_note_found, found))
        print(f"said to be the same: {len(none.alive)}")
        wrong += [f"equivalent.py says that nothing finds this, and a test does: {title}" for title in found]
    else:
        changed, seed, least = changed_lines(), commit(), SHARE_OF_SAMPLE
        trials = sample(in_turn(modules, changed, seed), changed, seed)
        score = played(trials, asked.at_once, lambda: time.monotonic() - began > asked.seconds)
    print(f"mutants: {score} (of {count(modules)} in {len(modules)} modules; {time.monotonic() - began:.0f} s)")
    for title in () if asked.all else sorted(score.alive):
        print(f"  alive  {title}")
    for module in score.slow:
        print(f"  left out  {module}: the tests near to it take too long here")
    wrong += _broken(score.broken)
    if score.share < least and (asked.all or score.killed + len(score.alive) >= ENOUGH):
        wrong.append(f"{score.share:.1f} % of the faults were found, and {least:.0f} % is the least")
    for complaint in wrong:
        print(f"error: {complaint}", file=sys.stderr)
    return bool(wrong)


def _say(trial: Trial, end: End) -> None:
    """Print a fault that lives on, as soon as that is known: a whole run takes long."""
    if trial.code is not None and end is not End.KILLED:
        print(f"  {end.value}  {trial.title}", flush=True)


def _note_found(found: list[str], trial: Trial, end: End) -> None:
    if trial.code is not None and end is not End.ALIVE:
        found.append(trial.title)


def _broken(titles: Sequence[str]) -> list[str]:
    return [f"the tests near {title} fail without a fault" for title in titles]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tests.mutants", description=__doc__)
    parser.add_argument(
        "modules", nargs="*", metavar="MODULE", help="such as resolver/_walk/cache.py; pinned faults are left out"
    )
    parser.add_argument("--all", action="store_true", help="every fault, however long it takes")
    parser.add_argument("--seconds", type=float, default=70.0, help="after which no other trial begins")
    parser.add_argument("--at-once", type=int, default=2, help="trials at a time")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
