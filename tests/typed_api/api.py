"""The public names as an application writes them: never run, but read by the type checkers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, assert_type

from secretsource import (
    AsyncResolver,
    LiveSecret,
    Resolver,
    RotationEvent,
    Secret,
    SecretEvent,
    SecretSet,
    Trace,
    aget_secret,
    aget_secrets,
    aload_secrets,
    configure,
    get_secret,
    get_secret_set,
    get_secrets,
    load_secrets,
    override,
)
from secretsource.exceptions import ProviderError, SecretNotFound
from secretsource.providers.base import FailureCode, Found, NotFound, Outcome, Provider, SecretRef


@dataclass
class Shop:
    key: Secret


def takes_text(text: str) -> None:
    """What most libraries want."""


def default_resolver() -> None:
    takes_text(get_secret("NAME"))
    assert_type(get_secret("NAME"), Secret)
    assert_type(get_secret("NAME", field="key", version="7", fresh=True), Secret)
    assert_type(get_secret("NAME", default="text"), Secret)
    assert_type(get_secret("NAME", default=None), Secret | None)
    assert_type(get_secret("NAME", default=3), Secret | int)
    assert_type(get_secrets(["A", "B"]), dict[str, Secret])
    assert_type(get_secrets(iter(["A"]), default=None), dict[str, Secret | None])
    assert_type(get_secret_set("NAME", field="key"), SecretSet)


async def default_resolver_of_a_loop() -> None:
    assert_type(await aget_secret("NAME"), Secret)
    assert_type(await aget_secret("NAME", default="text"), Secret)
    assert_type(await aget_secret("NAME", default=None), Secret | None)
    assert_type(await aget_secrets({"A", "B"}), dict[str, Secret])
    assert_type(await aget_secrets(["A"], default=None), dict[str, Secret | None])


async def a_dataclass_of_secrets(resolver: Resolver, other: AsyncResolver) -> None:
    assert_type(load_secrets(Shop), Shop)
    assert_type(resolver.load(Shop), Shop)
    assert_type(await aload_secrets(Shop), Shop)
    assert_type(await other.load(Shop), Shop)
    live = LiveSecret("NAME", resolver=other)
    assert_type(live.get(), Secret)
    assert_type(await live.aget(), Secret)


def a_secret(secret: Secret) -> None:
    assert_type(secret.name, str)
    assert_type(secret.provider, str)
    assert_type(secret.version, str | None)
    assert_type(secret.fetched_at, datetime)
    assert_type(secret.expires_at, datetime | None)
    assert_type(secret.served, Literal["live", "fresh", "revalidating", "stale", "default"])
    assert_type(secret.as_bytes(), bytes)
    assert_type(secret.as_json(), Any)
    assert_type(secret.upper(), str)


def a_set(secrets: SecretSet) -> None:
    assert_type(secrets.current, Secret)
    assert_type(secrets.previous, Secret | None)
    assert_type([secret for secret in secrets], list[Secret])  # noqa: C416


def a_resolver(provider: Provider) -> None:
    with Resolver(
        ["env", "aws://?region=eu-west-1", provider],
        ttl=300,
        revalidate=None,
        max_stale=3600,
        deadline=5,
        negative_ttl=10,
        max_entries=1024,
        jitter=0.1,
    ) as resolver:
        assert_type(resolver, Resolver)
        secret = resolver.get("NAME")
        assert_type(resolver.get("NAME", default=None, field="a"), Secret | None)
        assert_type(resolver.get_many(["A"]), dict[str, Secret])
        assert_type(resolver.get_set("NAME"), SecretSet)
        assert_type(resolver.reject(secret), Secret)
        assert_type(resolver.retrying("NAME", measured, is_auth_error=PermissionError), int)
        assert_type(resolver.explain("NAME", field="a"), Trace)
        resolver.prefetch(["A"])
        resolver.invalidate("NAME", version="7")
        stop = resolver.on_rotate(rotated)
        stop()
        resolver.on_event(happened)
        resolver.close()
    assert_type(Resolver.from_config("secretsource.toml", environment="production"), Resolver)


async def a_resolver_of_a_loop(resolver: Resolver) -> None:
    async with AsyncResolver(["env"], ttl=60) as tasks:
        secret = await tasks.get("NAME")
        assert_type(await tasks.get("NAME", default=b"x"), Secret | bytes)
        assert_type(await tasks.get_many(["A"], default=None), dict[str, Secret | None])
        assert_type(await tasks.get_set("NAME"), SecretSet)
        assert_type(await tasks.reject(secret), Secret)
        assert_type(await tasks.retrying("NAME", measured_later, is_auth_error=lambda _: True, field="a"), int)
        assert_type(await tasks.explain("NAME"), Trace)
        await tasks.prefetch(["A"])
        tasks.invalidate("NAME")
        tasks.on_rotate(rotated)()
        tasks.on_event(happened)()
    assert_type(AsyncResolver.of(resolver), AsyncResolver)
    assert_type(AsyncResolver.from_config(), AsyncResolver)


def measured(secret: Secret) -> int:
    return len(secret)


async def measured_later(secret: Secret) -> int:
    return len(secret)


def rotated(event: RotationEvent) -> None:
    takes_text(event.name + event.provider)
    assert_type(event.old_version, str | None)
    assert_type(event.new_version, str | None)


def happened(event: SecretEvent) -> None:
    assert_type(event.age, float | None)
    assert_type(event.duration, float)


def wiring(resolver: Resolver) -> None:
    configure(["env", "dotenv"], ttl=60, jitter=0)
    configure("secretsource.toml", environment="production")
    configure(resolver)
    configure()
    with override({"NAME": "text", "BINARY": b"\x00", "GONE": None}):
        get_secret("NAME")


def errors() -> None:
    try:
        get_secret("NAME")
    except SecretNotFound as error:
        assert_type(error.providers, tuple[str, ...])
    except ProviderError as error:
        assert_type(error.code, FailureCode)
        assert_type(error.retryable, bool)
        assert_type(error.sdk_error, str | None)


class Vending(Provider):
    """A third party's driver."""

    scheme = "vending"
    max_age = 60.0

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        return Found(b"coke", version="1") if ref.location == "coke" and timeout > 1 else NotFound("sold out")
