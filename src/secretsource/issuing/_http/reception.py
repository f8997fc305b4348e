"""The way of a request from its headers to a record or an answer: written once for threads and event loops.

`Reception.glance` lets a request in at once if it needs no key, or if its only key is fresh in memory, meets the demand
and is within its limits. Nearly all requests go that way. `Reception.steps` is the long way of all others: a flow that
may look a key up, and may hold a refusal back.
"""

from __future__ import annotations

from time import monotonic, time
from typing import Any

from secretsource._ground.namedtuple import NamedTuple
from secretsource.exceptions import InvalidRequest, StoreError
from secretsource.issuing._check.event import Asked, tell
from secretsource.issuing._check.policy import check_demand
from secretsource.issuing._check.steps.recheck import recheck
from secretsource.issuing._http.admitted import Admitted, lease_of
from secretsource.issuing._http.allowance import allowance
from secretsource.issuing._http.answer import accepted_headers, http_answer
from secretsource.issuing._http.credential import Taken, first, written
from secretsource.issuing._http.paths import routed
from secretsource.issuing._http.pool import Overloaded, is_overload
from secretsource.issuing._verdict import Accepted, Reason, Rejected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from secretsource._ground.flow import Flow
    from secretsource.issuing._async_service import AsyncApiKeys
    from secretsource.issuing._check.policy import Demand, Kind
    from secretsource.issuing._check.route_limit import RouteLimit
    from secretsource.issuing._check.verifier import Verifier
    from secretsource.issuing._http.answer import HttpAnswer
    from secretsource.issuing._http.credential import Hashing, Headers, Text, Vary
    from secretsource.issuing._http.settings import Rules
    from secretsource.issuing._service import ApiKeys
    from secretsource.issuing._verdict import Verdict
    from secretsource.stores.base import KeyRecord

    Recall = Callable[[bytes, Demand, str | None, int], KeyRecord | Admitted | None]
    Visible = Sequence[tuple[Text, Text]] | None
    Readings = Mapping[Text, tuple[Hashing, Vary] | None]
    AtHand = tuple[
        Verifier, Callable[..., Accepted | bytes | None], Callable[..., Any], Readings, Kind | None, Demand | None
    ]


_new = tuple.__new__
"""Makes an `Admitted` for a third of the price; every request with a good key needs one."""


class Arrival(NamedTuple):
    """A request on the long way, and the demand on its key.

    Attributes:
        headers: As for `Admission.admit`, like all arguments but the last.
        came: Its arrival, in monotonic seconds.
    """

    headers: Headers
    ip: str | None
    method: str
    path: str
    root_path: str
    scope: Demand
    cost: int
    limit: RouteLimit | None
    came: float

    def __repr__(self) -> str:
        return f"Arrival(<masked>, path={self.path!r})"


class Reception:
    """A reception of requests by one set of rules.

    Args:
        keys: The keys to check with.
        scope: The scope that every key needs; None if each request names its own.
        rules: The rules to follow.
    """

    def __init__(self, keys: ApiKeys | AsyncApiKeys, scope: Demand | None, rules: Rules) -> None:
        if scope is not None:
            check_demand(scope)
        self._keys: Any = keys
        self._scope = scope
        self._rules = rules
        self._looks = hasattr(keys, "_look")
        self._has_exempt = bool(rules.exempt)
        self._passes_preflight = rules.passes_preflight
        self._at_hand = self._hand(self._keys._verifier)

    def _hand(self, verifier: Verifier) -> AtHand:
        """Return what `glance` needs: one look-up instead of six, and functions at local names, called sooner.

        It goes with one verifier, as another one has other peppers. Where keys are hidden, no header has a reading, and
        every request takes the long way.
        """
        rules = self._rules
        readings = {} if rules.hides else rules.places.readings(verifier.reading)
        return verifier, verifier.glance_at, rules.places.sole, readings, rules.kind, self._scope

    def glance(
        self,
        headers: Headers,
        ip: str | None,
        method: str,
        path: str,
        root_path: str = "",
        scope: Demand | None = None,
        cost: int = 1,
        limit: RouteLimit | None = None,
    ) -> Admitted | None:
        """Let a request in if memory is enough for that, or a look-up in the event loop itself; this never waits.

        Args:
            headers: As for `Admission.admit`.
            ip: As for `Admission.admit`.
            method: As for `Admission.admit`.
            path: As for `Admission.admit`.
            root_path: As for `Admission.admit`.
            scope: As for `Admission.admit`.
            cost: As for `Admission.admit`.
            limit: As for `Admission.admit`.

        Returns:
            The request that is let in; None, with nothing counted, for a request that needs the long way.
        """
        if (self._has_exempt and self._rules.exempt.has(routed(path, root_path))) or (
            method == "OPTIONS" and self._passes_preflight and _is_preflight(headers)
        ):
            return Admitted(None, (), self._visible(headers))
        keys = self._keys
        verifier, glance, sole, readings, kind, demand = self._at_hand
        if verifier is not keys._verifier:  # its peppers were renewed
            _, glance, sole, readings, _, _ = self._at_hand = self._hand(keys._verifier)
        sent = sole(headers, readings)
        if scope is not None:
            demand = scope
        if sent is None or demand is None:
            return None
        if limit is not None:
            return self._recall(headers, self._asked(headers, ip, method, path, demand, cost, limit))
        value, (hash_again, vary) = sent
        verdict = glance(hash_again(value if type(value) is bytes else written(value)), demand, ip, cost, kind)
        if type(verdict) is not Accepted:
            return self._look(verdict, vary, headers, ip, method, path, demand, cost)
        if keys._listeners:
            self._tell(verdict, self._asked(headers, ip, method, path, demand, cost))
        granted, lease = verdict._granted, None
        # A key that is accepted so far is active, and has no end to announce.
        if granted is not None:
            plan, levels, mono, wall = granted
            vary = allowance(plan, levels, mono, wall) + vary
            if plan.leases is not None:
                lease = lease_of(verdict)
        return _new(Admitted, (verdict.record, vary, None, None, verdict, lease))

    def recalling(self, header: bytes | None) -> Recall:
        """Return a function that lets a key in from memory alone, for an edge that has found the only key of a request.

        It takes the value of the header in bytes, the demand, the address of the client and the cost. It returns the
        record of a key without limits, and for one with limits what `glance` returns. It returns None, with nothing
        counted, where `glance` has to decide.

        Args:
            header: The name of the header that holds the key, in lower case; None for a text that is only the key.
        """
        keys, kind = self._keys, self._rules.kind
        verifier: Verifier | None = None
        glance: Callable[..., Accepted | bytes | None]
        hash_again: Hashing
        vary: Vary

        def recall(value: bytes, demand: Demand, ip: str | None, cost: int) -> KeyRecord | Admitted | None:
            nonlocal verifier, glance, hash_again, vary
            if verifier is not keys._verifier:  # the first time, and where its peppers were renewed
                verifier, glance, hash_again, vary = self._reading(header)
            if keys._listeners:
                return None
            try:
                hashed = hash_again(value)
            except (AttributeError, TypeError, UnicodeDecodeError):  # no bytes, or no text in UTF-8
                return None
            verdict = glance(hashed, demand, ip, cost, kind)
            if type(verdict) is not Accepted:
                return None
            return verdict.record if verdict._granted is None else self._admitted(verdict, vary)

        return recall

    def _reading(self, header: bytes | None) -> tuple[Verifier, Callable[..., Accepted | bytes | None], Hashing, Vary]:
        """Return the verifier of now, how it glances, how it hashes a value of a header, and what the answer varies by.

        No key is taken from a header that needs a closer look, or that may hold none.
        """
        verifier, glance, _, readings, _, _ = self._hand(self._keys._verifier)
        if header is None:
            return verifier, glance, verifier.hash_again, ()
        hash_again, vary = readings.get(header) or (_unread, ())
        return verifier, glance, hash_again, vary

    def _look(
        self, hashed: bytes | None, vary: Vary, headers: Headers, ip: str | None, method: str, path: str,
        demand: Demand, cost: int,
    ) -> Admitted | None:  # fmt: skip
        """Let a key in that memory does not accept, if the store may be asked here, and accepts it."""
        if hashed is None or not self._looks:
            return None
        asked = self._asked(headers, ip, method, path, demand, cost)
        try:
            verdict = self._keys._look(hashed, asked)
        except InvalidRequest:  # which the long way raises without the key in its frames
            return None
        return self._let_in(verdict, vary, asked)

    def _recall(self, headers: Headers, asked: Asked) -> Admitted | None:
        """Do as `glance` does on a route with a limit; only an accepted key is counted."""
        sent, verifier = self._rules.places.only(headers), self._keys._verifier
        if sent is None:
            return None
        key, vary = sent
        try:
            verdict: Verdict | None = verifier.recall(key, verifier.hashed(key), asked)
        except InvalidRequest:  # which the long way raises without the key in its frames
            return None
        return self._let_in(verdict, vary, asked)

    def _let_in(self, verdict: Verdict | None, vary: Vary, asked: Asked) -> Admitted | None:
        """Return the request of an accepted key, which listeners are told of."""
        if not isinstance(verdict, Accepted):
            return None
        if self._keys._listeners:
            self._tell(verdict, asked)
        return self._admitted(verdict, vary)

    def _admitted(self, verdict: Accepted, vary: Vary) -> Admitted:
        """Return the request of an accepted key."""
        headers = accepted_headers(verdict) + vary
        return _new(Admitted, (verdict.record, headers, None, None, verdict, lease_of(verdict)))

    def arrival(
        self,
        headers: Headers,
        ip: str | None,
        method: str,
        path: str,
        root_path: str,
        scope: Demand | None,
        cost: int,
        limit: RouteLimit | None = None,
    ) -> Arrival:
        """Return a request that takes the long way.

        Args:
            headers: As for `Admission.admit`.
            ip: As for `Admission.admit`.
            method: As for `Admission.admit`.
            path: As for `Admission.admit`.
            root_path: As for `Admission.admit`.
            scope: As for `Admission.admit`.
            cost: As for `Admission.admit`.
            limit: As for `Admission.admit`.

        Raises:
            InvalidRequest: The demand is wrong.
        """
        came = monotonic()
        try:
            return Arrival(headers, ip, method, path, root_path, self.demand(scope), cost, limit, came)
        finally:
            del headers  # a traceback shows no key

    def demand(self, scope: Demand | None) -> Demand:
        """Return the demand of a request; a malformed demand is found before the key is taken.

        Args:
            scope: The demand of this request, or None for that of all requests.

        Raises:
            InvalidRequest: The demand is malformed or missing.
        """
        demand = self._scope if scope is None else scope
        if demand is None:
            raise InvalidRequest("an Admission that was made without a scope needs one with each request")
        check_demand(demand)
        return demand

    def steps(
        self, arrival: Arrival, look_up: Callable[[str, Asked], Any], wait: Callable[[float, float], Any]
    ) -> Flow[Admitted | HttpAnswer]:
        """Take a request the long way.

        Args:
            arrival: The request.
            look_up: The function that checks a key, in memory or in the store.
            wait: The function that waits until a refusal is due: so many seconds after the request's arrival.
        """
        rules = self._rules
        taken = self._taken(arrival.headers)
        if taken.key is None and rules.optional.has(routed(arrival.path, arrival.root_path)):
            return Admitted(None, rules.places.vary)
        verdict: Verdict = yield from self._ask(taken, arrival, look_up)
        if isinstance(verdict, Accepted):
            headers = (*accepted_headers(verdict), *[("Vary", header) for header in taken.headers])
            visible = self._visible(arrival.headers, taken)
            return Admitted(verdict.record, headers, visible, taken.subprotocol, verdict, lease_of(verdict))
        if rules.refuse_after and verdict.answer.code == "invalid_key":
            yield wait(arrival.came, rules.refuse_after)
        return http_answer(verdict, realm=rules.realm, now=time())

    def still(self, record: KeyRecord, ip: str | None, path: str, scope: Demand | None) -> Flow[bool]:
        """Return whether a key that was let in would still be let in; see `Admission.astill`.

        Args:
            record: As for `Admission.astill`.
            ip: As for `Admission.astill`.
            path: As for `Admission.astill`.
            scope: As for `Admission.astill`.
        """
        demand, keys = self.demand(scope), self._keys
        begin = keys._verifier.records.begin
        try:
            refused = yield from recheck(keys._parts, begin, record, check_demand(demand), ip, self._rules.kind)
        except StoreError:
            return True
        if refused is not None and keys._listeners:
            self._tell(refused, Asked(demand, 0, None, ip, path=path))
        return refused is None

    def _taken(self, headers: Headers) -> Taken:
        """Take the key out of a request: at once where it is alone, as in nearly all requests."""
        places = self._rules.places
        sent = places.only(headers)
        if sent is None:
            return places.take(headers, self._keys._verifier.gate.could_be)
        key, ((_, header),) = sent
        return Taken(key, (header,))

    def _ask(self, taken: Taken, arrival: Arrival, look_up: Callable[[str, Asked], Any]) -> Flow[Verdict]:
        """Return the verdict of a check, or of a request without a key to check, which is announced here."""
        _, ip, method, path, _, scope, cost, limit, _ = arrival
        asked = self._asked(arrival.headers, ip, method, path, scope, cost, limit)
        verdict: Verdict
        if isinstance(taken.key, str):
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
            self._tell(verdict, asked)
        return verdict

    def _asked(
        self, headers: Headers, ip: str | None, method: str, path: str, scope: Demand, cost: int,
        limit: RouteLimit | None = None,
    ) -> Asked:  # fmt: skip
        """Return the question of a request."""
        return Asked(scope, cost, self._rules.kind, ip, first(headers, "user-agent"), method, path, limit)

    def _tell(self, verdict: Verdict, asked: Asked) -> None:
        tell(self._keys._listeners, self._keys._parts.clock, verdict, asked)

    def _visible(self, headers: Headers, taken: Taken | None = None) -> Visible:
        """Return the headers that the application may see; None for all."""
        if not self._rules.hides:
            return None
        key, could_be = taken and taken.key, self._keys._verifier.gate.could_be
        return self._rules.places.without(headers, lambda text: text == key or could_be(text))


def _unread(_: bytes) -> None:
    """Hash nothing."""


def _is_preflight(headers: Headers) -> bool:
    """Return whether a browser asks to send a request to another origin (Fetch, section 4.8); that has no key."""
    return all(first(headers, name) for name in ("origin", "access-control-request-method"))
