"""The standing of a customer: its registration, its plan, and the keys that are its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from secretsource.exceptions import KeyNotFound, OwnerNotFound, PlanNotFound
from secretsource.issuing import OwnerStatus
from secretsource.server.rights import ROOT_OWNER

if TYPE_CHECKING:
    from starlette.responses import Response

    from secretsource.issuing import KeyRecord, PlanRecord
    from secretsource.server.pages.view import View
    from secretsource.server.pages.visit import Visit

__all__ = ["Offer", "checked", "offer_to", "own_key"]

ENVIRONMENTS = ("live", "test")
"""The environments of a service whose settings name none."""


class Offer(NamedTuple):
    """The choices of a customer.

    Attributes:
        environments: The environments of its keys.
        scopes: The scopes of its keys.
        max_life: The longest life of a key, in seconds; None for any.
        has_quota: Whether all its keys share a quota, its own or that of its plan.
    """

    environments: tuple[str, ...]
    scopes: tuple[str, ...]
    max_life: float | None
    has_quota: bool = False


def checked(view: View) -> View:
    """Return a view that is refused to a suspended customer, and that shows nobody the root keys.

    Args:
        view: A view of customers.
    """

    async def answer(visit: Visit) -> Response:
        if visit.owner == ROOT_OWNER:
            return visit.page("missing.html", 404)
        try:
            visit.customer = await visit.keys.owners.get(visit.owner)
        except OwnerNotFound:
            visit.customer = None
        if visit.customer is not None and visit.customer.status is not OwnerStatus.ACTIVE:
            return visit.page("customer/suspended.html", 403)
        return await view.answer(visit)

    return view._replace(answer=answer)


async def own_key(visit: Visit) -> KeyRecord:
    """Return the key that the path names, if it is the customer's own.

    Raises:
        KeyNotFound: There is no such key, or it is another customer's.
    """
    await visit.keys.flush()  # the last use is as new as the counts beside it
    record = await visit.keys.get(visit.request.path_params["key_id"])
    if record.owner != visit.owner:
        raise KeyNotFound(record.key_id)
    return record


async def offer_to(visit: Visit) -> Offer:
    """Return what the customer may choose from: by its plan, or else by the settings."""
    plan = await _plan(visit)
    environments = visit.service.settings.environments or ENVIRONMENTS
    scopes = visit.settings.scopes
    has_quota = any(each is not None and each.quota is not None for each in (visit.customer, plan))
    if plan is None:
        return Offer(environments, scopes, None, has_quota)
    if plan.environments is not None:
        environments = tuple(each for each in environments if each in plan.environments)
    scopes = scopes if plan.scopes is None else tuple(sorted(plan.scopes))
    return Offer(environments, scopes, plan.max_life, has_quota)


async def _plan(visit: Visit) -> PlanRecord | None:
    if visit.customer is None or visit.customer.plan is None:
        return None
    try:
        return await visit.keys.plans.get(visit.customer.plan)
    except PlanNotFound:
        return None
