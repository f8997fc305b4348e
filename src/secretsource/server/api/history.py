"""The routes of what happened: events of all keys, owners and plans, their messages on the way, and counted checks."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from secretsource.exceptions import OwnerNotFound, PlanNotFound
from secretsource.issuing import EventKind, OwnerEventKind
from secretsource.issuing.documents import count_document, history_document, message_document
from secretsource.server.api.answers.form import KeyId
from secretsource.server.api.answers.history import Counts, Due, HistoryPage, Messages
from secretsource.server.api.fields import Asked, Lines, Name, OwnerId, PlanId
from secretsource.server.api.managed import CUSTOMERS, listed, shown
from secretsource.server.api.route import Caller, Serving, on, router
from secretsource.server.problems import Problem

if TYPE_CHECKING:
    from secretsource.server.service import Service
    from secretsource.stores.base import AsyncOutbox

__all__ = ["routes"]

routes = router("history")

QueueName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00]*$", examples=["webhook:shop"])]
Moment = Annotated[float, Field(ge=0, le=253402300799, description="In seconds since 1970 UTC.")]


class EventFilter(Asked):
    """The events to list."""

    after: Annotated[int, Field(ge=0, le=2**63 - 1)] = Field(0, description="`next` of the page before.")
    owner: OwnerId | None = None
    actor: Name | None = None
    kind: EventKind | OwnerEventKind | None = None
    limit: Lines = 100


class Span(Asked):
    """The time to count."""

    since: Moment | None = None
    until: Moment | None = None
    by: Literal["minute", "hour", "day"] = "hour"


class UsageFilter(Span):
    """The checks to count."""

    owner: OwnerId | None = None
    plan: PlanId | None = Field(None, description="Only keys of owners that are on this plan now.")


class MessageFilter(Asked):
    """The messages to list."""

    queue: QueueName | None = None
    given_up: bool | None = Field(None, description="Only messages that were given up, or only the others.")
    limit: Lines = 100


class Resending(Asked):
    """The messages to send again."""

    queue: QueueName
    id: QueueName | None = Field(None, description="Only this message; every one that was given up when left out.")


@on(routes, "GET", "/v1/events", "listEvents", HistoryPage, "events:read")
async def events(asked: Annotated[EventFilter, Query()], caller: Caller, service: Serving) -> Response:
    """List what happened to all keys, owners and plans, in one feed. Remember `next`, and go on there."""
    if caller.owner is not None and asked.owner not in {None, caller.owner}:
        return shown({"events": [], "next": asked.after})
    found = await service.keys.history(
        after=asked.after, owner=asked.owner or caller.owner, actor=asked.actor, kind=asked.kind, limit=asked.limit
    )
    last = found[-1].position if found else asked.after
    return await listed("events", found, history_document, next=last)


@on(routes, "GET", "/v1/usage", "getUsage", Counts, "usage:read")
async def usage(asked: Annotated[UsageFilter, Query()], caller: Caller, service: Serving) -> Response:
    """Count checks by key, time and outcome. Texts that are not keys of ours are counted under an empty `key_id`."""
    if asked.plan is not None and caller.owner is not None:
        raise PlanNotFound(asked.plan)
    if asked.owner is not None and not caller.sees(asked.owner):
        raise OwnerNotFound(asked.owner)
    return await _counts(service, asked, owner=asked.owner or caller.owner, plan=asked.plan)


@on(routes, "GET", "/v1/keys/{key_id:key_id}/usage", "getKeyUsage", Counts, "usage:read")
async def key_usage(key_id: KeyId, asked: Annotated[Span, Query()], caller: Caller, service: Serving) -> Response:
    """Count the checks of one key, by time and outcome."""
    await CUSTOMERS.find(service, caller, key_id)
    return await _counts(service, asked, key_id=key_id)


@on(routes, "GET", "/v1/outbox", "listMessages", Messages, "events:read", 409)
async def messages(asked: Annotated[MessageFilter, Query()], caller: Caller, service: Serving) -> Response:
    """List messages that have not arrived, such as webhooks, the oldest first. A root key of one owner sees none."""
    outbox = _outbox(service)
    if caller.owner is not None:
        return shown({"messages": []})
    found = await outbox.list(asked.queue, given_up=asked.given_up, limit=asked.limit)
    return await listed("messages", found, message_document)


@on(routes, "POST", "/v1/outbox:resend", "resendMessages", Due, "events:write", 409)
async def resend(asked: Resending, caller: Caller, service: Serving) -> Response:
    """Send messages of a queue again that were given up."""
    outbox = _outbox(service)
    if caller.owner is not None:
        return shown({"due": 0})
    return shown({"due": await outbox.resend(asked.queue, time(), asked.id)})


def _outbox(service: Service) -> AsyncOutbox:
    outbox = service.keys.outbox
    if outbox is None:
        raise Problem(409, "no_outbox", "the store keeps no outbox: use a store in SQLite or PostgreSQL")
    return outbox


async def _counts(service: Serving, asked: Span, **narrow: Any) -> Response:
    found = await service.keys.usage(since=asked.since, until=asked.until, by=asked.by, **narrow)
    return await listed("usage", found, count_document)
