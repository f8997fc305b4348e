"""Whether a web request is let in: what every edge asks, before anything of its framework.

    admission = Admission(keys, scope="invoices:read", exempt=["/health"])
    admitted = admission.admit(request.headers, request.remote_addr, request.method, request.path)

An edge sends an `HttpAnswer` as it is. Of an `Admitted` it hands the record on, and adds the headers to the
application's answer.
"""

from __future__ import annotations

import time
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, NamedTuple

from secretsource._flow import arun, run
from secretsource.exceptions import ConfigurationError, InvalidRequest, StoreError
from secretsource.issuing._check.event import Asked, tell
from secretsource.issuing._check.policy import check_demand
from secretsource.issuing._check.recheck import recheck
from secretsource.issuing._http import settings as _settings
from secretsource.issuing._http.answer import http_answer
from secretsource.issuing._http.credential import first
from secretsource.issuing._http.pace import pause, settle
from secretsource.issuing._http.paths import routed
from secretsource.issuing._http.pool import LookupPool, Overloaded, is_overload
from secretsource.issuing._verdict import Reason, Rejected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from typing import Unpack

    from secretsource._flow import Flow
    from secretsource.issuing._async_service import AsyncApiKeys
    from secretsource.issuing._check.policy import Demand
    from secretsource.issuing._http.answer import HttpAnswer
    from secretsource.issuing._http.credential import Headers, Taken, Text
    from secretsource.issuing._http.settings import AdmissionSettings
    from secretsource.issuing._service import ApiKeys
    from secretsource.issuing._verdict import Verdict
    from secretsource.stores.base import KeyRecord

__all__ = ["Admission", "Admitted"]


class Admitted(NamedTuple):
    """A request that is let in.

    Attributes:
        record: The key's record; None where the request came without a key and needs none.
        headers: Headers for the application's answer, ASCII; ``Vary`` adds to the application's own, others replace it.
        visible: The request's headers without the key, where it is hidden; else None.
        subprotocol: The web socket subprotocol that announced the key, for the server to accept; else None.
    """

    record: KeyRecord | None
    headers: tuple[tuple[str, str], ...] = ()
    visible: Sequence[tuple[Text, Text]] | None = None
    subprotocol: str | None = None

    def __repr__(self) -> str:
        return f"Admitted({self.record!r}, headers={self.headers!r})"


class _Arrival(NamedTuple):
    """A request, and what is asked of its key."""

    headers: Headers
    ip: str | None
    method: str
    path: str
    root_path: str
    scope: Demand
    cost: int

    def __repr__(self) -> str:
        return f"_Arrival(<masked>, path={self.path!r})"


class Admission:
    """Lets requests in that carry a good key.

    Args:
        keys: What checks keys.
        scope: What a key needs: a scope, several that are all needed, or `NO_SCOPE`; None where each request says.
        settings: See `AdmissionSettings`.

    Attributes:
        rules: The settings, as they are followed.

    Raises:
        ConfigurationError: A setting cannot work.
        InvalidRequest: The scope, the prefix or the environment cannot be.
    """

    def __init__(
        self, keys: ApiKeys | AsyncApiKeys, *, scope: Demand | None, **settings: Unpack[AdmissionSettings]
    ) -> None:
        if scope is not None:
            check_demand(scope)
        self.rules = _settings.read(settings)
        self._keys: Any = keys
        self._is_async = iscoroutinefunction(keys.check)
        self._scope = scope
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
    ) -> Admitted | HttpAnswer:
        """Let a request in, or say what to answer; a key that is not accepted is answered after ``refuse_after``.

        Args:
            headers: The request's headers, as for `credential`.
            ip: The client's address.
            method: The request's method.
            path: Its whole path, decoded, without the query.
            root_path: The part of it that the application is mounted under.
            scope: What this request needs; what all of them need when left out.
            cost: How much of the key's limits it takes, 0 to 10**9.

        Raises:
            ConfigurationError: The keys are those of an event loop: use `aadmit`.
            InvalidRequest: The demand is wrong.
        """
        try:
            if self._is_async:
                raise ConfigurationError("these keys belong to an event loop: use  await admission.aadmit(...)")
            arrival = _Arrival(headers, ip, method, path, root_path, self._demand(scope), cost)
        finally:
            del headers  # a traceback shows no key
        return run(self._steps(arrival, self._keys._look_up, pause))

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
        meanwhile: Callable[[], Awaitable[object]] | None = None,
    ) -> Admitted | HttpAnswer:
        """As `admit`, on an event loop, with keys of either kind.

        Args:
            headers: As for `admit`.
            ip: As for `admit`.
            method: As for `admit`.
            path: As for `admit`.
            root_path: As for `admit`.
            scope: As for `admit`.
            cost: As for `admit`.
            meanwhile: What to do until a refusal is due, such as receiving the body.

        Raises:
            InvalidRequest: The demand is wrong.
        """
        try:
            arrival = _Arrival(headers, ip, method, path, root_path, self._demand(scope), cost)
        finally:
            del headers  # a traceback shows no key
        look_up = self._keys._look_up if self._is_async else self._look_up_aside
        return await arun(self._steps(arrival, look_up, partial(settle, meanwhile=meanwhile)))

    def is_exempt(self, path: str, root_path: str = "") -> bool:
        """Whether a path needs no key; for edges that pass such requests through as they are.

        Args:
            path: As for `admit`.
            root_path: As for `admit`.
        """
        return self.rules.exempt.has(routed(path, root_path))

    async def astill(self, record: KeyRecord, ip: str | None, path: str, *, scope: Demand | None = None) -> bool:
        """Whether a key that was let in would be let in still; its limits are not asked.

        Args:
            record: Its record, as it was.
            ip: The client's address.
            path: The path of the request that was let in.
            scope: As for `admit`.

        Returns:
            True also while the store cannot say.
        """
        parts, demand = self._keys._parts, self._demand(scope)
        flow = recheck(parts, record, check_demand(demand), ip)
        try:
            refused = await (arun(flow) if self._is_async else self._pool.call(partial(run, flow)))
        except (StoreError, Overloaded):
            return True
        if refused is not None and self._keys._listeners:
            tell(self._keys._listeners, parts.clock, refused, Asked(demand, 0, None, ip, path=path))
        return refused is None

    def _demand(self, scope: Demand | None) -> Demand:
        """What is demanded; a wrong one is found before the key is taken."""
        demand = self._scope if scope is None else scope
        if demand is None:
            raise InvalidRequest("an Admission that was made without a scope needs one with each request")
        check_demand(demand)
        return demand

    def _steps(
        self, arrival: _Arrival, look_up: Callable[[str, Asked], Any], wait: Callable[[float, float], Any]
    ) -> Flow[Admitted | HttpAnswer]:
        came, rules = time.monotonic(), self.rules
        if self.is_exempt(arrival.path, arrival.root_path) or (rules.passes_preflight and _is_preflight(arrival)):
            return Admitted(None, (), self._visible(arrival))
        taken = rules.places.take(arrival.headers, self._keys._verifier.gate.could_be)
        if taken.key is None and rules.optional.has(routed(arrival.path, arrival.root_path)):
            return Admitted(None, _vary(rules.places.headers))
        verdict: Verdict = yield from self._ask(taken, arrival, look_up)
        answer = http_answer(verdict, realm=rules.realm, now=time.time())
        if isinstance(verdict, Rejected):
            if rules.refuse_after and verdict.answer.code == "invalid_key":
                yield wait(came, rules.refuse_after)
            return answer
        headers = (*answer.headers, *_vary(taken.headers))
        return Admitted(verdict.record, headers, self._visible(arrival, taken), taken.subprotocol)

    def _ask(self, taken: Taken, arrival: _Arrival, look_up: Callable[[str, Asked], Any]) -> Flow[Verdict]:
        """The verdict on what was taken, from memory or looked up; one that nobody has told of is told here."""
        agent = first(arrival.headers, "user-agent")
        asked = Asked(arrival.scope, arrival.cost, self.rules.kind, arrival.ip, agent, arrival.method, arrival.path)
        verdict: Verdict | None
        if isinstance(taken.key, str):
            verdict = self._keys._recall(taken.key, asked)
            if verdict is not None:
                return verdict
            try:
                found: Verdict = yield look_up(taken.key, asked)
                return found
            except (Overloaded, RuntimeError) as error:
                if not is_overload(error):
                    raise
                verdict = Rejected(Reason.OVERLOADED)
        else:
            verdict = Rejected(Reason.MISSING) if taken.key is None else taken.key
        if self._keys._listeners:
            tell(self._keys._listeners, self._keys._parts.clock, verdict, asked)
        return verdict

    async def _look_up_aside(self, text: str, asked: Asked) -> Verdict:
        """A look-up by keys for threads, where it holds up no event loop."""
        lookup = _Lookup(self._keys._look_up, text, asked)
        del text  # a traceback shows no key
        return await self._pool.call(lookup)

    def _visible(self, arrival: _Arrival, taken: Taken | None = None) -> Sequence[tuple[Text, Text]] | None:
        """The headers that the application may see; None for all."""
        if not self.rules.hides:
            return None
        key, could_be = taken and taken.key, self._keys._verifier.gate.could_be
        return self.rules.places.without(arrival.headers, lambda text: text == key or could_be(text))


class _Lookup:
    """A look-up that waits for a thread; its `repr` has no key."""

    __slots__ = ("_asked", "_look_up", "_text")

    def __init__(self, look_up: Callable[[str, Asked], Verdict], text: str, asked: Asked) -> None:
        self._look_up, self._text, self._asked = look_up, text, asked

    def __call__(self) -> Verdict:
        return self._look_up(self._text, self._asked)


def _vary(headers: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """That an answer depends on these headers of its request."""
    return tuple([("Vary", header) for header in headers])


def _is_preflight(arrival: _Arrival) -> bool:
    """Whether a browser asks if it may send a request to another origin (Fetch, section 4.8); that has no key."""
    return arrival.method == "OPTIONS" and all(
        first(arrival.headers, name) for name in ("origin", "access-control-request-method")
    )
