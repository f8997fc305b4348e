"""The worlds that pages ask for at their top: servers on this machine, empty when a page begins.

<!-- needs: postgres, valkey -->
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.servers.postgres import Postgres
    from tests.servers.valkey import Valkey

    from secretsource.testing.servers import AwsServer


class World(NamedTuple):
    """What a page finds when it is read.

    Attributes:
        variables: In its environment.
        names: In its namespace, for its setup comments.
    """

    variables: Mapping[str, str]
    names: Mapping[str, Any]


def aws(server: AwsServer) -> World:
    """An AWS without secrets."""
    server.reset()
    return World(server.environment, {"aws": server})


def postgres(server: Postgres) -> World:
    """A PostgreSQL without tables, with one role beside the superuser's: ``app``."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
        connection.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")  # as a new database has it
        connection.execute("DROP ROLE IF EXISTS app")
        connection.execute("CREATE ROLE app LOGIN PASSWORD 'password-of-the-app'")
    return World({"DATABASE_URL": server.url, "APP_URL": server.url_of("app", "password-of-the-app")}, {})


def valkey(server: Valkey) -> World:
    """A Valkey without keys."""
    with server.client() as client:
        client.flushall()
    return World({"REDIS_URL": server.url}, {"valkey": server})


WORLDS: Mapping[str, Callable[[Any], World]] = {"aws": aws, "postgres": postgres, "valkey": valkey}
"""Each makes a page's world of the server that the fixture ``{name}_server`` runs."""
