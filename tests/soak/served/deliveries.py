"""The endpoint of webhooks beside a service under fire: it refuses some messages, and judges what arrived."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from standardwebhooks import Webhook

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.server.webhooks.receiver import Receiver
    from tests.soak.served.ledger import Happening

__all__ = ["TYPES", "Delivery", "Endpoint", "broken"]

TYPES = {
    ("key", "issued"): "key.issued",
    ("key", "rotated"): "key.rotated",
    ("key", "revoked"): "key.revoked",
    ("owner", "suspended"): "owner.suspended",
}
"""What the endpoint is told of. Owners are resumed, too, which it is not told of."""
ONE_OF = 3
"""How many messages there are for each that is refused at first."""


class Delivery(NamedTuple):
    """A message that arrived, and the status of its answer."""

    id: str
    body: str
    status: int

    @property
    def event(self) -> dict[str, Any]:
        """The event that it tells of."""
        event: dict[str, Any] = json.loads(self.body)["data"]["event"]
        return event

    @property
    def is_taken(self) -> bool:
        """Whether the endpoint took it."""
        return self.status < 300

    @property
    def cause(self) -> tuple[int, str, str, int, str]:
        """The change that it tells of, as the feed has it."""
        event = self.event
        return event["position"], event["subject"], event["id"], event["revision"], event["kind"]


class Endpoint:
    """An endpoint that refuses one of some messages at the first time, and takes every one at the next.

    Args:
        receiver: Where messages arrive.
        secret: The signing secret.
    """

    def __init__(self, receiver: Receiver, secret: str) -> None:
        self._receiver = receiver
        self._verifier = Webhook(secret)
        self._count: Counter[str] = Counter()
        self.deliveries: list[Delivery] = []
        receiver.answer = self._answer

    def _answer(self, number: int) -> tuple[int, dict[str, str]]:
        headers, body = self._receiver.seen[number - 1]
        try:
            self._verifier.verify(body, headers)
        except Exception:
            self.deliveries.append(Delivery(headers.get("webhook-id", ""), body.decode(), 401))
            return 401, {}
        id = headers["webhook-id"]
        self._count[id] += 1
        is_refused = self._count[id] == 1 and int(id[-4:], 16) % ONE_OF == 0
        self.deliveries.append(Delivery(id, body.decode(), 500 if is_refused else 204))
        return self.deliveries[-1].status, {}

    def __str__(self) -> str:
        statuses = Counter(each.status for each in self.deliveries)
        repeats = len([each for each in self.deliveries if each.is_taken]) - len(self._count)
        return f"{len(self._count)} webhooks, answers {dict(statuses)}, {max(0, repeats)} taken more than once"


def broken(deliveries: Sequence[Delivery], happened: Sequence[Happening], told: Iterable[tuple[str, str]]) -> list[str]:
    """Return each promise of webhooks that was broken.

    Args:
        deliveries: What arrived.
        happened: The feed of events.
        told: What callers were told: ids, each with the type of message that tells of it.
    """
    return [*_lost(deliveries, happened, told), *_invented(deliveries, happened), *_disordered(deliveries)]


def _lost(
    deliveries: Sequence[Delivery], happened: Sequence[Happening], told: Iterable[tuple[str, str]]
) -> Iterable[str]:
    taken = {each.cause for each in deliveries if each.is_taken}
    for each in happened:
        kind = TYPES.get((each.subject, each.kind))
        if kind is not None and each not in taken:
            yield f"the message {kind} of {each.id} did not arrive"
    known = {(id, TYPES[subject, kind]) for _, subject, id, _, kind in taken if (subject, kind) in TYPES}
    for id, kind in told:
        if (id, kind) not in known:
            yield f"a caller was told of {id}, and no message {kind} was"


def _invented(deliveries: Sequence[Delivery], happened: Sequence[Happening]) -> Iterable[str]:
    causes: dict[str, set[str]] = defaultdict(set)
    ids: dict[Any, set[str]] = defaultdict(set)
    for each in deliveries:
        if each.status == 401:
            yield f"the message {each.id} is not signed by the secret"
        causes[each.id].add(each.body)
        ids[each.cause].add(each.id)
    for id, bodies in causes.items():
        if len(bodies) > 1:
            yield f"the message {id} has {len(bodies)} bodies"
    feed = {tuple(each) for each in happened}
    for cause, names in ids.items():
        _, subject, id, revision, kind = cause
        if len(names) > 1:
            yield f"the event {kind} of {id} has {len(names)} messages"
        if cause not in feed or (subject, kind) not in TYPES:
            yield f"a message tells of {kind} of {id} at revision {revision}, which did not happen or was not asked for"


def _disordered(deliveries: Sequence[Delivery]) -> Iterable[str]:
    """Return the things whose messages tell another life than positions, revisions and times say."""
    lives: dict[tuple[str, str], set[tuple[int, int, str, str]]] = defaultdict(set)
    for each in deliveries:
        position, subject, id, revision, kind = each.cause
        lives[subject, id].add((position, revision, each.event["happened_at"], kind))
    for (subject, id), life in lives.items():
        steps = sorted(life)
        grows = all(a[1] < b[1] and a[2] <= b[2] for a, b in pairwise(steps))
        begins = subject != "key" or "issued" not in {step[3] for step in steps[1:]}
        ends = "revoked" not in {step[3] for step in steps[:-1]}
        if not (grows and begins and ends):
            yield f"the messages of {id} are in no order: {', '.join(step[3] for step in steps)}"
