"""The questions to a resolver, each written once for both shells.

A question is a flow. It yields the documents that it needs (`list[Ask]`), and is sent a list of `Reply`. It yields
those that it wants refreshed later (`Later`), and is sent nothing. It returns its result or raises its error.
`Resolver` performs its steps with threads, `AsyncResolver` with tasks.
"""

# pure: decides from its arguments, the engine with its clock among them; the shells do what is yielded

from __future__ import annotations

from collections.abc import Iterable

from secretsource._ground.namedtuple import NamedTuple
from secretsource._ground.sentinels import UNSET
from secretsource._secret import Secret, SecretSet
from secretsource.exceptions import InvalidReference, SecretNotFound
from secretsource.providers.base import NotFound
from secretsource.resolver._walk.agreement import torn
from secretsource.resolver._walk.chain import previous, resolve, together
from secretsource.resolver._walk.delivery import is_overtaken, is_same
from secretsource.resolver._walk.failure import FOR_PROGRAMS, error_of, meant_by, none_found
from secretsource.resolver._walk.resolution import Ask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence
    from typing import Any, TypeVar

    from secretsource._ground.clock import Instant
    from secretsource._ground.flow import Flow
    from secretsource._ground.sentinels import UnsetType
    from secretsource.resolver._engine.engine import Engine
    from secretsource.resolver._walk.resolution import Request, Resolution
    from secretsource.resolver._walk.trace import Trace

    D = TypeVar("D")

__all__ = ["Later", "explain", "get", "get_many", "get_set", "listed", "reject"]


MOST_TEARS = 2
"""Times that fields of one document are asked for anew because they were of several versions."""


class Later(NamedTuple):
    """Documents to refresh in the background."""

    asks: list[Ask]


def get(
    engine: Engine,
    now: Instant,
    name: str,
    default: D | UnsetType,
    field: str | None,
    version: str | None,
    fresh: bool,
) -> Flow[Secret | D]:
    """Return one secret."""
    request = engine.request(name, field, version, fresh, plain=field is None and version is None and not fresh)
    result = yield from _resolved(engine, now, request)
    return engine.conclude(request, result, default)


def listed(names: Iterable[str]) -> list[str]:
    """Return the names as a list.

    Raises:
        InvalidReference: They are one string, and not a list of its characters.
    """
    if isinstance(names, str):
        raise InvalidReference("names must be a list, such as ['ONE', 'OTHER'], not one string")
    if not isinstance(names, Iterable):
        raise InvalidReference(f"names must be a list, such as ['ONE', 'OTHER'], not {type(names).__name__}")
    return list(names)


def get_many(
    engine: Engine,
    now: Instant,
    names: Sequence[Any],
    known: Mapping[str, Secret | D],
    default: D | UnsetType,
    fresh: bool,
    optional: Container[str] = (),
) -> Flow[dict[str, Secret | D]]:
    """Return many secrets; ask each provider for all of its names together, and name all missing ones at once.

    Args:
        engine: The engine to ask.
        now: When the question was asked.
        names: The names, in the order of the result; `Engine.request` refuses anything but text.
        known: Those that are answered already.
        default: The value of a name that no provider has.
        fresh: Whether to ask the providers whatever is remembered.
        optional: Names that the result leaves out if no provider has them.
    """
    found = dict(known)
    requests: dict[str, Request] = {}
    for name in names:
        if not isinstance(name, str) or (name not in found and name not in requests):
            requests[name] = engine.request(name, fresh=fresh, plain=not fresh)
    results = yield from _agreeing(engine, now, requests, found)
    missing: list[_Missing] = []
    for name, request in requests.items():
        result = results[name]
        if isinstance(result.outcome, NotFound) and default is UNSET:
            engine.note(result)
            if name not in optional:
                error = none_found(request.name, result, engine.chain)
                missing.append(_Missing(error, meant_by(request.ref, engine.chain)))
        else:
            found[name] = engine.conclude(request, result, default)
    if len(missing) > 1:
        raise _all_missing(missing)
    if missing:
        raise missing[0].error
    return {name: found[name] for name in names if name in found}


def _agreeing(
    engine: Engine, now: Instant, requests: dict[str, Request], found: dict[str, Secret | D]
) -> Flow[dict[str, Resolution]]:
    """Walk for each request; walk again for the fields of a document that come from several versions of it.

    Those among them that were answered already move from ``found`` to ``requests``.
    """
    results = dict(zip(requests, (yield from _resolved_together(engine, now, list(requests.values()))), strict=True))
    for _ in range(MOST_TEARS):
        names = torn(found, results)
        if not names:
            break
        for name in names:
            if found.pop(name, None) is not None:
                requests[name] = engine.request(name, plain=True)
        walks = yield from _resolved_together(engine, engine.now(), [requests[name] for name in names])
        results |= zip(names, walks, strict=True)
    return results


def get_set(engine: Engine, now: Instant, name: str, field: str | None) -> Flow[SecretSet]:
    """Return the current version of a secret and the one before it, from the same provider."""
    request = engine.request(name, field)
    newest, current, before = yield from _both(engine, now, request, request.since)
    if is_overtaken(current, before):
        since = engine.state.since(name, fresh=True)
        newest, current, before = yield from _both(engine, engine.now(), request, since)
    secrets = [newest]
    if not isinstance(before.outcome, NotFound):
        old = engine.conclude(request._replace(tracked=False), before, UNSET)
        if old != newest:
            secrets.append(old)
    return SecretSet(secrets)


def _both(engine: Engine, now: Instant, request: Request, since: int) -> Flow[tuple[Secret, Resolution, Resolution]]:
    """Return the current secret, by a call from ``since`` on, and how it and the version before it were found."""
    current = yield from _resolved(engine, now, request._replace(since=since))
    newest = engine.conclude(request, current, UNSET)
    before = yield from previous(request, current, engine.chain, engine.state.cache)
    if before.due:
        yield Later(before.due)
    return newest, current, before


def reject(engine: Engine, _now: Instant, secret: Secret) -> Flow[Secret]:
    """Return the value to use after the other side refused ``secret``: a newer one if there is one."""
    given: object = secret  # what a caller without a type checker hands in, such as the text that `strip` returns
    if not isinstance(given, Secret):
        raise InvalidReference(
            f"a rejected secret must be the Secret that the resolver returned, not {type(given).__name__}: "
            "a text that was made from it does not say where it is from"
        )
    origin = secret._origin
    request = engine.request(origin.name)._replace(fields=origin.fields)
    since = engine.state.refuse(secret)
    # From here on what is kept is stale, which it is not yet at the moment before.
    result = yield from _resolved(engine, engine.now(), request)
    newest = engine.conclude(request, result, secret if origin.served == "default" else UNSET)
    if since and is_same(newest, secret):
        # It came from a call that began before this refusal, and the value may have been replaced since.
        request = request._replace(since=since)
        result = yield from _resolved(engine, engine.now(), request)
        newest = engine.conclude(request, result, UNSET)
    if newest == secret and result.doubt is not None:
        raise error_of(origin.name, result.ended(*result.doubt), engine.chain)
    return newest


def explain(engine: Engine, now: Instant, name: str, field: str | None) -> Flow[Trace]:
    """Explain how a name is resolved now; its failures are part of the trace, not raised."""
    request = engine.request(name, field)
    result = yield from resolve(request, engine.chain, engine.state.cache, now)
    if result.due:
        yield Later(result.due)
    return engine.trace(request, result)


def _resolved(engine: Engine, now: Instant, request: Request) -> Flow[Resolution]:
    """Walk the chain for one request, and tell the listeners."""
    result = yield from resolve(request, engine.chain, engine.state.cache, now)
    if result.due:
        yield Later(result.due)
    if engine.event_listeners:
        engine.report(request, result, now)
    return result


def _resolved_together(engine: Engine, now: Instant, requests: Sequence[Request]) -> Flow[list[Resolution]]:
    """Do the same for many requests; what they ask at the same time is asked together."""
    chain, cache = engine.chain, engine.state.cache
    results = yield from together([resolve(request, chain, cache, now) for request in requests])
    due = [ask for result in results for ask in result.due]
    if due:
        yield Later(due)
    if engine.event_listeners:
        for request, result in zip(requests, results, strict=True):
            engine.report(request, result, now)
    return results


class _Missing(NamedTuple):
    """A name that no provider has.

    Attributes:
        error: Its error, where no other name is missing.
        question: Whether a declared name was meant, as a question; empty if none is alike.
    """

    error: SecretNotFound
    question: str


def _all_missing(missing: list[_Missing]) -> SecretNotFound:
    names = ", ".join(repr(each.error.name) + (each.question and f" ({each.question})") for each in missing)
    asked = tuple(dict.fromkeys(provider for each in missing for provider in each.error.providers))
    return SecretNotFound(
        f"{len(missing)} secrets were not found: {names}; looked at {', '.join(asked) or 'no providers'}: "
        f"create them there{FOR_PROGRAMS}",
        name=missing[0].error.name,
        providers=asked,
    )
