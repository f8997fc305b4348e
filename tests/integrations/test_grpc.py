"""The interceptors of gRPC, on real servers: every refusal with its status and trailing metadata, in every shape."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc
import pytest

from secretsource.exceptions import ConfigurationError
from secretsource.integrations._shared.grpc import address_of
from secretsource.integrations.grpc import ApiKeyInterceptor, AsyncApiKeyInterceptor, current_key, require_key
from secretsource.issuing import NO_SCOPE, ApiKeys
from secretsource.testing import FakeClock
from secretsource.testing._integrations.cases import REFUSALS, LosableStore, World, bearer
from secretsource.testing.integration_harness import READ

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

SHAPES = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")
STATUSES = {
    "missing": ("UNAUTHENTICATED", "missing_key"),
    "ambiguous": ("INVALID_ARGUMENT", "ambiguous_key"),
    "insufficient scope": ("PERMISSION_DENIED", "insufficient_scope"),
    "rate limited": ("RESOURCE_EXHAUSTED", "rate_limited"),
    "quota exceeded": ("RESOURCE_EXHAUSTED", "quota_exceeded"),
    "unavailable": ("UNAVAILABLE", "unavailable"),
}
"""The status and the code of each refusal; the others are those of an invalid key."""


class Ended(NamedTuple):
    """The end of a call."""

    said: list[bytes]
    status: str
    details: str
    trailing: dict[str, str]


def owner() -> bytes:
    """The owner of the key of this call."""
    record = current_key()
    return b"nobody" if record is None else record.owner.encode()


class Threads:
    """The methods of a service for threads."""

    @require_key(READ)
    def unary_unary(self, request: bytes, _: Any) -> bytes:
        return owner()

    @require_key(READ)
    def unary_stream(self, request: bytes, _: Any) -> Iterator[bytes]:
        yield owner()
        yield owner()

    @require_key(READ)
    def stream_unary(self, requests: Any, _: Any) -> bytes:
        return owner() + b"".join(requests)

    @require_key(READ)
    def stream_stream(self, requests: Any, _: Any) -> Iterator[bytes]:
        for each in requests:
            yield owner() + each

    @require_key(NO_SCOPE, cost=5, limit="9/hour")
    def costly(self, request: bytes, _: Any) -> bytes:
        return owner()

    @require_key(READ)
    def broken(self, request: bytes, _: Any) -> bytes:
        raise ArithmeticError("planned")

    @require_key(READ)
    def aborted(self, request: bytes, context: Any) -> Any:
        context.abort(grpc.StatusCode.NOT_FOUND, "planned")

    @require_key(READ)
    def endless(self, request: bytes, _: Any) -> Iterator[bytes]:
        while True:
            yield owner()

    def health(self, request: bytes, _: Any) -> bytes:
        return owner()

    def forgotten(self, request: bytes, _: Any) -> bytes:
        return owner()


class Loop:
    """The same for an event loop."""

    @require_key(READ)
    async def unary_unary(self, request: bytes, _: Any) -> bytes:
        return owner()

    @require_key(READ)
    async def unary_stream(self, request: bytes, context: Any) -> Any:
        yield owner()
        yield owner()

    @require_key(READ)
    async def stream_unary(self, requests: Any, _: Any) -> bytes:
        return owner() + b"".join([each async for each in requests])

    @require_key(READ)
    async def stream_stream(self, requests: Any, context: Any) -> Any:
        async for each in requests:
            yield owner() + each

    @require_key(NO_SCOPE, cost=5, limit="9/hour")
    async def costly(self, request: bytes, _: Any) -> bytes:
        return owner()

    @require_key(READ)
    async def broken(self, request: bytes, _: Any) -> bytes:
        raise ArithmeticError("planned")

    @require_key(READ)
    async def aborted(self, request: bytes, context: Any) -> Any:
        await context.abort(grpc.StatusCode.NOT_FOUND, "planned")

    @require_key(READ)
    async def endless(self, request: bytes, context: Any) -> Any:
        while True:
            yield owner()
            await asyncio.sleep(0)

    async def health(self, request: bytes, _: Any) -> bytes:
        return owner()

    async def forgotten(self, request: bytes, _: Any) -> bytes:
        return owner()


class Writing(Loop):
    """The same with methods that write their answers to the context."""

    @require_key(READ)
    async def unary_stream(self, request: bytes, context: Any) -> Any:
        await context.write(owner())
        await context.write(owner())

    @require_key(READ)
    async def stream_stream(self, requests: Any, context: Any) -> Any:
        async for each in requests:
            await context.write(owner() + each)

    @require_key(READ)
    async def endless(self, request: bytes, context: Any) -> Any:
        while True:
            await context.write(owner())


def handlers(servicer: Any) -> dict[str, Any]:
    """The handlers of a service."""
    made = {name: getattr(grpc, f"{name}_rpc_method_handler")(getattr(servicer, name)) for name in SHAPES}
    made["endless"] = grpc.unary_stream_rpc_method_handler(servicer.endless)
    single = ("costly", "broken", "aborted", "health", "forgotten")
    made |= {name: grpc.unary_unary_rpc_method_handler(getattr(servicer, name)) for name in single}
    return made | {"he%61lth": made["health"]}


@contextmanager
def of_threads(keys: ApiKeys, **settings: Any) -> Generator[str]:
    """Serve in threads."""
    with ThreadPoolExecutor(4) as pool:
        server = grpc.server(pool, interceptors=[ApiKeyInterceptor(keys, **settings)])
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("shop.Shop", handlers(Threads())),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.stop(None).wait()


@contextmanager
def on_a_loop(servicer: Any, keys: ApiKeys, **settings: Any) -> Generator[str]:
    """Serve on an event loop, which has threads for methods that are no coroutines."""
    loop, ready, over, said = asyncio.new_event_loop(), Event(), asyncio.Event(), list[str]()

    async def serve() -> None:
        server = grpc.aio.server(pool, interceptors=[AsyncApiKeyInterceptor(keys, **settings)])
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("shop.Shop", handlers(servicer)),))
        said.append(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
        await server.start()
        ready.set()
        await over.wait()
        await server.stop(None)
        await asyncio.to_thread(pool.shutdown)  # a method in a thread needs the loop until its very end
        await loop.shutdown_default_executor()

    pool = ThreadPoolExecutor(4)
    thread = Thread(target=loop.run_until_complete, args=(serve(),), name="grpc-server")
    thread.start()
    try:
        assert ready.wait(20)
        yield said[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


def call(address: str, method: str, metadata: dict[str, str], shape: str = "unary_unary") -> Ended:
    """Make a call, and return how it ended."""
    asked, answered = shape.split("_")
    with grpc.insecure_channel(address) as channel:
        made = getattr(channel, shape)(f"/shop.Shop/{method}")
        request = iter([b"1", b"2"]) if asked == "stream" else b""
        pairs = [(name.lower(), value) for name, value in metadata.items()]
        said: list[bytes] = []
        try:
            if answered == "stream":
                over = made(request, metadata=pairs, timeout=20)
                said += over
            else:
                answer, over = made.with_call(request, metadata=pairs, timeout=20)
                said.append(answer)
        except grpc.RpcError as error:
            over = error
        return ended(said, over)


def ended(said: list[bytes], over: Any) -> Ended:
    """Return how a call ended."""
    return Ended(said, over.code().name, over.details(), dict(over.trailing_metadata() or ()))


@pytest.fixture
def world() -> Generator[World]:
    """Keys over an empty store, with a clock that stands still."""
    store, clock = LosableStore(), FakeClock()
    with ApiKeys(store, peppers=["a pepper of these tests, long"], clock=clock) as keys:
        yield World(keys, store, clock)


SERVERS = {
    "threads": of_threads,
    "loop": partial(on_a_loop, Loop()),
    "writing loop": partial(on_a_loop, Writing()),
    "threads of a loop": partial(on_a_loop, Threads()),
}


@pytest.fixture(params=[*SERVERS.values()], ids=[*SERVERS])
def serve(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Each kind of server."""
    made: Callable[..., Any] = request.param
    return made


@pytest.mark.parametrize("refusal", [each for each in REFUSALS if each != "wrong network"])
def test_a_refusal_has_its_status_and_its_code(refusal: str, serve: Any, world: World) -> None:
    """The trailing metadata are the headers of the HTTP answer; the method is not called."""
    with serve(world.keys) as address:
        ended = call(address, "unary_unary", REFUSALS[refusal](world))
    status, code = STATUSES.get(refusal, ("UNAUTHENTICATED", "invalid_key"))
    assert (ended.said, ended.status, ended.trailing["problem-code"]) == ([], status, code)
    assert ("www-authenticate" in ended.trailing) == (status not in {"RESOURCE_EXHAUSTED", "UNAVAILABLE"})
    assert ("retry-after" in ended.trailing) == (status in {"RESOURCE_EXHAUSTED", "UNAVAILABLE"})
    assert ended.details


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_a_method_is_checked(shape: str, serve: Any, world: World) -> None:
    """A good key comes through with its record and its limits; without a key, no message is sent."""
    key = bearer(world.issue(rate_limit="10/minute"))
    expected = {"unary_unary": [b"acme"], "unary_stream": [b"acme"] * 2, "stream_unary": [b"acme12"]}
    with serve(world.keys) as address:
        good, refused = call(address, shape, key, shape), call(address, shape, {}, shape)
    assert (good.status, good.said) == ("OK", expected.get(shape, [b"acme1", b"acme2"]))
    assert good.trailing["ratelimit"] == '"minute";r=9;t=6'
    assert (refused.status, refused.said) == ("UNAUTHENTICATED", [])


@pytest.mark.parametrize(
    ("method", "status"), [*((shape, "OK") for shape in SHAPES), ("broken", "UNKNOWN"), ("aborted", "NOT_FOUND")]
)
def test_a_call_that_is_over_leaves_its_place(method: str, status: str, serve: Any, world: World) -> None:
    """With a limit of one request at once, each call after another is let in, however the one before it ended."""
    issued = world.issued(rate_limit="1 at once")
    shape = method if method in SHAPES else "unary_unary"
    with serve(world.keys) as address:
        for _ in range(2):
            ended = call(address, method, bearer(issued.plaintext), shape)
            assert (ended.status, ended.trailing["ratelimit"]) == (status, '"at once";r=0')
            assert world.is_free(issued, 20)


@pytest.mark.parametrize("serve", [each for name, each in SERVERS.items() if name != "threads of a loop"])
def test_a_stream_holds_its_place_until_its_client_goes_away(serve: Any, world: World) -> None:
    """In the middle of an answer without an end; ``grpc.aio`` itself does not end such an answer in its threads."""
    issued = world.issued(rate_limit="1 at once")
    metadata = (("authorization", f"Bearer {issued.plaintext}"),)
    with serve(world.keys) as address, grpc.insecure_channel(address) as channel:
        said = channel.unary_stream("/shop.Shop/endless")(b"", metadata=metadata, timeout=20)
        assert next(said) == b"acme"
        assert call(address, "unary_unary", bearer(issued.plaintext)).status == "RESOURCE_EXHAUSTED"
        said.cancel()
        assert world.is_free(issued, 20)


def test_a_method_has_its_cost_and_a_rotated_key_its_end(serve: Any, world: World) -> None:
    """As the headers of HTTP have them."""
    old = world.issued(rate_limit="6/hour")
    world.keys.rotate(old.record.key_id, overlap=3600)
    with serve(world.keys) as address:
        ended = call(address, "costly", bearer(old.plaintext))
        assert call(address, "costly", bearer(old.plaintext)).status == "RESOURCE_EXHAUSTED"
        unlimited = bearer(world.issue())
        assert [call(address, "costly", unlimited).status for _ in range(2)] == ["OK", "RESOURCE_EXHAUSTED"]
    assert (ended.trailing["ratelimit"], ended.trailing["deprecation"]) == (
        '"route hour";r=4;t=2000, "hour";r=1;t=3000', "@1735689600",
    )  # fmt: skip


def test_an_exempt_method_needs_no_key_and_a_forgotten_one_is_closed(serve: Any, world: World) -> None:
    """An unknown method is gRPC's to answer."""
    with serve(world.keys, exempt=["/shop.Shop/health"]) as address:
        assert call(address, "health", bearer("nonsense")).said == [b"nobody"]
        assert call(address, "forgotten", bearer(world.issue())).status == "UNKNOWN"
        assert call(address, "nothing", {}).status == "UNIMPLEMENTED"


def test_an_odd_method_below_an_exempt_folder_needs_a_key(serve: Any, world: World) -> None:
    """A name that another server might read as a path elsewhere is refused without a key, not by a defect."""
    with serve(world.keys, exempt=["/shop.Shop/*"]) as address:
        assert call(address, "health", {}).said == [b"nobody"]
        assert call(address, "he%61lth", {}).trailing["problem-code"] == "missing_key"
        assert call(address, "he%61lth", bearer(world.issue())).said == [b"acme"]


def test_the_address_is_that_of_the_peer(serve: Any, world: World) -> None:
    """A key that is bound to a network is good from there only."""
    here, there = world.issue(networks=["127.0.0.1"]), world.issue(networks=["203.0.113.0/24"])
    with serve(world.keys) as address:
        assert [call(address, "unary_unary", bearer(key)).status for key in (here, there)] == ["OK", "UNAUTHENTICATED"]


@pytest.mark.parametrize("kind", [ApiKeyInterceptor, AsyncApiKeyInterceptor])
def test_a_forgotten_method_is_found_at_the_start(kind: Any, keys: ApiKeys) -> None:
    """Among the handlers of a service, or the methods of a servicer."""
    interceptor = kind(keys, exempt=["/shop.Shop/health"])
    methods = {name: getattr(Threads, name) for name in (*SHAPES, "health")}
    interceptor.check("shop.Shop", methods)
    for made in (handlers(Threads()), {**methods, "forgotten": Threads.forgotten}):
        with pytest.raises(ConfigurationError, match=r"'/shop.Shop/forgotten' must state the scope"):
            interceptor.check("shop.Shop", made)


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:127.0.0.1:50000", "127.0.0.1"),
        ("ipv6:%5B2001:db8::1%5D:50000", "2001:db8::1"),
        ("ipv6:[::1]:50000", "::1"),
        ("unix:/run/shop", None),
        ("", None),
    ],
)
def test_a_peer_is_read(peer: str, address: str | None) -> None:
    """As gRPC writes it; a socket of Unix has no address."""
    assert address_of(peer) == address


@pytest.mark.parametrize("interceptor", [ApiKeyInterceptor, AsyncApiKeyInterceptor])
def test_a_key_cannot_be_hidden(interceptor: Any, keys: ApiKeys) -> None:
    """The metadata of a call stays as it is, so the setting is refused and not passed over."""
    with pytest.raises(ConfigurationError, match="hide cannot work with gRPC"):
        interceptor(keys, hide=True)
