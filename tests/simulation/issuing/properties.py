"""What must hold of every history, each property a function of the world; none knows how a cache works."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from secretsource.issuing import Accepted, KeyRecord, Reason, Rejected
from secretsource.issuing._check.terms import limits_of
from secretsource.stores.base import EventKind, OwnerRecord, OwnerStatus, Purse, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.simulation.issuing.world import Act, Asked, Version, World

__all__ = ["TOP_UP", "TTL", "broken"]

TTL = 2.0
TOP_UP = 2
"""Credits that each top-up adds."""

_GOOD = frozenset({Status.ACTIVE, Status.ROTATING})
_LIMITED = frozenset({Reason.RATE_LIMITED, Reason.COST_TOO_HIGH, Reason.CREDITS_EXHAUSTED})
_OF_OTHERS = frozenset({Reason.STORE_UNAVAILABLE, Reason.OWNER_SUSPENDED})
"""Reasons that no record of a key says."""
_STATUSES = {
    Reason.REVOKED: Status.REVOKED,
    Reason.EXPIRED: Status.EXPIRED,
    Reason.DISABLED: Status.DISABLED,
}


def broken(world: World) -> list[str]:
    """The properties that a history breaks, and where."""
    return [f"{fault.__name__.strip('_')}: {where}" for fault in PROPERTIES for where in fault(world)]


def _answered(world: World) -> Iterator[tuple[Asked, KeyRecord]]:
    """The checks that were answered by a record."""
    for asked in world.checks:
        record = None if asked.verdict is None else asked.verdict.record
        if record is not None:
            yield asked, record


def _no_change_is_seen_later_than_the_bound(world: World) -> Iterator[object]:
    """No check is answered by a record that was replaced a ttl, or more, before it began."""
    for asked, record in _answered(world):
        later = world.after(asked.key_id, record.revision)
        if later is not None and later.mono <= asked.born - TTL:
            yield later, asked


def _no_terms_are_seen_later_than_the_bound(world: World) -> Iterator[object]:
    """No check is answered under an owner or a plan that was replaced a ttl, or more, before it began."""
    for asked, record in _answered(world):
        seen = [] if record.terms is None else [record.terms.owner, record.terms.plan]
        for new, mono in world.terms:
            old = next((one for one in seen if one is not None and type(one) is type(new) and one.id == new.id), None)
            is_its = new.id == record.owner if isinstance(new, OwnerRecord) else old is not None
            if is_its and mono <= asked.born - TTL and (old is None or old.revision < new.revision):
                yield new, asked


def _a_suspension_is_in_the_verdict(world: World) -> Iterator[object]:
    """A key of a suspended owner is not accepted, and no other is refused for that."""
    for asked, record in _answered(world):
        is_suspended = record.terms is not None and record.terms.owner.status is OwnerStatus.SUSPENDED
        refused = isinstance(asked.verdict, Rejected) and asked.verdict.reason is Reason.OWNER_SUSPENDED
        if (is_suspended and isinstance(asked.verdict, Accepted)) or (refused and not is_suspended):
            yield asked


def _what_a_process_knows_it_does_not_forget(world: World) -> Iterator[object]:
    """No check is answered by a record that its process did, heard or saw the end of; a fresh one by the newest."""
    for asked, record in _answered(world):
        later = world.after(asked.key_id, record.revision)
        if later is not None and later.moment <= _known(world, asked):
            yield later, asked


def _known(world: World, asked: Asked) -> int:
    """The moment whose state of a key a check must know."""
    mine, key_id = asked.process, asked.key_id
    moments = [asked.began if asked.fresh else 0]
    for act in world.acts:
        if act.process == mine and 0 < act.ended < asked.began:
            moments += [world.moment_of(key_id, one.revision) for one in act.records if one.key_id == key_id]
    for heard in world.heard:
        if heard.process == mine and heard.moment < asked.began:
            if heard.key_id is None:
                moments.append(heard.moment)
            elif heard.key_id == key_id:
                moment = world.moment_of(key_id, heard.revision)
                moments.append(moment if moment < heard.moment else 0)  # some news is made up
    for one in _before(world, asked):
        record = None if one.verdict is None else one.verdict.record
        if record is not None:
            moments.append(world.moment_of(key_id, record.revision))
    return max(moments)


def _before(world: World, asked: Asked) -> Iterator[Asked]:
    """The checks of the same key in the same process that had their verdict before this one began."""
    for one in world.checks:
        if one.process == asked.process and one.key_id == asked.key_id and 0 < one.ended < asked.began:
            yield one


def _a_verdict_is_what_its_record_says(world: World) -> Iterator[object]:
    """A key is accepted in its time only, and refused for what its record says, or for its limits."""
    for asked in world.checks:
        verdict, clock = asked.verdict, world.processes[asked.process].clock
        if isinstance(verdict, Accepted):
            if verdict.record.status_at(asked.wall) not in _GOOD:
                yield asked
        elif isinstance(verdict, Rejected) and verdict.reason not in _LIMITED | _OF_OTHERS:
            record, status = verdict.record, _STATUSES.get(verdict.reason)
            present = asked.wall, asked.died + clock.furthest
            if record is None or status not in [record.status_at(wall) for wall in present]:
                yield asked


def _what_has_ended_in_a_process_stays_so(world: World) -> Iterator[object]:
    """After a process has called a key expired or revoked, it never accepts it, whatever its clock does."""
    for asked, _ in _answered(world):
        if not isinstance(asked.verdict, Accepted):
            continue
        for one in _before(world, asked):
            if isinstance(one.verdict, Rejected) and one.verdict.reason in {Reason.EXPIRED, Reason.REVOKED}:
                yield one, asked


def _an_end_is_final(world: World) -> Iterator[object]:
    """A record that is revoked stays so, and no change touches what it is not about."""
    for versions in world.versions.values():
        for before, after in pairwise(versions):
            if before.record.status is Status.REVOKED and after.record.status is not Status.REVOKED:
                yield before, after
            if after.record.revision != before.record.revision + 1:
                yield before, after
            if after.record.scopes != before.record.scopes and not _is_update(world, after):
                yield before, after


def _is_update(world: World, version: Version) -> bool:
    [event] = world.store.events(version.record.key_id, after=version.record.revision - 1, limit=1)
    return event.kind is EventKind.UPDATED and "scopes" in event.fields  # a top-up hands on credits only


def _an_update_is_handed_on(world: World) -> Iterator[object]:
    """What an update leaves in a rotating key, its successor has in the same transaction, unless it has ended."""
    for versions in world.versions.values():
        for one in versions:
            new = one.record.successor
            if new is None or one.record.status is not Status.ROTATING or not _is_update(world, one):
                continue
            then = [other.record for other in world.versions[new] if other.moment <= one.moment + 1][-1]
            if then.status in _GOOD and then.end is None and then.scopes != one.record.scopes:
                yield one, then


def _there_is_one_successor(world: World) -> Iterator[object]:
    """A key has one successor, whoever rotates it and how often; only one call is given its text."""
    last = [versions[-1].record for versions in world.versions.values()]
    for key_id, number in Counter(one.predecessor for one in last if one.predecessor).items():
        successor = world.versions[key_id][-1].record.successor
        if number > 1 or successor is None or world.versions[successor][-1].record.predecessor != key_id:
            yield world.name(key_id), number
    for key_id, number in Counter(act.made for act in world.acts if act.made).items():
        if number > 1:
            yield world.name(key_id), number


def _no_event_is_lost(world: World) -> Iterator[object]:
    """Each revision has its event; what an act says it made has an event, and at most one that names the act."""
    actors = Counter[str]()
    for key_id, versions in world.versions.items():
        events = world.store.events(key_id)
        if [event.revision for event in events] != [one.record.revision for one in versions]:
            yield world.name(key_id), events
        actors.update(f"{key_id} {event.actor}" for event in events)
    for act in world.acts:
        for record in act.records:
            if not world.moment_of(record.key_id, record.revision):
                yield act
        if act.made and actors[f"{act.made} {act.number}"] != 1:
            yield act
        if act.kind != "finish" and any(actors[f"{record.key_id} {act.number}"] > 1 for record in act.records):
            yield act


def _limits_are_all_or_nothing(world: World) -> Iterator[object]:
    """What an account has left is what was granted, and the same was taken by each of its rules."""
    granted, spent = Counter[tuple[int, str]](), dict[tuple[int, str], int]()
    for asked, record in _answered(world):
        verdict, account = asked.verdict, (asked.process, record.limit_key)
        assert verdict is not None
        if record.credits is not None:  # others see what waits for the credits; see the next property
            continue
        taken = {state.limit - state.remaining for state in verdict.limits}
        if len(taken) > 1:
            yield taken, asked
        if taken:
            spent[account] = max(spent.get(account, 0), *taken)
            granted[account] += asked.cost if isinstance(verdict, Accepted) else 0
    for account, number in spent.items():
        if number != granted[account]:
            yield account[0], world.name(account[1]), number, granted[account]


def _limits_and_credits_are_all_or_nothing(world: World) -> Iterator[object]:
    """In the end, a process has taken from the limits of a metered key what it accepted, and no more."""
    accepted, metered = Counter[tuple[int, str]](), dict[str, KeyRecord]()
    for asked, record in _answered(world):
        if record.credits is not None:
            metered[record.limit_key] = record
            accepted[asked.process, record.limit_key] += asked.cost if isinstance(asked.verdict, Accepted) else 0
    for process in world.processes:
        for account, record in metered.items():
            plan, now = limits_of(record)[1], process.clock.now()
            limiter: Any = process.keys._parts.limiter
            states = [] if plan is None else limiter.draw(account, plan, 0, now.mono, now.wall).states
            if any(state.limit - state.remaining != accepted[process.number, account] for state in states):
                yield process.number, world.name(account), accepted[process.number, account], states


def _credits_are_spent_once(world: World) -> Iterator[object]:
    """An account has spent what was accepted, and what a lost answer may have spent; never more than granted."""
    paid, lost, granted = Counter[str](), Counter[str](), dict[str, int]()
    for key_id, versions in world.versions.items():
        most = max((one.record.credits or 0 for one in versions), default=0)
        account = versions[0].record.limit_key
        granted[account] = max(granted.get(account, 0), most)
        for asked in world.checks:
            if asked.key_id == key_id and versions[0].record.credits is not None:
                is_lost = asked.verdict is None or _reason(asked) is Reason.STORE_UNAVAILABLE
                paid[account] += asked.cost if isinstance(asked.verdict, Accepted) else 0
                lost[account] += asked.cost if is_lost else 0
    assert world.store.credits is not None
    for account, most in granted.items():
        [spent] = world.store.credits.spend([Purse(account, most)], 0).spent
        if not paid[account] <= spent <= min(most, paid[account] + lost[account]):
            yield world.name(account), paid[account], spent, lost[account], most


def _every_top_up_counts(world: World) -> Iterator[object]:
    """A key has its credits at issue and its top-ups, and at most all of its chain; one with a lost answer may count.

    A top-up passes over keys that have ended, and one clock may say so before another one does. So the keys of a chain
    may differ, as long as each has what it was given by name.
    """
    made, sure = Counter[str](), Counter[str]()
    for act in world.acts:
        if act.kind == "top_up":
            made[world.versions[act.target][0].record.limit_key] += TOP_UP
            sure[act.target] += TOP_UP if act.ended else 0
    for key_id, [first, *later] in world.versions.items():
        issued, last = first.record.credits, [first, *later][-1].record.credits
        if issued is not None and last is not None:
            account = first.record.limit_key
            most = (world.versions[account][0].record.credits or 0) + made[account]
            if not issued + sure[key_id] <= last <= most:
                yield world.name(key_id), issued, sure[key_id], last, most


def _a_top_up_reaches_the_successors(world: World) -> Iterator[object]:
    """Each key after it that was good all the while, and has no end that a clock might see, has the credits, too."""
    for act in world.acts:
        following = world.versions[act.target][-1].record.successor if act.kind == "top_up" and act.ended else None
        while following is not None:
            spans = [
                [v for v in world.versions[following] if v.moment < moment][-1:] for moment in (act.began, act.ended)
            ]
            was_good = [each and each[0].record.status in _GOOD and each[0].record.end is None for each in spans]
            if all(was_good) and str(act.number) not in {event.actor for event in world.store.events(following)}:
                yield world.name(following), act
            following = world.versions[following][-1].record.successor


def _reason(asked: Asked) -> Reason | None:
    return asked.verdict.reason if isinstance(asked.verdict, Rejected) else None


def _revoke_all_leaves_nothing(world: World) -> Iterator[object]:
    """When `revoke_all` returns, no key of the owner is good that was there when it began, and no successor of one."""
    for act in world.acts:
        if act.kind != "revoke_all" or not act.ended or act.left:
            continue
        yield from _left(world, act, act.before)


def _a_family_ends_as_a_whole(world: World) -> Iterator[object]:
    """When `revoke` returns for a family, no successor of the key is good."""
    for act in world.acts:
        if act.kind == "family" and act.ended:
            yield from _left(world, act, [act.target])


def _left(world: World, act: Act, began_with: Iterable[str]) -> Iterator[object]:
    """The keys of these families that are good when an act has returned."""
    for key_id in began_with:
        following: str | None = key_id
        while following is not None:
            then = [one for one in world.versions[following] if one.moment < act.ended][-1:]
            if any(one.record.status in _GOOD and one.record.end is None for one in then):
                yield world.name(following), act
            following = world.versions[following][-1].record.successor


PROPERTIES = (
    _no_change_is_seen_later_than_the_bound,
    _no_terms_are_seen_later_than_the_bound,
    _a_suspension_is_in_the_verdict,
    _what_a_process_knows_it_does_not_forget,
    _a_verdict_is_what_its_record_says,
    _what_has_ended_in_a_process_stays_so,
    _an_end_is_final,
    _an_update_is_handed_on,
    _there_is_one_successor,
    _no_event_is_lost,
    _limits_are_all_or_nothing,
    _limits_and_credits_are_all_or_nothing,
    _credits_are_spent_once,
    _every_top_up_counts,
    _a_top_up_reaches_the_successors,
    _revoke_all_leaves_nothing,
    _a_family_ends_as_a_whole,
)
