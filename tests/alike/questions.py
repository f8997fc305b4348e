"""The acts that ask, check, and give back what a check took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.alike.acts import ADDRESSES, AGENTS, DAY, ENVIRONMENTS, FIELDS, LENGTHS, NAMES, OWNERS, PLANS, VALUES, Act

from secretsource.issuing import NO_SCOPE
from secretsource.stores.base import EventKind, OwnerEventKind, Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.alike.acts import Author
    from tests.alike.world import World

__all__ = ["QUESTIONS"]


def _list_registers(self: Author, now: float) -> Act:
    after, limit = self.pick((None, *OWNERS)), self.pick((1, 2, 100))
    if self.random.random() < 0.3:
        return Act("plans.list", {"after": after, "limit": limit}, lambda w, **g: w.keys.plans.list(**g))
    given = {"after": after, "limit": limit, "plan": self.pick((None, *PLANS))}
    return Act("owners.list", given, lambda w, **g: w.keys.owners.list(**g))


def _check(self: Author, now: float) -> Act:
    given = {
        "text": self.text(),
        "scope": self.pick((NO_SCOPE, NO_SCOPE, "a", "a:b", ["a", "b:c"])),
        "ip": self.pick(ADDRESSES),
        "agent": self.pick(AGENTS),
        "cost": self.pick((1, 1, 1, 0, 2, 5, 10**9)),
        "fresh": self.pick((False, False, True)),
        "prefix": self.pick((None, None, None, "sk")),
    }
    self.verdicts += 1

    def call(w: World, **g: Any) -> Any:
        verdict = w.keys.check(**g)
        w.verdicts.append(verdict)
        return verdict

    return Act("check", given, call)


def _check_many(self: Author, now: float) -> Act:
    questions = [
        {"text": self.text(), "scope": self.pick((NO_SCOPE, "a")), "cost": 1} for _ in range(self.random.randrange(4))
    ]
    return Act("check_many", {"questions": questions}, lambda w, **g: w.keys.check_many(**g))


def _give_back(self: Author, now: float) -> Act:
    name, number = self.pick(("refund", "release", "renew")), self.random.randrange(max(1, self.verdicts))

    def call(w: World, number: int) -> Any:
        return getattr(w.keys, name)(w.verdicts[number]) if number < len(w.verdicts) else None

    return Act(name, {"number": number}, call)


def _flush(self: Author, now: float) -> Act:
    return Act("flush", {}, lambda w: w.keys.flush())


def _list(self: Author, now: float) -> Act:
    filters = {
        "owner": self.pick(OWNERS),
        "environment": self.pick(ENVIRONMENTS),
        "prefix": "sk",
        "status": self.pick(Status),
        "name": self.pick(NAMES),
        "metadata": {self.pick(FIELDS): self.pick(VALUES)},
        "beginning": self.key_id()[: self.pick((1, 2, 22))],
        "newest_first": self.pick((True, False)),
        "after": self.pick((None, *self.known.cursors[-3:])),
        "limit": self.pick((1, 2, 3, 1000)),
    }
    given = {name: value for name, value in filters.items() if self.random.random() < 0.3}
    if "metadata" in given:
        given["owner"] = filters["owner"]
    return Act("list", given, lambda w, **g: w.keys.list(**g))


def _ageing(self: Author, now: float) -> Act:
    owner = self.pick((None, None, *OWNERS))
    if self.random.random() < 0.5:
        return Act("expiring", {"within": self.pick(LENGTHS), "owner": owner}, lambda w, **g: w.keys.expiring(**g))
    return Act("unused", {"for_": self.pick(LENGTHS), "owner": owner}, lambda w, **g: w.keys.unused(**g))


def _history(self: Author, now: float) -> Act:
    filters = {
        "after": self.pick((None, 0, 1, 5, 20)),
        "owner": self.pick(OWNERS),
        "actor": self.pick(("ops", "chores")),
        "kind": self.pick((*EventKind, *OwnerEventKind)),
        "newest_first": self.pick((True, False)),
        "limit": self.pick((1, 5, 1000)),
    }
    given = {name: value for name, value in filters.items() if self.random.random() < 0.4}

    def call(w: World, **g: Any) -> Any:
        return w.keys.history(limit=1000), w.keys.history(**g)  # the first reading gives every event its position

    return Act("history", given, call)


def _usage(self: Author, now: float) -> Act:
    given: dict[str, Any] = {"by": self.pick(("minute", "hour", "day")), "per_key": self.pick((True, False))}
    given |= self.pick(({}, {"owner": self.pick(OWNERS)}, {"key_id": self.key_id()}, {"plan": self.pick(PLANS)}))
    if "owner" in given and self.random.random() < 0.3:
        given["key_ids"] = [self.key_id(), self.key_id()]
    return Act(
        "usage", given | {"since": self.pick((None, now - DAY / 2, now - 0.5))}, lambda w, **g: w.keys.usage(**g)
    )


def _export(self: Author, now: float) -> Act:
    return Act("export", {"owner": self.pick((None, *OWNERS))}, lambda w, **g: w.keys.export(**g))


def _look(self: Author, now: float) -> Act:
    name = self.pick(("get_many", "count_by_pepper", "count_living", "identify", "whose"))
    given: dict[str, Any] = {
        "get_many": {"key_ids": [self.key_id(), self.key_id()]},
        "count_by_pepper": {},
        "count_living": {"owner": self.pick(OWNERS)},
        "identify": {"text": self.text()},
        "whose": {"text": self.text(), "candidates": OWNERS},
    }[name]
    return Act(name, given, lambda w, **g: getattr(w.keys, name)(**g))


def _look_at_key(self: Author, now: float) -> Act:
    name = self.pick(("get", "events", "rotation_status", "recent_use", "remaining"))
    return Act(name, {"key_id": self.key_id()}, lambda w, **g: getattr(w.keys, name)(**g))


QUESTIONS: dict[Callable[[Author, float], Act], int] = {
    _list_registers: 2, _check: 16, _check_many: 1, _give_back: 4, _flush: 4, _list: 6, _ageing: 2, _history: 4,
    _usage: 3, _export: 1, _look: 3, _look_at_key: 6,
}  # fmt: skip
"""Each with its share of all acts."""
