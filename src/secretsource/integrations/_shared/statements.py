"""Statements that hold together, as where a route has several guards or permissions."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from secretsource.integrations.routes import Stated
from secretsource.issuing import NO_SCOPE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from secretsource.issuing import Demand


def joined(several: Iterable[Stated]) -> Stated | None:
    """Return the demand of several statements together, or None where none names a scope.

    A malformed scope or cost stays in it, for `check_stated` to refuse it with its route.

    Args:
        several: The statements; the largest cost counts, and the first limit.
    """
    listed = [*several]
    named = [each.scope for each in listed if each.scope is not NO_SCOPE]
    scopes = [scope for each in named for scope in _scopes_in(each)]
    costs: list[Any] = [each.cost for each in listed]
    wrong = [cost for cost in costs if not isinstance(cost, int)]
    cost = wrong[0] if wrong else max(costs, default=1)
    limit = next((each.limit for each in listed if each.limit), None)
    if scopes:
        needed = [scope for place, scope in enumerate(scopes) if scope not in scopes[:place]]
        is_one = len(needed) == 1 and isinstance(needed[0], str)  # which is decided at a glance
        return Stated(needed[0] if is_one else tuple(needed), cost, limit)
    return Stated(NO_SCOPE, cost, limit) if len(named) < len(listed) else None


def _scopes_in(demand: Any) -> Collection[Any]:
    """Return the scopes of a demand; one that is neither a text nor texts counts as one scope, which is malformed."""
    return demand if isinstance(demand, Collection) and not isinstance(demand, (str, bytes)) else (demand,)


def together(*several: Stated | None) -> Stated | None:
    """Return the statement of a route from those of its parts; a part may state nothing, and one alone stays as it is.

    Args:
        several: The statements, as for `joined`.
    """
    found = [each for each in several if each is not None]
    return joined(found) if len(found) > 1 else next(iter(found), None)


def scopes_of(demand: Demand) -> frozenset[str]:
    """Return the scopes of a demand; none for `NO_SCOPE`.

    Args:
        demand: The demand.
    """
    return frozenset(() if demand is NO_SCOPE else (demand,) if isinstance(demand, str) else demand)
