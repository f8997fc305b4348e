"""What must hold of every history, each property a function of the world; none knows how the resolver works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.world import ABSENT, DENIED, POINTED, UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.world import Call, Operation, World

__all__ = ["DEADLINE", "MAX_STALE", "REVALIDATE", "TTL", "broken"]

TTL, REVALIDATE, MAX_STALE, DEADLINE = 10.0, 10.0, 60.0, 2.0

PATIENCE = 0.3
"""Longest time between the end of a call and the begin of the next, while a reader waits for both."""

SLACK = 0.01


def broken(world: World) -> list[str]:
    """The properties that a history breaks, and where."""
    return [f"{fault.__name__.strip('_')}: {where}" for fault in PROPERTIES for where in fault(world)]


def _answered(world: World, *kinds: str) -> Iterator[Operation]:
    return (one for one in world.operations if one.ended and one.kind in kinds)


def _forced_reads_are_linearizable(world: World) -> Iterator[object]:
    """A forced read gives a state that the place had at some moment between its begin and its end."""
    for read in _answered(world, "fresh"):
        if read.state != UNAVAILABLE and read.state not in world.between(read.place, read.began, read.ended):
            yield read


def _nothing_older_comes_back(world: World) -> Iterator[object]:
    """After a forced read, or news of a change, no read gives what was replaced before; but for an outage."""
    for read in _answered(world, "get"):
        if read.state == UNAVAILABLE or read.served == "stale":
            continue
        floor = max((one.began for one in _answered(world, "fresh", "invalidate") if _precedes(one, read)), default=0)
        if read.state not in world.between(read.place, floor, read.ended):
            yield floor, read


def _precedes(one: Operation, read: Operation) -> bool:
    if one.place != read.place or one.ended >= read.began or one.state == UNAVAILABLE:
        return False
    # News of a pointer is news of that name alone: where it leads need not be known yet.
    return one.kind != "invalidate" or one.name not in POINTED or one.name == read.name


def _a_refused_value_is_asked_for_once(world: World) -> Iterator[object]:
    """A refused value comes back only if the service still had it after the refusal, or after an earlier one of it."""
    for read in _answered(world, "reject"):
        if read.state != read.refused:
            continue
        confirmed = [call for call in world.calls if call.place == read.place and call.state == read.state]
        since = [one.began for one in world.operations if one.kind == "reject" and one.refused == read.refused]
        if read.state in world.between(read.place, read.began, read.ended):
            continue
        if not any(call.began > min(since) and call.ended < read.began for call in confirmed):
            yield read


def _no_reader_goes_back(world: World) -> Iterator[object]:
    """After a read has given a version, no later read gives an older one; but for an outage."""
    newest: dict[str, list[Operation]] = {}
    for read in _answered(world, "get", "fresh", "reject"):
        if not read.state.startswith("v") or read.served == "stale":
            continue
        for before in newest.setdefault(read.place, []):
            if before.ended < read.began and int(before.state[1:]) > int(read.state[1:]):
                yield before, read
        newest[read.place].append(read)


def _ages_are_kept(world: World) -> Iterator[object]:
    """Fresh is below the ttl, revalidating below its bound, and nothing is past ``max_stale``."""
    bounds = {"fresh": TTL, "revalidating": TTL + REVALIDATE}
    for read in _answered(world, "get", "reject"):
        landed = [c.died + c.frozen for c in world.calls if c.state == read.state and 0 < c.ended < read.ended]
        if read.state.startswith("v"):
            age = read.born + read.frozen - max(landed)
            if age >= bounds.get(read.served, MAX_STALE) + SLACK:
                yield age, read


def _a_denial_ends_the_value(world: World) -> Iterator[object]:
    """Once a call was denied, only a call that began after it can bring the value back."""
    denials = [call for call in world.calls if call.state == DENIED]
    for read in _answered(world, "get", "fresh", "reject"):
        if read.state in {DENIED, ABSENT, UNAVAILABLE}:
            continue
        latest = max((c.began for c in denials if c.place == read.place and c.ended < read.began), default=0)
        if not any(c.state == read.state and c.began > latest and 0 < c.ended < read.ended for c in world.calls):
            yield latest, read


def _one_flight_a_reference(world: World) -> Iterator[object]:
    """Two calls for one place overlap only if the first is late, or somebody came who could not do with it.

    Nor is a call joined beside which another one has answered: which of the two is older is not known.
    """
    for index, later in enumerate(world.calls):
        for earlier in world.calls[:index]:
            if earlier.place != later.place or 0 < earlier.ended < later.began:
                continue
            if not _is_late(world, earlier, later) and not _has_reason(world, earlier, later):
                yield earlier, later


def _is_late(world: World, earlier: Call, later: Call) -> bool:
    """Whether the time of a call is over: it begins with a reader that waits for it, maybe before the call does."""
    place = POINTED.get(earlier.place, earlier.place)
    waiting = (
        one.born
        for one in world.operations
        if one.place == place and one.began < earlier.began and not 0 < one.ended < earlier.began
    )
    return later.born - min(waiting, default=earlier.born) >= DEADLINE - SLACK


def _has_reason(world: World, earlier: Call, later: Call) -> bool:
    beside = (call for call in world.calls if call.place == later.place and call is not earlier)
    if world.clock.frozen or any(earlier.began < call.ended < later.began for call in beside):
        return True
    place = POINTED.get(later.place, later.place)
    demanding = (one for one in world.operations if one.kind != "get" and one.place == place)
    return any(one.began < later.began and (not one.ended or one.ended > earlier.began) for one in demanding)


def _nobody_waits_for_nothing(world: World) -> Iterator[object]:
    """A reader waits no longer than its deadline, and so long only while a call is under way."""
    for read in _answered(world, "get", "fresh", "reject"):
        waited = read.died - read.born
        if waited > DEADLINE + SLACK:
            yield waited, read
        if waited >= DEADLINE - SLACK and not any(_is_under_way(call, read.died) for call in world.calls):
            yield "woken by its deadline", read


def _is_under_way(call: Call, at: float) -> bool:
    return call.born <= at and (not call.ended or call.died >= at - PATIENCE)


def _cancelling_one_harms_no_other(world: World) -> Iterator[object]:
    """No reader is told that its call was interrupted: nobody ends a call but its deadline."""
    for read in _answered(world, "get", "fresh", "reject"):
        if "interrupted" in read.error:
            yield read


PROPERTIES = (
    _forced_reads_are_linearizable,
    _nothing_older_comes_back,
    _a_refused_value_is_asked_for_once,
    _no_reader_goes_back,
    _ages_are_kept,
    _a_denial_ends_the_value,
    _one_flight_a_reference,
    _nobody_waits_for_nothing,
    _cancelling_one_harms_no_other,
)
