"""The acts that change something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.alike.acts import CREDITS, DAY, LENGTHS, NAMES, OWNERS, PLANS, QUOTAS, RATES, VALUES, Act

from secretsource.stores.base import Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.alike.acts import Author
    from tests.alike.world import World

__all__ = ["CHANGES"]


def _issue(self: Author, now: float) -> Act:
    return Act("issue", self.request(now) | {"actor": self.pick((None, "ops"))}, lambda w, **g: w.keys.issue(**g))


def _issue_many(self: Author, now: float) -> Act:
    requests = [self.request(now) for _ in range(self.random.randrange(1, 4))]
    return Act("issue_many", {"requests": requests}, lambda w, **g: w.keys.issue_many(**g))


def _issue_once(self: Author, now: float) -> Act:
    given = {"token": self.pick("abc"), "caller": "c", "fingerprint": self.pick("ff"), "owner": self.pick(OWNERS[:2])}
    given |= {"scopes": self.scopes()}
    return Act("issue_once", given, lambda w, token, **g: w.keys.issue_once(token, **g))


def _rotate(self: Author, now: float) -> Act:
    given: dict[str, Any] = {"key_id": self.key_id(), "overlap": self.pick((0, *LENGTHS))}
    given |= self.pick(
        ({}, {}, {"keep_expiry": True}, {"expires_in": self.pick(LENGTHS)}, {"expires_at": self.instant(now)})
    )
    return Act("rotate", given | self.by(), lambda w, **g: w.keys.rotate(**g))


def _rotate_once(self: Author, now: float) -> Act:
    given = {"token": self.pick("rs"), "key_id": self.key_id(), "caller": "c", "fingerprint": "f", "overlap": 60}
    return Act("rotate_once", given, lambda w, token, key_id, **g: w.keys.rotate_once(token, key_id, **g))


def _rotate_by(self: Author, now: float) -> Act:
    return Act("rotate_by", {"text": self.text(), "overlap": 60}, lambda w, **g: w.keys.rotate_by(**g))


def _on_key(*names: str) -> Callable[[Author, float], Act]:
    def make(self: Author, now: float) -> Act:
        name = self.pick(names)
        return Act(name, {"key_id": self.key_id()} | self.by(), lambda w, **g: getattr(w.keys, name)(**g))

    return make


def _extend(self: Author, now: float) -> Act:
    given = {"key_id": self.key_id(), "overlap": self.pick(LENGTHS)} | self.by()
    return Act("extend_rotation", given, lambda w, **g: w.keys.extend_rotation(**g))


def _revoke(self: Author, now: float) -> Act:
    given = {"key_id": self.key_id(), "family": self.pick((True, False))} | self.by()
    return Act("revoke", given, lambda w, **g: w.keys.revoke(**g))


def _finish(self: Author, now: float) -> Act:
    given = {"key_id": self.key_id(), "quiet_for": self.pick((None, 1.0, DAY))} | self.by()
    return Act("finish_rotation", given, lambda w, **g: w.keys.finish_rotation(**g))


def _revoke_all(self: Author, now: float) -> Act:
    return Act("revoke_all", {"owner": self.pick(OWNERS)} | self.by(), lambda w, **g: w.keys.revoke_all(**g))


def _surrender(self: Author, now: float) -> Act:
    return Act("surrender", {"text": self.text()}, lambda w, **g: w.keys.surrender(**g))


def _leak(self: Author, now: float) -> Act:
    given = {"text": self.text(), "source": self.pick(("GitHub", "ü\x00")), "place": self.pick((None, "a", "b"))}
    given |= {"policy": self.pick(("revoke", "rotate", "tell", {"live": "rotate"}))}
    return Act("report_leak", given, lambda w, **g: w.keys.report_leak(**g))


def _update(self: Author, now: float) -> Act:
    fields = {
        name: value for name, value in self.request(now).items() if name not in {"owner", "prefix", "environment"}
    }
    if "not_before" in fields:
        fields["begins_at"] = fields.pop("not_before")
    if self.random.random() < 0.1:
        fields["revision"] = self.pick((1, 2, 3))
    return Act("update", {"key_id": self.key_id(), **fields}, lambda w, **g: w.keys.update(**g))


def _top_up(self: Author, now: float) -> Act:
    given: dict[str, Any] = {"credits": self.pick((1, 5, 10**15))}
    token = self.pick((None, "p", "q"))
    given |= {"id": self.pick(OWNERS[:3])} if self.random.random() < 0.3 else {"key_id": self.key_id()}
    if token is not None:
        given |= {"token": token, "caller": "c", "fingerprint": "f"}

    def call(w: World, credits: int, token: str | None = None, id: Any = None, key_id: Any = None, **g: Any) -> Any:
        where: Any = w.keys if id is None else w.keys.owners
        what = key_id if id is None else id
        return where.add_credits(what, credits) if token is None else where.add_credits_once(token, what, credits, **g)

    return Act("add_credits", given, call)


def _put_owner(self: Author, now: float) -> Act:
    fields = {
        "name": self.pick((*NAMES, None)),
        "plan": self.pick((*PLANS, None)),
        "rate_limit": self.pick(RATES),
        "quota": self.pick(QUOTAS),
        "credits": self.pick(CREDITS),
        "metadata": self.metadata(),
        "revision": self.pick((0, 1, 2)),
    }
    given = {
        name: value for name, value in fields.items() if self.random.random() < (0.05 if name == "revision" else 0.4)
    }
    return Act("owners.put", {"id": self.pick(OWNERS)} | given, lambda w, **g: w.keys.owners.put(**g))


def _put_plan(self: Author, now: float) -> Act:
    fields = {
        "rate_limit": self.pick(RATES),
        "quota": self.pick(QUOTAS),
        "max_keys": self.pick((None, 1, 2, 5)),
        "max_life": self.pick((None, *LENGTHS)),
        "scopes": self.pick((None, self.scopes())),
        "environments": self.pick((None, ["live"], ["live", "test"])),
        "rotate_every": self.pick((None, *LENGTHS)),
    }
    given = {name: value for name, value in fields.items() if self.random.random() < 0.3}
    return Act("plans.put", {"id": self.pick(PLANS)} | given, lambda w, **g: w.keys.plans.put(**g))


def _on_owner(self: Author, now: float) -> Act:
    name = self.pick(("suspend", "resume", "resume", "delete", "get", "events", "remaining"))
    return Act(f"owners.{name}", {"id": self.pick(OWNERS)}, lambda w, **g: getattr(w.keys.owners, name)(**g))


def _on_plan(self: Author, now: float) -> Act:
    name = self.pick(("delete", "get", "events"))
    return Act(f"plans.{name}", {"id": self.pick(PLANS)}, lambda w, **g: getattr(w.keys.plans, name)(**g))


def _import(self: Author, now: float) -> Act:
    rows: list[dict[str, Any]] = []
    for _ in range(self.random.randrange(1, 4)):
        made = self.pick(("hash", "plain", "ours", "row"))
        if made == "row" and self.known.rows:
            rows.append(self.pick(self.known.rows))
            continue
        row: dict[str, Any] = {"owner": self.pick(OWNERS), "metadata": self.metadata(), "scopes": self.scopes()}
        if made == "hash":
            row["hash"] = f"sha256${self.random.randrange(6):064x}"
        else:
            row["plaintext"] = self.text() if made == "ours" else f"legacy.{self.random.randrange(6)}"
        for name in ("created_at", "expires_at", "last_used_at", "revoked_at"):
            if self.random.random() < 0.2:
                row[name] = self.pick((0, now - DAY, now - 400 * DAY, now + 60))
        rows.append(row)
    given = {"rows": rows, "dry_run": self.pick((True, False, False))}
    return Act("import_rows", given, lambda w, **g: w.keys.import_rows(**g))


def _chores(self: Author, now: float) -> Act:
    rules = {
        "expiring_within": self.pick(LENGTHS),
        "unused_for": self.pick(LENGTHS),
        "end_unused": self.pick((DAY, 31 * DAY)),
        "keep_ended": self.pick((DAY, 31 * DAY)),
        "limit": self.pick((1, 2, 1000)),
    }
    given = {name: value for name, value in rules.items() if self.random.random() < 0.5}
    return Act("run_chores", given, lambda w, **g: w.keys.run_chores(**g))


def _purge(self: Author, now: float) -> Act:
    return Act("purge", {"owner": self.pick(OWNERS)}, lambda w, **g: w.keys.purge(**g))


def _passes(self: Author, now: float) -> Act:
    name, kind = self.pick(("issue", "issue", "find", "take", "end")), self.pick(("link", "session"))
    token = self.pick((*self.known.tokens[-3:], "nothing"))
    given: dict[str, Any] = {
        "issue": {
            "kind": kind,
            "holder": self.pick(OWNERS),
            "expires_in": self.pick(LENGTHS),
            "facts": self.metadata(),
        },
        "find": {"kind": kind, "text": token, "idle": self.pick((None, 1.0, 3600.0))},
        "take": {"kind": kind, "text": token},
        "end": {"kind": kind, "holder": self.pick(OWNERS)},
    }[name]
    return Act(f"passes.{name}", given, lambda w, **g: getattr(w.keys.passes, name)(**g))


def _outbox(self: Author, now: float) -> Act:
    queue = self.pick(("q", "ü"))
    message = Message(queue, self.pick("123"), "kind", self.pick(VALUES), now, self.pick((None, "acme")), now)

    def settle(w: World, later: float | None, trouble: str) -> Any:
        taken = w.outbox.take(queue, now, now + 60, 1)
        return [
            w.outbox.settle(one, None if later is None else one._replace(due=later, trouble=trouble)) for one in taken
        ]

    calls: dict[str, Callable[[World], Any]] = {
        "begin": lambda w: w.outbox.begin(queue),
        "follow": lambda w: w.outbox.follow(queue, w.outbox.begin(queue), 10**6, [message]),
        "put": lambda w: w.outbox.put([message]),
        "take": lambda w: w.outbox.take(queue, now, now + 60, 2),
        "settle": lambda w: settle(w, None, ""),
        "later": lambda w: settle(w, now + 1, "🔑"),
        "give up": lambda w: settle(w, None, "x"),
        "list": lambda w: w.outbox.list(queue),
        "resend": lambda w: w.outbox.resend(queue, now),
        "backlog": lambda w: w.outbox.backlog(queue),
        "forget": lambda w: w.outbox.forget(now - DAY),
    }
    name = self.pick(calls)
    return Act(f"outbox.{name}", {}, calls[name])


CHANGES: dict[Callable[[Author, float], Act], int] = {
    _issue: 8, _issue_many: 1, _issue_once: 2, _rotate: 6, _rotate_once: 1, _rotate_by: 1, _extend: 1, _revoke: 3,
    _finish: 2, _revoke_all: 1, _surrender: 1, _leak: 2, _update: 6, _top_up: 4, _put_owner: 5, _put_plan: 3,
    _on_owner: 4, _on_plan: 2, _import: 4, _chores: 2, _purge: 1, _passes: 3, _outbox: 4,
    _on_key("disable", "enable"): 3,
}  # fmt: skip
"""Each with its share of all acts."""
