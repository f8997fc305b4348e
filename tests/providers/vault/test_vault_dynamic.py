"""Dynamic secrets of Vault: a real OpenBao that makes and drops users of a real PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import os
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from tests.servers.openbao import OpenBao, bao
from tests.servers.postgres import PASSWORD, SUPERUSER, Postgres, postgres
from tests.servers.relay import Relay, Reply
from tests.servers.vault import front, told

from secretsource import AsyncResolver, Resolver
from secretsource.providers._vault import engines
from secretsource.providers.base import Failed, FailureCode, Found, NotFound, SecretRef
from secretsource.providers.vault import VaultProvider

if TYPE_CHECKING:
    from collections.abc import Generator

    from secretsource import Secret

__all__ = ["bao", "front"]

SECONDS = float(os.environ.get("SECRETSOURCE_LEASE_TEST_SECONDS", "30"))
"""How long the constant queries go on, ten times the length of a lease."""

CREATION = [
    "CREATE ROLE \"{{name}}\" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'",
    'GRANT SELECT ON greetings TO "{{name}}"',
]


@pytest.fixture(scope="module")
def database() -> Generator[Postgres]:
    """A PostgreSQL with one table."""
    with postgres() as server:
        with psycopg.connect(server.url) as connection:
            connection.execute("CREATE TABLE greetings AS SELECT 'hello' AS word")
        yield server


class Engine:
    """A database secrets engine of its own for each test.

    Attributes:
        mount: Where it is mounted.
        rules: The policy that lets a program use it.
    """

    def __init__(self, bao: OpenBao, database: Postgres) -> None:
        self.bao, self.database, self.mount = bao, database, f"db-{uuid4().hex[:8]}"
        bao.enable("database", self.mount)
        bao.do(
            "POST",
            f"{self.mount}/config/pg",
            {
                "plugin_name": "postgresql-database-plugin",
                "allowed_roles": "*",
                "connection_url": f"postgresql://{{{{username}}}}:{{{{password}}}}@127.0.0.1:{database.port}/postgres",
                "username": SUPERUSER,
                "password": PASSWORD,
            },
        )
        self.rules = bao.policy(self.mount, f"{self.mount}/*", "sys/leases/revoke")

    def role(self, name: str, ttl: str, max_ttl: str) -> SecretRef:
        """A role whose users live for ``ttl``, renewed up to ``max_ttl``; where to ask for one."""
        self.bao.do(
            "POST",
            f"{self.mount}/roles/{name}",
            {
                "db_name": "pg",
                "creation_statements": CREATION,
                "default_ttl": ttl,
                "max_ttl": max_ttl,
            },
        )
        return SecretRef("vault", f"{self.mount}/creds/{name}")

    def leases(self, name: str) -> list[str]:
        """The leases of a role that stand now."""
        return self.bao.leases(f"{self.mount}/creds/{name}")

    def greet(self, secret: Secret) -> str:
        """Ask the database as a user of its own."""
        login = secret.as_json()
        with psycopg.connect(self.database.url_of(login["username"], login["password"])) as connection:
            ((word,),) = connection.execute("SELECT word FROM greetings")
        return str(word)

    def drop(self, user: str) -> None:
        """Drop a user behind Vault's back."""
        with psycopg.connect(self.database.url) as connection:
            for statement in ("DROP OWNED BY {}", "DROP ROLE {}"):
                connection.execute(SQL(statement).format(Identifier(user)))

    def users(self) -> set[str]:
        """The users that the engine made and has not dropped."""
        with psycopg.connect(self.database.url) as connection:
            return {row[0] for row in connection.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'v-%'")}


@pytest.fixture
def engine(bao: OpenBao, database: Postgres) -> Generator[Engine]:
    """The database secrets engine."""
    engine = Engine(bao, database)
    yield engine
    bao.do("POST", f"sys/leases/revoke-force/{engine.mount}")
    bao.do("DELETE", f"sys/mounts/{engine.mount}")


@pytest.fixture
def provider(bao: OpenBao, front: Relay, engine: Engine) -> Generator[VaultProvider]:
    """A provider that logs in by AppRole."""
    name = engine.mount
    role_id = bao.approle(name, engine.rules, token_ttl="1h")
    auth = {"method": "approle", "role_id": role_id, "secret_id": bao.secret_id(name)}
    provider = VaultProvider(address=front.address, auth=auth)
    yield provider
    provider.close()


def found(outcome: object) -> Found:
    """The outcome, which must be a `Found`."""
    assert isinstance(outcome, Found), outcome
    return outcome


def eventually(condition: Any, seconds: float = 30.0) -> bool:
    """Whether something becomes true: Vault revokes leases in the background."""
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return bool(condition())


def test_queries_never_fail_while_users_come_and_go(engine: Engine, front: Relay, provider: VaultProvider) -> None:
    """Users of 3 seconds, 7 at most, are renewed and replaced under constant queries, and none of them fails."""
    ref = engine.role("app", "3s", "7s")
    users: list[str] = []
    with Resolver([provider]) as resolver:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            secret = resolver.get(f"vault://{ref.location}")
            assert engine.greet(secret) == "hello"
            user = secret.as_json()["username"]
            if user not in users:
                users.append(user)
            time.sleep(0.02)
        assert len(users) >= 2
        assert engine.users() >= {users[-1]}
    assert eventually(lambda: not engine.leases("app"))
    assert eventually(lambda: not engine.users().intersection(users))
    renewals = front.asked.count("PUT sys/leases/renew")
    assert len(users) <= SECONDS / 4 + 1
    assert renewals >= len(users)


def test_one_user_is_kept_and_renewed(engine: Engine, front: Relay, provider: VaultProvider) -> None:
    """Asking again renews the lease and gives the same user; that is one call."""
    ref = engine.role("app", "1h", "24h")
    first = found(provider.fetch(ref, timeout=5))
    front.calls.clear()
    second = found(provider.fetch(ref, timeout=5))
    assert second.value == first.value
    assert front.asked == ["PUT sys/leases/renew"]
    assert first.lease is not None
    assert 3590 < first.lease.seconds <= 3600
    assert first.lease.renewable
    assert len(engine.leases("app")) == 1


def test_truncated_renewal_brings_a_new_user(engine: Engine, provider: VaultProvider) -> None:
    """When a renewal gives less than the full length, a new user is taken while the old one still works."""
    ref = engine.role("app", "60s", "60s")
    first = found(provider.fetch(ref, timeout=5))
    time.sleep(1.1)
    second = found(provider.fetch(ref, timeout=5))
    assert second.value != first.value
    assert second.lease is not None
    assert second.lease.seconds > 59
    assert len(engine.leases("app")) == 2
    provider.close()
    assert eventually(lambda: not engine.leases("app"))


def test_old_user_goes_on_when_no_new_one_can_be_made(engine: Engine, front: Relay, provider: VaultProvider) -> None:
    """If a new user cannot be had for a passing cause, the old one is given for as long as it lives."""
    ref = engine.role("app", "60s", "60s")
    first = found(provider.fetch(ref, timeout=5))
    time.sleep(1.1)
    front.answer(500, b'{"errors":["database is down"]}', on="/creds/")
    second = found(provider.fetch(ref, timeout=5))
    assert second.value == first.value
    assert second.lease is not None
    assert 50 < second.lease.seconds < 59.5


def test_revoked_lease_is_replaced(engine: Engine, provider: VaultProvider) -> None:
    """A lease that an operator revoked is not given again."""
    ref = engine.role("app", "1h", "24h")
    first = found(provider.fetch(ref, timeout=5))
    engine.bao.do("POST", f"sys/leases/revoke-prefix/{engine.mount}/creds/app")
    assert eventually(lambda: not engine.leases("app"))
    assert found(provider.fetch(ref, timeout=5)).value != first.value


def test_ended_lease_is_replaced_without_asking_for_it(engine: Engine, front: Relay, provider: VaultProvider) -> None:
    """A lease that has run out is not renewed: a new user is asked for at once."""
    ref = engine.role("app", "1s", "1h")
    first = found(provider.fetch(ref, timeout=5))
    time.sleep(1.1)
    front.calls.clear()
    assert found(provider.fetch(ref, timeout=5)).value != first.value
    assert front.asked == [f"GET {engine.mount}/creds/app"]


def test_lost_token_re_requests_every_lease(engine: Engine, bao: OpenBao, provider: VaultProvider) -> None:
    """A revoked token takes its leases along; after the new login, each secret is asked for anew."""
    refs = [engine.role(name, "1h", "24h") for name in ("one", "two")]
    before = [found(provider.fetch(ref, timeout=5)) for ref in refs]
    held = provider._tokens.held
    assert held is not None
    bao.revoke(held.text)
    assert eventually(lambda: not engine.users())
    after = [found(provider.fetch(ref, timeout=5)) for ref in refs]
    assert all(new.value != old.value for new, old in zip(after, before, strict=True))
    assert [len(engine.leases(name)) for name in ("one", "two")] == [1, 1]


def test_lease_does_not_outlive_its_token(engine: Engine, bao: OpenBao, front: Relay) -> None:
    """The resolver is told to ask again before the token ends, for then the lease ends too."""
    ref = engine.role("app", "1h", "24h")
    token = bao.token(engine.rules, ttl="100s")
    provider = VaultProvider(address=front.address, auth={"method": "token", "token": token})
    lease = found(provider.fetch(ref, timeout=5)).lease
    provider.close()
    assert lease is not None
    assert 90 < lease.seconds <= 100


def test_renewal_refused_for_a_moment_is_not_the_end(engine: Engine, front: Relay, provider: VaultProvider) -> None:
    """A passing failure of the renewal is told as such, and makes no new user."""
    ref = engine.role("app", "1h", "24h")
    found(provider.fetch(ref, timeout=5))
    front.answer(503, b'{"errors":["Vault is sealed"]}', on="leases/renew")
    failure = provider.fetch(ref, timeout=5)
    assert isinstance(failure, Failed)
    assert failure.code is FailureCode.UNAVAILABLE
    front.hang(on="leases/renew")
    failure = provider.fetch(ref, timeout=0.2)
    assert isinstance(failure, Failed)
    assert failure.code is FailureCode.TIMEOUT
    front.heal()
    found(provider.fetch(ref, timeout=5))
    assert len(engine.leases("app")) == 1


def test_lease_that_cannot_be_renewed_is_looked_up(engine: Engine, front: Relay, provider: VaultProvider) -> None:
    """Such a lease is only looked up, and its user given until two thirds of it are over, then replaced."""
    ref = engine.role("app", "3s", "1h")
    front.fault = lambda call: _not_renewable(front.pass_on(call)) if "/creds/" in call.path else None
    first = found(provider.fetch(ref, timeout=5))
    assert first.lease is not None
    assert not first.lease.renewable
    assert found(provider.fetch(ref, timeout=5)).value == first.value
    assert front.asked[-1] == "PUT sys/leases/lookup"
    time.sleep(2.1)
    assert found(provider.fetch(ref, timeout=5)).value != first.value


def _not_renewable(reply: Reply) -> Reply:
    return reply._replace(body=reply.body.replace(b'"renewable":true', b'"renewable":false'))


def test_close_ends_leases_and_the_token(engine: Engine, front: Relay, provider: VaultProvider) -> None:
    """At the end the leases are revoked, and then the token that a login made."""
    found(provider.fetch(engine.role("app", "1h", "24h"), timeout=5))
    front.calls.clear()
    provider.close()
    assert front.asked == ["PUT sys/leases/revoke", "POST auth/token/revoke-self"]
    assert eventually(lambda: not engine.users())
    provider.close()
    assert len(front.calls) == 2


def test_close_without_the_right_to_revoke(
    engine: Engine, bao: OpenBao, front: Relay, caplog: pytest.LogCaptureFixture
) -> None:
    """With a token that was given and may not revoke leases, the log says how many run out by themselves."""
    bao.policy(engine.rules, f"{engine.mount}/*")
    token = bao.token(engine.rules, ttl="1h")
    provider = VaultProvider(address=front.address, auth={"method": "token", "token": token})
    found(provider.fetch(engine.role("app", "1h", "24h"), timeout=5))
    provider.close()
    assert "provider 'vault' could not revoke 1 of its leases" in caplog.text
    assert len(engine.leases("app")) == 1


def test_lease_that_may_not_be_renewed_is_revoked_at_the_end(engine: Engine, bao: OpenBao, front: Relay) -> None:
    """A token without the right to renew gets a new user each time; all of them end when the provider is closed."""
    token = bao.token(engine.rules, ttl="1h", no_default_policy=True)
    provider = VaultProvider(address=front.address, auth={"method": "token", "token": token})
    ref = engine.role("app", "1h", "24h")
    first = found(provider.fetch(ref, timeout=5))
    assert found(provider.fetch(ref, timeout=5)).value != first.value
    assert len(engine.leases("app")) == 2
    provider.close()
    assert eventually(lambda: not engine.leases("app"))


def test_rejected_user_is_replaced(engine: Engine, front: Relay, provider: VaultProvider) -> None:
    """A user that somebody dropped is refused by the database, rejected once, and another one comes that works."""
    place = f"vault://{engine.role('app', '1h', '24h').location}"
    with Resolver([provider]) as resolver:
        refused = resolver.get(place)
        (lease,) = engine.leases("app")
        engine.drop(refused.as_json()["username"])
        with pytest.raises(psycopg.OperationalError):
            engine.greet(refused)
        front.calls.clear()
        replaced = resolver.reject(refused)
        assert engine.greet(replaced) == "hello"
        assert front.asked == [f"GET {engine.mount}/creds/app", "PUT sys/leases/revoke"]
        assert eventually(lambda: lease not in engine.leases("app"))
        assert resolver.get(place) == resolver.reject(refused) == replaced
        assert len(front.calls) == 2


async def test_rejected_user_is_replaced_for_tasks(engine: Engine, front: Relay, provider: VaultProvider) -> None:
    """The same for tasks, many at once: one new user, and the lease of the old one is revoked."""
    place = f"vault://{engine.role('app', '1h', '24h').location}"
    async with AsyncResolver([provider]) as resolver:
        refused = await resolver.get(place)
        engine.drop(refused.as_json()["username"])
        front.calls.clear()
        (replaced,) = set(await asyncio.gather(*(resolver.reject(refused) for _ in range(8))))
        assert engine.greet(replaced) == "hello"
        assert front.asked == [f"GET {engine.mount}/creds/app", "PUT sys/leases/revoke"]


def test_fresh_user(engine: Engine, front: Relay, provider: VaultProvider) -> None:
    """Who asks for a fresh secret gets another user, and the one before is dropped; a refresh keeps the user."""
    place = f"vault://{engine.role('app', '1h', '24h').location}"
    with Resolver([provider]) as resolver:
        first = resolver.get(place)
        second = resolver.get(place, fresh=True)
        assert second != first
        assert eventually(lambda: len(engine.leases("app")) == 1)
        assert engine.greet(second) == "hello"
        assert not engine.users() & {first.as_json()["username"]}
        front.calls.clear()
        refreshed = provider.fetch(provider.complete(SecretRef("vault", place.removeprefix("vault://"))), timeout=5)
        assert found(refreshed).value == second.as_json()
        assert front.asked == ["PUT sys/leases/renew"]


def test_discarded_lease_that_cannot_be_revoked(engine: Engine, front: Relay, provider: VaultProvider) -> None:
    """The new user is given all the same, in time, and the old lease is revoked at the end."""
    ref = engine.role("app", "1h", "24h")
    first = found(provider.fetch(ref, timeout=5))
    provider.discard(ref)
    front.hang(on="leases/revoke")
    assert found(provider.fetch(ref, timeout=1)).value != first.value
    front.heal()
    assert len(engine.leases("app")) == 2
    provider.close()
    assert eventually(lambda: not engine.leases("app"))


def test_no_new_user_for_the_discarded_one(engine: Engine, front: Relay, provider: VaultProvider) -> None:
    """If there is no new user, the discarded one does not come back as an answer, nor is its lease forgotten."""
    ref = engine.role("app", "1h", "24h")
    first = found(provider.fetch(ref, timeout=5))
    provider.discard(ref)
    front.answer(500, b'{"errors":["database is down"]}', on="/creds/")
    failure = provider.fetch(ref, timeout=5)
    assert isinstance(failure, Failed)
    assert failure.code is FailureCode.UNAVAILABLE
    assert len(engine.leases("app")) == 1
    front.heal()
    assert found(provider.fetch(ref, timeout=5)).value != first.value
    assert eventually(lambda: len(engine.leases("app")) == 1)


def test_unknown_role_is_not_found(engine: Engine, provider: VaultProvider) -> None:
    """A role that the engine does not have is an absence, not a failure."""
    outcome = provider.fetch(SecretRef("vault", f"{engine.mount}/creds/nobody"), timeout=5)
    assert isinstance(outcome, NotFound)
    assert told(outcome) == "the secrets engine has no such role"


def test_static_role_is_asked_for_again_after_its_rotation(engine: Engine, provider: VaultProvider) -> None:
    """A static role has no lease; the answer says when its password is replaced."""
    user = f"static_{engine.mount.replace('-', '_')}"
    with psycopg.connect(engine.database.url) as connection:
        connection.execute(SQL("CREATE ROLE {} LOGIN PASSWORD 'before'").format(Identifier(user)))
    engine.bao.do(
        "POST",
        f"{engine.mount}/static-roles/app",
        {"db_name": "pg", "username": user, "rotation_period": "1h"},
    )
    answer = found(provider.fetch(SecretRef("vault", f"{engine.mount}/static-creds/app"), timeout=5))
    assert isinstance(answer.value, dict)
    assert answer.value["username"] == user
    assert answer.lease is None
    assert answer.rotates_at is not None
    assert 3580 < answer.rotates_at - time.time() < 3602
    with psycopg.connect(engine.database.url_of(user, str(answer.value["password"]))) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("ttl", [0, 7])
def test_static_role_is_asked_for_just_after_its_rotation(
    ttl: int, engine: Engine, front: Relay, provider: VaultProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One second after, also when the rotation is due now: at that moment the old password could still be given."""
    monkeypatch.setattr(engines, "time", lambda: 1000.0)
    answer = json.dumps({"data": {"username": "u", "password": "p", "rotation_period": 5, "ttl": ttl}})
    front.answer(200, answer.encode(), on=f"/v1/{engine.mount}/")
    fetched = found(provider.fetch(SecretRef("vault", f"{engine.mount}/static-creds/app"), timeout=5))
    assert (fetched.rotates_at, fetched.lease) == (1001.0 + ttl, None)
