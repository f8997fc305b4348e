"""The admission of a web request: the question that every edge asks, before anything of its framework.

    admission = Admission(keys, scope="invoices:read", exempt=["/health"])
    admitted = admission.admit(request.headers, request.remote_addr, request.method, request.path)

An edge sends an `HttpAnswer` as it is. It hands on the record of an `Admitted`, and adds its headers to the
application's answer.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from inspect import iscoroutinefunction
from typing import Any

from secretsource._ground.flow import arun, run
from secretsource._ground.key_text import quote
from secretsource.exceptions import ConfigurationError, InvalidRequest, StoreError
from secretsource.issuing._check.policy import check_demand
from secretsource.issuing._check.route_limit import check_limit
from secretsource.issuing._check.steps.weighing import MOST_COST
from secretsource.issuing._http import settings as _settings
from secretsource.issuing._http.admitted import Admitted, lease_of
from secretsource.issuing._http.pace import pause, settle
from secretsource.issuing._http.paths import routed
from secretsource.issuing._http.pool import LookupPool, Overloaded
from secretsource.issuing._http.reception import Reception

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Unpack

    from secretsource._ground.flow import Flow
    from secretsource.issuing._async_service import AsyncApiKeys
    from secretsource.issuing._check.event import Asked
    from secretsource.issuing._check.policy import Demand
    from secretsource.issuing._check.route_limit import RouteLimit
    from secretsource.issuing._http.answer import HttpAnswer
    from secretsource.issuing._http.credential import Headers
    from secretsource.issuing._http.settings import AdmissionSettings
    from secretsource.issuing._service import ApiKeys
    from secretsource.issuing._verdict import Verdict
    from secretsource.stores.base import KeyRecord

__all__ = ["Admission", "Admitted"]


class Admission:
    """A gate that lets requests with a good key in.

    Args:
        keys: The keys to check with.
        scope: The scope that a key needs, several that are all needed, or `NO_SCOPE`; None where each request says.
        settings: See `AdmissionSettings`.

    Attributes:
        rules: The settings in force.
        glance: Like `admit`, for a request that can be let in from memory, or with keys for an event loop by a look-up
            in the loop itself (`AsyncKeyStore.here`): it never waits. It returns None, and counts nothing, for a
            request that `admit` or `aadmit` has to decide on; ask those then. You may give ``root_path``, ``scope``,
            ``cost`` and ``limit`` by position.
        recalling: Returns, for the name of a header, a function that lets the key in it in from memory alone. It takes
            the value of the header in bytes, the demand, the client's address and the cost. It returns the record of a
            key without limits, an `Admitted` for one with limits, and None where `glance` has to decide.

    Raises:
        ConfigurationError: A setting cannot work.
        InvalidRequest: The scope, the prefix or the environment is malformed.
    """

    def __init__(
        self, keys: ApiKeys | AsyncApiKeys, *, scope: Demand | None, **settings: Unpack[AdmissionSettings]
    ) -> None:
        if not hasattr(keys, "_verifier"):
            raise ConfigurationError(
                f"keys must be an ApiKeys or an AsyncApiKeys, not of type {type(keys).__name__}: write"
                "  ApiKeys.open(URL)  or  await AsyncApiKeys.open(URL)"
            )
        self.rules = _settings.read(settings)
        self._reception = Reception(keys, scope, self.rules)
        self.glance = self._reception.glance
        self.recalling = self._reception.recalling
        self._keys: Any = keys
        self._is_async = iscoroutinefunction(keys.check)
        self._pool = LookupPool(self.rules.lookups)

    def admit(
        self,
        headers: Headers,
        ip: str | None,
        method: str,
        path: str,
        *,
        root_path: str = "",
        scope: Demand | None = None,
        cost: int = 1,
        limit: RouteLimit | None = None,
    ) -> Admitted | HttpAnswer:
        """Let a request in, or return the answer to send; a refusal is sent after ``refuse_after``.

        Args:
            headers: The request's headers, as for `credential`.
            ip: The client's address.
            method: The request's method.
            path: Its whole path, decoded, without the query.
            root_path: The part of it that the application is mounted under.
            scope: The scope that this request needs; that of all requests when left out.
            cost: The amount to draw from the key's limits, 0 to 10**9.
            limit: The limit that each key has on this route, drawn together with the limits of the key itself.

        Raises:
            ConfigurationError: The keys are those of an event loop: use `aadmit`.
            InvalidRequest: The demand is wrong.
        """
        try:
            if self._is_async:
                raise ConfigurationError("these keys belong to an event loop: use  await admission.aadmit(...)")
            admitted = self.glance(headers, ip, method, path, root_path, scope, cost, limit)
            if admitted is not None:
                return admitted
            arrival = self._reception.arrival(headers, ip, method, path, root_path, scope, cost, limit)
        finally:
            del headers  # a traceback shows no key
        return run(self._reception.steps(arrival, self._keys._look_up, pause))

    async def aadmit(
        self,
        headers: Headers,
        ip: str | None,
        method: str,
        path: str,
        *,
        root_path: str = "",
        scope: Demand | None = None,
        cost: int = 1,
        limit: RouteLimit | None = None,
        meanwhile: Callable[[], Awaitable[object]] | None = None,
        glanced: bool = False,
    ) -> Admitted | HttpAnswer:
        """Let a request in as `admit` does, on an event loop, with keys of either kind.

        Args:
            headers: As for `admit`, like all arguments but the last two.
            ip: The client's address.
            method: The request's method.
            path: Its whole path.
            root_path: The part of it that the application is mounted under.
            scope: The scope that this request needs.
            cost: The amount to draw from the key's limits.
            limit: The limit that each key has on this route.
            meanwhile: A call to make until a refusal is due, such as receiving the body.
            glanced: Whether `glance` has just returned None for this request, and need not be asked again.

        Raises:
            InvalidRequest: The demand is wrong.
        """
        try:
            admitted = None if glanced else self.glance(headers, ip, method, path, root_path, scope, cost, limit)
            if admitted is not None:
                return admitted
            arrival = self._reception.arrival(headers, ip, method, path, root_path, scope, cost, limit)
        finally:
            del headers  # a traceback shows no key
        look_up = self._keys._look_up if self._is_async else self._look_aside
        return await arun(self._reception.steps(arrival, look_up, partial(settle, meanwhile=meanwhile)))

    def _look_aside(self, text: str, asked: Asked) -> Verdict | Awaitable[Verdict]:
        """Check a key with keys for threads, on an event loop: in memory, or in a thread of the pool."""
        try:
            keys = self._keys
            verdict: Verdict | None = keys._recall(text, asked)
            return self._pool.look_up(keys._look_up, text, asked, keys.release) if verdict is None else verdict
        finally:
            del text  # a traceback shows no key

    def release(self, admitted: Admitted) -> None:
        """Release the place of a request whose answer was sent; each edge calls this for each request.

        It is for keys with a limit such as ``5 at once``, and does nothing for others, or again. It never raises: a
        lease that cannot be released ends by itself.

        Args:
            admitted: The request that was let in.
        """
        if self.lease(admitted) is not None:
            with suppress(StoreError):
                run(self._keys._returns.release(admitted.verdict))

    async def arelease(self, admitted: Admitted) -> None:
        """Do the same as `release`, on an event loop, with keys of either kind."""
        if self.lease(admitted) is not None:
            with suppress(StoreError, Overloaded):
                await self._aside(self._keys._returns.release(admitted.verdict), admitted)

    async def arenew(self, admitted: Admitted) -> None:
        """Renew the lease of a long request, on an event loop; this never raises.

        Args:
            admitted: The request that was let in; call this well within each of its `lease` seconds.
        """
        if self.lease(admitted) is not None:
            with suppress(StoreError, Overloaded):
                await self._aside(self._keys._returns.renew(admitted.verdict), admitted)

    @staticmethod
    def lease(admitted: Admitted) -> float | None:
        """Return the seconds after which a request counts as done; None for a request that holds no lease, or no more.

        Args:
            admitted: The request that was let in.
        """
        return None if admitted.lease is None else lease_of(admitted.verdict)

    async def _aside(self, flow: Flow[Any], admitted: Admitted) -> None:
        """Run a flow where it holds up no event loop."""
        if self._is_async:
            await arun(flow)
        elif self._keys._returns.is_at_hand(admitted.verdict):
            run(flow)
        else:
            await self._pool.call(partial(run, flow))

    def is_exempt(self, path: str, root_path: str = "") -> bool:
        """Return whether a path needs no key; for edges that pass such requests through unchanged.

        Args:
            path: As for `admit`.
            root_path: As for `admit`.
        """
        return self.rules.exempt.has(routed(path, root_path))

    def check_route(self, route: str, scope: Demand | None, cost: int = 1, limit: RouteLimit | None = None) -> None:
        """Check at start-up that a route says which scope its keys need; for edges with a scope for each route.

        Args:
            route: The route as the framework writes it, such as ``/invoices/{number}``.
            scope: The scope that it states; None where it states no scope.
            cost: The amount to draw from the key's limits.
            limit: The limit that each key has on it.

        Raises:
            ConfigurationError: The route is not exempt, and states no scope, or a malformed one.
        """
        if scope is None:
            if self.rules.exempt.covers(route):
                return
            raise ConfigurationError(
                f"route {quote(route, 200)} must state the scope that its keys need: write NO_SCOPE if any good key "
                "is enough, or list the route in exempt if it needs no key"
            )
        try:
            check_demand(scope)
            check_limit(limit)
        except InvalidRequest as error:
            reason = str(error)
        else:
            given: object = cost
            if isinstance(given, int) and 0 <= given <= MOST_COST:
                return
            reason = f"its cost must be a whole number from 0 to {MOST_COST}, not {quote(cost)}"
        raise ConfigurationError(f"route {quote(route, 200)} cannot be checked: {reason}")

    async def astill(self, record: KeyRecord, ip: str | None, path: str, *, scope: Demand | None = None) -> bool:
        """Return whether a key that was let in would still be let in; its limits are not asked.

        Args:
            record: Its record at that time.
            ip: The client's address.
            path: The path of the request that was let in.
            scope: As for `admit`.

        Returns:
            True also while the store cannot be read.
        """
        flow = self._reception.still(record, ip, path, scope)
        try:
            return await (arun(flow) if self._is_async else self._pool.call(partial(run, flow)))
        except Overloaded:
            return True
