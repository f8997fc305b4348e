"""Every public callable, with a canary in each of its arguments: no error of ours carries it in a frame of ours."""

from __future__ import annotations

import asyncio
import inspect
import io
from collections.abc import AsyncIterator, Iterator
from types import FunctionType, SimpleNamespace
from typing import Any, NamedTuple

import pytest
from tests.leaks.canary import CANARY, FORMS, ours

import secretsource
from secretsource import AsyncResolver, LiveSecret, Resolver, issuing
from secretsource._traceless import boundaries, traceless
from secretsource.exceptions import SecretSourceError, StoreError
from secretsource.issuing import NO_SCOPE, ApiKeys, AsyncApiKeys
from secretsource.limiters.redis import AsyncRedisLimiter, RedisLimiter
from secretsource.providers._registry import DRIVERS, driver_class
from secretsource.stores import _registry, sql
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore
from secretsource.stores.redis_feed import AsyncRedisChangeFeed, RedisChangeFeed

PEPPERS = ["a pepper that is long enough"]
KEY = f"sk_live_{(CANARY.replace('-', '') * 6)[:63]}"
FORMS_HERE = [*FORMS, KEY, CANARY.replace("-", "")]

# A value where another one belongs, in every shape that callers hand in by mistake.
SHAPES: list[Any] = [
    CANARY,
    f"{CANARY} with a blank",
    f"{CANARY}\n",
    f"nope://u:{CANARY}@h/x",
    f"postgresql://u:{CANARY}@h:port/x",
    f"postgresql+asyncpg://u:{CANARY}@h/x",
    f"redis://u:{CANARY}@h:port",
    f"sqlite://u:{CANARY}@h/x",
    KEY,
    CANARY.encode(),
    [CANARY],
    {CANARY: CANARY},
    [{"owner": "acme", "plaintext": CANARY}],
    SimpleNamespace(hidden=CANARY),
]

# What an argument is when the canary is in another one.
USUAL: dict[str, Any] = {
    "name": "KEY",
    "names": ["KEY"],
    "text": "sk_live_" + "0" * 63,
    "scope": NO_SCOPE,
    "key_id": "0" * 22,
    "key_ids": ["0" * 22],
    "overlap": 0,
    "within": 60,
    "for_": 60,
    "owner": "acme",
    "requests": [{"owner": "acme"}],
    "questions": [{"text": "sk_live_" + "0" * 63, "scope": NO_SCOPE}],
    "rows": [{"owner": "acme", "plaintext": "abc"}],
    "url": "memory://",
    "secret": "KEY",
    "callback": print,
    "call": len,
    "is_auth_error": ValueError,
    "providers": ["env"],
    "store": MemoryStore(),
    "resolver": Resolver(["env"]),
    "secrets": {},
    "peppers": PEPPERS,
    "value": PEPPERS[0],
    "stream": io.BytesIO(),
    "kind": "jsonl",
    "listener": print,
    "realm": "api",
    "now": 0.0,
    "verdict": None,
    "credits": 1,
    "headers": [],
    "prefix": "sk",
    "environment": "live",
    "locator": "0" * 22,
    "source": ["env"],
    "token": "t",
    "caller": "0" * 22,
    "fingerprint": "f",
}

HOLDS_SECRETS = {
    "text",
    "key_id",
    "url",
    "peppers",
    "value",
    "secrets",
    "rows",
    "default",
    "requests",
    "stream",
    "questions",
}
"""Arguments that no message quotes; the others, such as names, are quoted where they are well formed."""

HOT = {
    *("Resolver.get", "AsyncResolver.get"),
    *("ApiKeys.check", "AsyncApiKeys.check", "ApiKeys.glance", "AsyncApiKeys.glance"),
}
"""Boundaries by lines of their own; they are tried like all the others."""


class Case(NamedTuple):
    """One callable: how its object is made (None for a function), and what is called on it."""

    label: str
    make: Any
    function: Any


SERVICES: list[tuple[type, Any]] = [
    (Resolver, lambda: Resolver(["env"])),
    (AsyncResolver, lambda: AsyncResolver(["env"])),
    (LiveSecret, lambda: LiveSecret("KEY", resolver=Resolver(["env"]))),
    (ApiKeys, lambda: ApiKeys(MemoryStore(), peppers=PEPPERS)),
    (AsyncApiKeys, lambda: AsyncApiKeys(AsyncMemoryStore(), peppers=PEPPERS)),
]
FUNCTIONS: list[Any] = [
    secretsource.configure,
    secretsource.override,
    issuing.Pepper,
    issuing.PepperSet,
    issuing.KeyFormat,
    issuing.read_rows,
    issuing.credential,
    _registry.open_store,
    _registry.open_async_store,
    sql.SqlStore.open,
    sql.AsyncSqlStore.open,
    sql.AsyncPostgresStore.open,
    sql.migrate,
    sql.current_revision,
    MemoryStore.open,
    AsyncMemoryStore.open,
    RedisLimiter,
    AsyncRedisLimiter,
    RedisChangeFeed,
    AsyncRedisChangeFeed,
    *map(driver_class, DRIVERS),
]


def _methods(service: type) -> Iterator[tuple[str, Any]]:
    for name, attribute in ((name, inspect.getattr_static(service, name)) for name in dir(service)):
        if name == "__init__" or (not name.startswith("_") and isinstance(attribute, (FunctionType, classmethod))):
            yield name, attribute


def _cases() -> Iterator[Case]:
    for service, make in SERVICES:
        for name, attribute in _methods(service):
            if name == "__init__":
                yield Case(service.__name__, None, service)
            elif isinstance(attribute, classmethod):
                yield Case(f"{service.__name__}.{name}", None, getattr(service, name))
            else:
                yield Case(f"{service.__name__}.{name}", make, name)
    for function in FUNCTIONS:
        yield Case(function.__qualname__, None, function)


CASES = list(_cases())


async def _finish(answer: Any) -> None:
    """Run what a call gave to its end, for an error may come late."""
    if inspect.isawaitable(answer):
        answer = await answer
    if isinstance(answer, AsyncIterator):
        async for _ in answer:
            pass
    elif isinstance(answer, Iterator):
        for _ in answer:
            pass
    close = getattr(answer, "close", None)
    if close is not None and not isinstance(answer, Iterator):
        closed = close()
        if inspect.isawaitable(closed):
            await closed


def _seen(error: BaseException) -> list[str]:
    """Where the canary stands in a frame of ours, of an error or of one behind it."""
    places, waiting = [], [error]
    while waiting:
        one = waiting.pop()
        for frames in ours(one.__traceback__):
            code = frames.tb_frame.f_code
            for name, value in frames.tb_frame.f_locals.items():
                if value is not one and any(form in _shown(value) for form in FORMS_HERE):
                    places.append(f"{name} in {code.co_qualname}")
        waiting.extend(behind for behind in (one.__context__, one.__cause__) if behind is not None)
    return places


def _shown(value: Any) -> str:
    """What an error tracker makes of a local: an object whose constructor failed may have no repr."""
    try:
        return repr(value)
    except AttributeError:
        return type(value).__name__


def _call(case: Case, arguments: dict[str, Any]) -> BaseException | None:
    made = case.make() if case.make is not None else None
    function = getattr(made, case.function) if made is not None else case.function

    async def act() -> None:
        positional = [arguments.pop(name) for name in [*arguments] if _is_positional(function, name)]
        await _finish(function(*positional, **arguments))

    try:
        asyncio.run(act())
    except Exception as error:
        return error
    finally:
        if isinstance(made, (Resolver, ApiKeys)):
            made.close()
    return None


def _is_positional(function: Any, name: str) -> bool:
    parameter = inspect.signature(function).parameters.get(name)
    return parameter is not None and parameter.kind is inspect.Parameter.POSITIONAL_ONLY


def _parameters(case: Case) -> tuple[list[str], dict[str, Any]]:
    """The arguments to try, and what the others are meanwhile."""
    function = getattr(case.make(), case.function) if case.make is not None else case.function
    names, usual = list[str](), dict[str, Any]()
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            names.extend(
                {"settings": ("peppers", "format", "limiter"), "request": ("owner", "scopes", "metadata")}.get(name, ())
            )
            continue
        names.append(name)
        if parameter.default is inspect.Parameter.empty:
            usual[name] = USUAL[name]
    if case.function == "issue":
        usual["owner"] = "acme"
    return names, usual


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A pepper for `open`, and the default resolver as it was."""
    monkeypatch.setenv("SECRETSOURCE_PEPPER", PEPPERS[0])
    yield
    secretsource.configure()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_no_frame_of_an_error_has_an_argument(case: Case) -> None:
    """Whatever stands where another value belongs, an error tracker is not sent it by a frame of ours."""
    names, usual = _parameters(case)
    for name in names:
        for shape in SHAPES:
            error = _call(case, {**usual, name: shape})
            if isinstance(error, SecretSourceError):
                assert _seen(error) == [], (name, type(shape).__name__)


def test_errors_of_ours_were_met() -> None:
    """The test above would prove nothing if nothing failed: these do, each by an argument that holds the canary."""
    tried = [
        (("ApiKeys.open", "url"), SHAPES[4]),
        (("ApiKeys.revoke", "key_id"), KEY),
        (("ApiKeys.surrender", "text"), KEY),
        (("AsyncApiKeys.rotate", "key_id"), KEY),
        (("Resolver.get", "name"), SHAPES[1]),
        (("AsyncResolver.get", "name"), SHAPES[1]),
        (("RedisLimiter", "url"), SHAPES[3]),
    ]
    for (label, name), shape in tried:
        case = next(case for case in CASES if case.label == label)
        assert isinstance(_call(case, {**_parameters(case)[1], name: shape}), SecretSourceError), label


def test_every_public_method_is_a_boundary() -> None:
    """A method that is added later is one too, without anybody thinking of it."""
    for service, _ in SERVICES:
        for name, attribute in _methods(service):
            function = attribute.__func__ if isinstance(attribute, classmethod) else attribute
            assert hasattr(function, "__wrapped__") != (f"{service.__name__}.{name}" in HOT), name


class TestTraceless:
    """The boundary itself, for each kind of function."""

    @staticmethod
    def fails(canary: str) -> None:
        inner = canary
        try:
            raise ValueError(inner)
        except ValueError:
            raise StoreError("the store is down") from None

    def test_a_function(self) -> None:
        """Its error has one frame of ours, without the arguments, and no error behind it."""
        self._judge(lambda: traceless(self.fails)(CANARY))

    def test_a_coroutine_function(self) -> None:
        """It stays one, which frameworks ask for."""

        @traceless
        async def act(canary: str) -> None:
            self.fails(canary)

        assert inspect.iscoroutinefunction(act)
        self._judge(lambda: asyncio.run(act(CANARY)))

    def test_a_generator(self) -> None:
        """The error comes while it is iterated over."""

        @traceless
        def act(canary: str) -> Iterator[int]:
            yield 1
            self.fails(canary)

        self._judge(lambda: list(act(CANARY)))

    def test_an_async_generator(self) -> None:
        """The same; and closing it closes what is behind it."""
        closed = list[str]()

        @traceless
        async def act(canary: str) -> AsyncIterator[int]:
            try:
                yield 1
                self.fails(canary)
            finally:
                closed.append("closed")

        async def whole() -> None:
            async for _ in act(CANARY):
                pass

        async def part() -> None:
            items: Any = act(CANARY)
            assert await anext(items) == 1
            await items.aclose()

        self._judge(lambda: asyncio.run(whole()))
        asyncio.run(part())
        assert closed == ["closed", "closed"]

    def test_another_error_keeps_its_frames(self) -> None:
        """A fault in the package is to be found, so its traceback stays whole."""

        def act() -> None:
            raise RuntimeError("a fault")

        with pytest.raises(RuntimeError) as caught:
            traceless(act)()
        assert [frame.name for frame in caught.traceback][-1] == "act"

    @pytest.mark.parametrize("error", [TypeError, KeyboardInterrupt])
    def test_another_error_has_no_argument_of_the_boundary(self, error: type[BaseException]) -> None:
        """A mistyped call, or a Ctrl-C, leaves no argument in the frame of the boundary."""

        def plain(canary: str) -> None:
            del canary
            raise error

        async def task(canary: str) -> None:
            plain(canary)

        def items(canary: str) -> Iterator[int]:
            given, canary = canary, ""
            yield 1
            raise error(len(given))

        async def late(canary: str) -> AsyncIterator[int]:
            given, canary = canary, ""
            yield 1
            raise error(len(given))

        async def whole() -> None:
            async for _ in traceless(late)(CANARY):
                pass

        for act in (
            lambda: traceless(plain)(CANARY),
            lambda: asyncio.run(traceless(task)(CANARY)),
            lambda: list(traceless(items)(CANARY)),
            lambda: asyncio.run(whole()),
        ):
            with pytest.raises(error) as caught:
                act()
            assert [place for place in _seen(caught.value) if "boundary" in place] == []

    def test_a_class(self) -> None:
        """Its public methods and its constructor, but neither private nor excepted ones."""

        @boundaries(besides=("hot",))
        class Service:
            def __init__(self) -> None: ...
            def act(self) -> None: ...
            def hot(self) -> None: ...
            def _inner(self) -> None: ...
            @staticmethod
            def still() -> None: ...
            @classmethod
            def open(cls) -> Service:
                return cls()

        wrapped = [
            name
            for name, attribute in vars(Service).items()
            if hasattr(getattr(attribute, "__func__", attribute), "__wrapped__")
        ]
        assert wrapped == ["__init__", "act", "still", "open"]
        assert isinstance(Service.open(), Service)

    @staticmethod
    def _judge(act: Any) -> None:
        with pytest.raises(StoreError) as caught:
            act()
        assert _seen(caught.value) == []
        assert (caught.value.__context__, caught.value.__cause__) == (None, None)
