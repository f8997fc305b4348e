"""What can be asked of a resolver, each question written once for both shells.

A question is a generator: it yields the documents it needs (`list[Ask]`, answered with a list of `Reply`) and those
it wants refreshed without waiting (`Later`, answered with nothing), and returns its result or raises its error.
`Resolver` runs it with threads, `AsyncResolver` with tasks.
"""

from __future__ import annotations

from secretsource._namedtuple import NamedTuple
from secretsource._secret import Secret, SecretSet
from secretsource._sentinels import UNSET
from secretsource.exceptions import SecretNotFound
from secretsource.providers.base import NotFound
from secretsource.resolver._chain import previous, resolve, together
from secretsource.resolver._failure import none_found
from secretsource.resolver._resolution import Ask, Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence
    from typing import TypeAlias, TypeVar

    from secretsource._sentinels import UnsetType
    from secretsource.resolver._chain import Flow
    from secretsource.resolver._engine import Engine
    from secretsource.resolver._resolution import Reply, Resolution
    from secretsource.resolver._trace import Trace

    D = TypeVar("D")
    R = TypeVar("R")
    Question: TypeAlias = Generator["list[Ask] | Later", Sequence[Reply], R]

__all__ = ["Later", "explain", "get", "get_many", "get_set", "reject"]


class Later(NamedTuple):
    """Documents to refresh in the background."""

    asks: list[Ask]


def get(engine: Engine, request: Request, default: D | UnsetType) -> Question[Secret | D]:
    """One secret."""
    started = engine.now()
    (result,) = yield from _walk([resolve(request, engine.chain, engine.cache, started)])
    return engine.conclude(request, result, started, default)


def get_many(engine: Engine, names: Iterable[str], default: D | UnsetType) -> Question[dict[str, Secret | D]]:
    """Many secrets, what one provider is to be asked for asked together; all that are missing are named at once."""
    requests = [engine.request(name, None, None, False) for name in dict.fromkeys(names)]
    started = engine.now()
    results = yield from _walk([resolve(request, engine.chain, engine.cache, started) for request in requests])
    found: dict[str, Secret | D] = {}
    missing: list[SecretNotFound] = []
    for request, result in zip(requests, results, strict=True):
        absent = isinstance(result.outcome, NotFound) and default is UNSET
        if absent:
            missing.append(none_found(request.name, result, engine.chain))
        else:
            found[request.name] = engine.conclude(request, result, started, default)
    if len(missing) > 1:
        raise _all_missing(missing)
    if missing:
        raise missing[0]
    return found


def get_set(engine: Engine, request: Request) -> Question[SecretSet]:
    """The current version of a secret and the one before it, from the same provider."""
    started = engine.now()
    (current,) = yield from _walk([resolve(request, engine.chain, engine.cache, started)])
    secrets = [engine.conclude(request, current, started, UNSET)]
    (before,) = yield from _walk([previous(request, current, engine.chain, engine.cache)])
    if not isinstance(before.outcome, NotFound):
        old = engine.conclude(request._replace(tracked=False), before, started, UNSET)
        if old != secrets[0]:
            secrets.append(old)
    return SecretSet(secrets)


def reject(engine: Engine, secret: Secret) -> Question[Secret]:
    """The value to use after the other side refused ``secret``: a newer one if there is one."""
    origin = secret._origin
    if origin.served != "default" and engine.refuses(secret):
        at_place = Request(origin.name, origin.ref, origin.fields, fresh=True)
        started = engine.now()
        (result,) = yield from _walk([resolve(at_place, engine.chain, engine.cache, started)])
        if not isinstance(result.outcome, NotFound):
            return engine.conclude(at_place, result, started, UNSET)
    request = engine.request(origin.name, None, None, False)._replace(fields=origin.fields, plain=False)
    return (yield from get(engine, request, secret if origin.served == "default" else UNSET))


def explain(engine: Engine, request: Request) -> Question[Trace]:
    """How a name is resolved now; its failures are part of the trace, not raised."""
    (result,) = yield from _walk([resolve(request, engine.chain, engine.cache, engine.now())])
    return engine.trace(request, result)


def _walk(flows: list[Flow]) -> Question[list[Resolution]]:
    results = yield from together(flows)
    due = [ask for result in results for ask in result.due]
    if due:
        yield Later(due)
    return results


def _all_missing(missing: list[SecretNotFound]) -> SecretNotFound:
    names = ", ".join(repr(error.name) for error in missing)
    asked = tuple(dict.fromkeys(provider for error in missing for provider in error.providers))
    return SecretNotFound(
        f"{len(missing)} secrets were not found: {names}; asked were {', '.join(asked) or 'no providers'}: "
        "set them there, or pass a default",
        name=missing[0].name,
        providers=asked,
    )
