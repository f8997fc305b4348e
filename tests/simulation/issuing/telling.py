"""A history as lines, in the order of its moments; keys are called by their number, so that a seed reads the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.issuing import Rejected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.issuing.world import Act, Asked, World

__all__ = ["told"]


def told(world: World) -> list[str]:
    """What was committed, and below it what the processes heard, asked and did."""
    lines = [*_committed(world), *_heard(world)]
    for act in world.acts:
        lines += _acted(world, act)
    for asked in world.checks:
        lines += _checked(world, asked)
    return [f"{moment:4} {line}" for moment, line in sorted(lines)]


def _committed(world: World) -> Iterator[tuple[int, str]]:
    for key_id, versions in world.versions.items():
        for one in versions:
            kind = world.store.events(key_id, after=one.record.revision - 1, limit=1)
            yield (
                one.moment,
                f"{world.name(key_id)} is {one.record.status.value} in revision {one.record.revision} "
                f"({', '.join(event.kind.value for event in kind)}) at {one.mono:.3f}",
            )


def _heard(world: World) -> Iterator[tuple[int, str]]:
    for heard in world.heard:
        what = "that something was missed" if heard.key_id is None else f"{world.name(heard.key_id)} {heard.revision}"
        yield heard.moment, f"  process {heard.process} hears {what}"


def _acted(world: World, act: Act) -> Iterator[tuple[int, str]]:
    what = f"process {act.process}, act {act.number}: {act.kind} {world.name(act.target)}"
    yield act.began, f"    {what}"
    if act.ended:
        named = ", ".join(f"{world.name(one.key_id)} {one.status.value} {one.revision}" for one in act.records)
        yield act.ended, f"    {what}: done, {named}"


def _checked(world: World, asked: Asked) -> Iterator[tuple[int, str]]:
    what = f"process {asked.process}{' freshly' if asked.fresh else ''} checks {world.name(asked.key_id)}"
    yield asked.began, f"      {what} at {asked.born:.3f}"
    if asked.verdict is not None:
        record = asked.verdict.record
        reason = asked.verdict.reason.value if isinstance(asked.verdict, Rejected) else "accepted"
        revision = "" if record is None else f" by revision {record.revision}"
        yield asked.ended, f"      {what}: {reason}{revision} at {asked.died:.3f}"
