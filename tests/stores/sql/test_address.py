"""The URL of an SQL store: what it means, what cannot be, and what is never shown."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from secretsource.exceptions import ConfigurationError
from secretsource.stores import _registry, sql
from secretsource.stores._sql.connections import address, database, postgres

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
        (f"postgresql+asyncpg://u:{PASSWORD}@host/db", "must have a URL with postgresql\\+psycopg://"),
        (f"postgresql://u:{PASSWORD}@host/db?create=perhaps", "create  of a key store's URL must be true or false"),
        (f"sqlite://u:{PASSWORD}@host/keys.db", "must be a file on this machine"),
        ("sqlite:///keys.db?mode=ro", "must be a file on this machine"),
        ("sqlite:///", "no name of a file"),
        ("sqlite:///?timeout=5", "no name of a file"),
        ("sqlite:///keys.db?timeout=soon", "in seconds"),
        ("sqlite:///what?.db", "has no value"),
        (f"postgresql://u:{PASSWORD}@host/db?sslmode=", "has no value"),
        (f"postgresql://u:{PASSWORD}@host/db?connect_timeout=2&feed_url=", "has no value"),
        (f"postgresql://u:{PASSWORD}@host/db?create", "has no value"),
        ("sqlite:///keys.db?timeout=-1", "in seconds"),
        ("sqlite:///keys.db?timeout=nan", "in seconds"),
        (f"postgresql://u:{PASSWORD}@host/db?timeout=0", "in seconds, 0.05 to 3600"),
        (f"postgresql://u:{PASSWORD}@host/db?timeout=soon", "in seconds"),
        (f"postgresql://u:{PASSWORD}@host/db?read_lag=nan", "in seconds"),
        (f"postgresql://u:{PASSWORD}@host/db?pooler=session", "pooler  of a key store's URL must be  transaction"),
        (f"postgresql://u:{PASSWORD}@host/db?pooler=transaction&pooler=transaction", "pooler"),
        (f"postgresql://u:{PASSWORD}@a:1,b:port/db", "cannot be read"),
        (f"postgresql://u:{PASSWORD}@host/db?feed_url=sqlite:///keys.db", "feed_url .* another PostgreSQL"),
        (f"postgresql://u:{PASSWORD}@host/db?read_url=replica", "cannot be read"),
        (f"postgresql://u:{PASSWORD}@host/db?read_url=postgresql://a&read_url=postgresql://b", "read_url"),
        (f"postgresql://u:{PASSWORD}@host/db?feed_url=postgresql%3A//a%3Ftimeout%3D1", "feed_url"),
        (f"postgresql://host:5432/db?feed_url=postgresql://u:{PASSWORD}@other/db", "percent-encoded"),
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
        "client_encoding": "UTF8",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "host", "port", "shown"),
    [
        ("postgresql://me:pass@a,b/keys", "a,b", None, "postgresql://a,b/keys"),
        ("postgresql+psycopg://me:pass@a:1,b:2/keys", "a,b", "1,2", "postgresql://a:1,b:2/keys"),
        ("postgresql://a:1,b/keys", "a,b", "1,", "postgresql://a:1,b/keys"),
        ("postgresql://me@[::1]:1,[fe80::2]/keys", "::1,fe80::2", "1,", "postgresql://::1:1,fe80::2/keys"),
        ("postgresql://me@/keys?host=a:1&host=b:2", "a,b", "1,2", "postgresql://a:1,b:2/keys"),
        ("postgresql://me@/keys?host=a,b&port=1,2", "a,b", "1,2", "postgresql://a:1,b:2/keys"),
        ("postgresql://me@/keys?host=a,b&port=5433", "a,b", "5433", "postgresql://a:5433,b:5433/keys"),
        ("postgresql:///keys?host=/run/postgresql", "/run/postgresql", None, "postgresql:///run/postgresql/keys"),
        ("postgresql://me:pass@host:5433/keys", "host", 5433, "postgresql://host:5433/keys"),
        ("postgresql://me@/keys?host=a,b,c&port=1,2", "a,b,c", "1,2", "postgresql://a:1,b:1,c:1/keys"),
        ("postgresql://me@a,fe80::2/keys", "a,fe80::2", None, "postgresql://a,fe80::2/keys"),
        ("postgresql://me@/keys?host=/run/a:b&host=c:2", "/run/a:b,c", ",2", "postgresql:///run/a:b,c:2/keys"),
    ],
)
def test_several_hosts_are_told_to_libpq(text: str, host: str, port: object, shown: str) -> None:
    """However a URL writes them, each with its port; libpq takes the first that fits."""
    read = address.read(f"{text}{'&' if '?' in text else '?'}target_session_attrs=read-write")
    told = postgres.arguments(read.url)
    assert (told["host"], told.get("port"), told["target_session_attrs"]) == (host, port, "read-write")
    assert told["dbname"] == "keys"
    assert read.shown == shown


def test_another_server_of_the_same_database_is_named_shortly() -> None:
    """What its URL leaves out is as in the main one, but not the hosts; a password goes with its user only."""
    main = "postgresql://me:secret@a:1,b:2/keys?sslmode=require&target_session_attrs=read-write&pooler=transaction"
    read = address.read(f"{main}&feed_url=postgresql://c:3&read_url=postgresql%3A//other@d/copy%3Fsslmode%3Ddisable")
    assert read.pooled
    assert read.feed is not None
    assert read.replica is not None
    feed, replica = (postgres.arguments(each.url) for each in (read.feed, read.replica))
    ours = {"application_name": "secretsource", "client_encoding": "UTF8"}
    common = {"connect_timeout": "5", "tcp_user_timeout": "15000", **ours}
    assert feed == {
        **common, "host": "c", "port": 3, "user": "me", "password": "secret", "dbname": "keys", "sslmode": "require"
    }  # fmt: skip
    assert replica == {**common, "host": "d", "user": "other", "dbname": "copy", "sslmode": "disable"}
    assert "secret" not in f"{read!r} {read.feed!r}"


@pytest.mark.parametrize(
    "url", ["", "keys.db", None, 5, "sqlite:///\0", "sqlite:///a\nb", "sqlite:///\ud800", b"sqlite://"]
)
def test_what_is_no_url_names_no_store(url: Any) -> None:
    """Of whatever kind; nothing of it is quoted."""
    for open_any in (_registry.open_store, _registry.open_async_store):
        with pytest.raises(ConfigurationError, match="named by a URL"):
            open_any(url)


@pytest.mark.parametrize(("url", "extras"), [("sqlite://", "issuing"), ("postgresql://db/keys", "issuing,postgres")])
def test_a_store_without_its_packages_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, url: str, extras: str
) -> None:
    """SQLAlchemy comes with an extra."""
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    monkeypatch.setitem(sys.modules, "secretsource.stores._sql.store", None)
    with pytest.raises(ConfigurationError, match=rf"pip install 'secretsource\[{extras}\]'") as caught:
        _registry.open_store(url)
    assert caught.value.__context__ is None


def test_postgresql_without_its_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the store is opened, and not at its first use; psycopg comes with an extra of its own."""
    monkeypatch.setattr(database, "find_spec", {"psycopg": None}.get)
    for open_any in (_registry.open_store, _registry.open_async_store, sql.migrate):
        with pytest.raises(ConfigurationError, match=r"pip install 'secretsource\[postgres\]'"):
            open_any("postgresql://user:hunter2@db/keys")
    _registry.open_store("sqlite://").close()
