"""Statements that hold together, as where a route has several guards or permissions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.integrations.routes import Stated
from secretsource.issuing import NO_SCOPE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from secretsource.issuing import Demand


def joined(several: Iterable[Stated]) -> Stated | None:
    """Return the demand of several statements together, or None where none names a scope.

    Args:
        several: The statements; the largest cost counts, and the first limit.
    """
    listed = [*several]
    named = [each.scope for each in listed if each.scope is not NO_SCOPE]
    scopes = [scope for each in named for scope in ([each] if isinstance(each, str) else each)]
    cost = max([each.cost for each in listed], default=1)
    limit = next((each.limit for each in listed if each.limit), None)
    if scopes:
        needed = tuple(dict.fromkeys(scopes))
        return Stated(needed[0] if len(needed) == 1 else needed, cost, limit)  # one scope is decided at a glance
    return Stated(NO_SCOPE, cost, limit) if len(named) < len(listed) else None


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
