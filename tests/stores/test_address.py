"""The URL of an SQL store: what it means, what cannot be, and what is never shown."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from secretsource.exceptions import ConfigurationError
from secretsource.stores import _registry, sql
from secretsource.stores._sql import address, postgres

PASSWORD = "hunter2-of-the-url"


def test_an_address_says_where_the_database_is() -> None:
    """The file or the server; a file is made when it is first used, a server is filled only when asked."""
    relative, absolute = address.read("sqlite:///keys.db"), address.read("sqlite:////srv/keys.db?timeout=2.5")
    assert (relative.path, relative.create, relative.timeout) == ("keys.db", True, address.BUSY_TIMEOUT)
    assert (absolute.path, absolute.timeout, absolute.shown) == ("/srv/keys.db", 2.5, "sqlite:////srv/keys.db")
    assert address.read("sqlite://").path == address.read("sqlite:///:memory:").path == ""
    server = address.read("postgresql://me@db.example:5433/keys?sslmode=require")
    assert (server.create, server.shown) == (False, "postgresql://db.example:5433/keys")
    assert address.read("postgresql+psycopg:///keys?create=true").create
    assert not address.read("postgresql:///keys?create=false").create
    assert address.read("postgresql:///").shown == "postgresql://local/"


def test_an_address_hides_who_and_with_what() -> None:
    """Neither its repr nor that of a store has the user, the password or the options."""
    url = f"postgresql://user-of-the-url:{PASSWORD}@host/keys?sslpassword={PASSWORD}"
    for shown in (address.read(url), sql.PostgresStore.open(url), sql.AsyncPostgresStore.open(url)):
        assert PASSWORD not in repr(shown)
        assert "user-of-the-url" not in repr(shown)
        assert "postgresql://host/keys" in repr(shown)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (f"postgresql://u:{PASSWORD}@host:port/db", "cannot be read"),
        (f"mysql://u:{PASSWORD}@host/db", "cannot be read"),
        ("nonsense", "cannot be read"),
        (f"postgresql+asyncpg://u:{PASSWORD}@host/db", "by postgresql\\+psycopg://"),
        (f"postgresql://u:{PASSWORD}@host/db?create=perhaps", "create  of a key store's URL is true or false"),
        (f"sqlite://u:{PASSWORD}@host/keys.db", "is a file on this machine"),
        ("sqlite:///keys.db?mode=ro", "is a file on this machine"),
        ("sqlite:///keys.db?timeout=soon", "in seconds"),
        ("sqlite:///keys.db?timeout=-1", "in seconds"),
        ("sqlite:///keys.db?timeout=nan", "in seconds"),
    ],
)
def test_an_address_that_cannot_be_is_refused_unquoted(url: str, why: str) -> None:
    """With what to write instead, and without the password."""
    with pytest.raises(ConfigurationError, match=why) as caught:
        address.read(url)
    assert PASSWORD not in str(caught.value)
    assert caught.value.__context__ is None


def test_libpq_is_told_what_the_url_says() -> None:
    """What the URL says goes before what we say."""
    arguments = postgres.arguments(
        address.read("postgresql://me:secret@host:5433/keys?connect_timeout=2&sslmode=require").url
    )
    assert arguments == {
        "host": "host", "port": 5433, "user": "me", "password": "secret", "dbname": "keys", "sslmode": "require",
        "connect_timeout": "2", "tcp_user_timeout": "15000", "application_name": "secretsource",
    }  # fmt: skip


@pytest.mark.parametrize(
    "url", ["", "keys.db", None, 5, "sqlite:///\0", "sqlite:///a\nb", "sqlite:///\ud800", b"sqlite://"]
)
def test_what_is_no_url_names_no_store(url: Any) -> None:
    """Of whatever kind; nothing of it is quoted."""
    for open_any in (_registry.open_store, _registry.open_async_store):
        with pytest.raises(ConfigurationError, match="named by a URL"):
            open_any(url)


def test_a_store_without_its_packages_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLAlchemy comes with an extra."""
    for name in [name for name in sys.modules if name.startswith(("sqlalchemy", "secretsource.stores.sql"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    monkeypatch.setitem(sys.modules, "secretsource.stores.sql", None)
    with pytest.raises(ConfigurationError, match="pip install 'secretsource\\[issuing\\]'") as caught:
        _registry.open_store("sqlite://")
    assert caught.value.__context__ is None
