"""What is particular to secrets in memory."""

from __future__ import annotations

import pytest

from secretsource.providers.base import Failed, Found, NotFound, SecretRef
from secretsource.providers.memory import MemoryProvider

REF = SecretRef("memory", "token")


def fetch(provider: MemoryProvider, ref: SecretRef = REF) -> Found | NotFound | Failed:
    return provider.fetch(ref, timeout=1)


def value(provider: MemoryProvider, ref: SecretRef = REF) -> object:
    outcome = fetch(provider, ref)
    assert isinstance(outcome, Found)
    return outcome.value


def test_versions_are_counted() -> None:
    """Each put is a version, counted from 1, and earlier ones are kept."""
    provider = MemoryProvider({"token": "one"})
    assert provider.put("token", "two") == "2"
    assert provider.put("other", "first") == "1"
    outcome = fetch(provider)
    assert isinstance(outcome, Found)
    assert (outcome.value, outcome.version) == ("two", "2")
    assert value(provider, REF._replace(version="1")) == "one"


@pytest.mark.parametrize("version", ["0", "3", "-1", "²", "latest", ""])
def test_versions_that_do_not_exist_are_not_found(version: str) -> None:
    """An identifier that was never given out is NotFound."""
    provider = MemoryProvider({"token": "one"})
    provider.put("token", "two")
    assert isinstance(fetch(provider, REF._replace(version=version)), NotFound)


def test_stages() -> None:
    """There are two stages, and any other is NotFound."""
    provider = MemoryProvider({"token": "one"})
    assert isinstance(fetch(provider, REF._replace(stage="previous")), NotFound)
    provider.put("token", "two")
    assert value(provider, REF._replace(stage="current")) == "two"
    assert value(provider, REF._replace(stage="previous")) == "one"
    assert isinstance(fetch(provider, REF._replace(stage="AWSPENDING")), NotFound)


def test_deleted_takes_every_version_and_no_number_is_used_twice() -> None:
    """After a deletion neither old nor current version is there, and counting goes on."""
    provider = MemoryProvider({"token": "one"})
    provider.delete("token")
    provider.delete("never-there")
    assert isinstance(fetch(provider), NotFound)
    assert isinstance(fetch(provider, REF._replace(version="1")), NotFound)
    assert provider.put("token", "two") == "2"
    assert value(provider) == "two"
    assert isinstance(fetch(provider, REF._replace(stage="previous")), NotFound)


def test_mappings_are_copied() -> None:
    """What the caller does to a mapping afterwards does not change the secret."""
    fields = {"user": "app", "password": "one"}
    provider = MemoryProvider({"token": fields})
    fields["password"] = "two"
    assert value(provider) == {"user": "app", "password": "one"}


def test_it_is_cached_like_a_remote_one() -> None:
    """It stands in for a service, so the resolver's ttl counts for it."""
    assert MemoryProvider().max_age is None


def test_its_repr_shows_no_secret() -> None:
    """Neither names nor values are in the repr."""
    assert repr(MemoryProvider({"token": "canary"}, name="vault")) == "<MemoryProvider 'vault'>"
