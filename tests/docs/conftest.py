"""What the pages are run with; each server starts with the first page that needs it."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING

import pytest
from tests.servers.postgres import postgres
from tests.servers.valkey import valkey

from secretsource.exceptions import StoreError
from secretsource.issuing import ApiKeys
from secretsource.testing.servers import aws_server as start_aws

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from tests.servers.postgres import Postgres
    from tests.servers.valkey import Valkey

    from secretsource.testing.servers import AwsServer


@pytest.fixture(autouse=True)
def closed(monkeypatch: pytest.MonkeyPatch, no_thread_is_left: None) -> Generator[None]:
    """A page shows what it is about; the keys that it leaves open, as a process does at its end, are closed here."""
    made: list[ApiKeys] = []
    begin: Callable[..., None] = ApiKeys.__init__

    @wraps(begin)
    def noted(keys: ApiKeys, *arguments: object, **settings: object) -> None:
        begin(keys, *arguments, **settings)
        made.append(keys)

    monkeypatch.setattr(ApiKeys, "__init__", noted)
    yield
    for keys in made:
        try:
            keys.close()
        except* StoreError:  # a page may have shut its store away
            pass


@pytest.fixture(scope="session")
def aws_server() -> Generator[AwsServer]:
    """An AWS for the pages that need one; it starts with the first of them."""
    with start_aws() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Generator[Postgres]:
    """A PostgreSQL for the pages that need one."""
    with postgres() as server:
        yield server


@pytest.fixture(scope="session")
def valkey_server() -> Generator[Valkey]:
    """A Valkey for the pages that need one."""
    with valkey() as server:
        yield server
