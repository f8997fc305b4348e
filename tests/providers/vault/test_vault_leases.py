"""The book of leases and the table of mounts, which decide without asking anyone."""

from __future__ import annotations

import pytest

from secretsource.providers._vault.auth import Grant
from secretsource.providers._vault.client import Answer
from secretsource.providers._vault.leases import HeldLease, LeaseBook
from secretsource.providers._vault.mounts import Mount, MountTable, is_plain_path
from secretsource.providers._vault.token import Token
from secretsource.providers.base import SecretRef

REF = SecretRef("vault", "database/creds/app")
FOREVER = Token(Grant("t", 0.0, False), 0.0)


def lease(
    lease_id: str = "one", *, seconds: float = 60.0, now: float = 1000.0, ref: SecretRef = REF, token: Token = FOREVER
) -> HeldLease:
    """A lease that began at ``now``."""
    return HeldLease(ref, lease_id, {"password": "canary"}, seconds=seconds, renewable=True, token=token, now=now)


def ids(leases: list[HeldLease]) -> list[str]:
    """Their identifiers."""
    return [lease.lease_id for lease in leases]


class TestLease:
    """One lease."""

    def test_length(self) -> None:
        """What is left is counted from when it began."""
        held = lease()
        assert (held.left(1000.0), held.left(1045.0), held.left(1061.0)) == (60.0, 15.0, -1.0)
        assert [held.is_spent(now) for now in (1039.0, 1040.0)] == [False, True]

    def test_token_that_ends_before_it(self) -> None:
        """It ends with its token."""
        assert lease(token=Token(Grant("t", 20.0, True), 1000.0)).left(1005.0) == 15.0

    @pytest.mark.parametrize(("seconds", "whole"), [(60.0, True), (59.0, False), (0.0, False)])
    def test_renewal(self, seconds: float, whole: bool) -> None:
        """A renewal that gives less than the full length is the sign that the end is near."""
        held = lease()
        assert held.extend(seconds, 1040.0) is whole
        assert held.left(1040.0) == seconds

    def test_ended(self) -> None:
        """Nothing is left of one that Vault no longer knows."""
        held = lease()
        held.end()
        assert held.left(1000.0) < 0

    def test_answer(self) -> None:
        """An answer has what is left, and never less than nothing."""
        for now, left in ((1010.0, 50.0), (1100.0, 0.0)):
            found = lease().found(now)
            assert found.lease is not None
            assert found.lease.seconds == left

    def test_masked(self) -> None:
        """Neither a lease nor an answer shows what is in it."""
        answer = Answer(200, {"data": "canary"}, "", 0.0)
        assert repr([lease(), answer]) == "[<HeldLease of 'database/creds/app'>, Answer(200, <masked>)]"


class TestBook:
    """All leases of a provider."""

    def test_current(self) -> None:
        """The one to go on with is the last one of that reference."""
        book, second = LeaseBook(), lease("two")
        book.keep(lease("one"), 1000.0)
        book.keep(second, 1000.0)
        assert book.current(REF, FOREVER, 1001.0) is second
        assert book.current(REF._replace(location="database/creds/other"), FOREVER, 1001.0) is None

    def test_none_to_go_on_with(self) -> None:
        """Not when it has ended, nor when it was asked for with a token that is no more."""
        book = LeaseBook()
        book.keep(lease(), 1000.0)
        assert book.current(REF, FOREVER, 1060.0) is None
        assert book.current(REF, Token(Grant("t", 0.0, False), 0.0), 1001.0) is None

    def test_discarded(self) -> None:
        """One that was discarded is not gone on with, and is known until it has ended; there may be none."""
        book, held = LeaseBook(), lease()
        book.discard(REF, 1000.0)
        book.keep(held, 1000.0)
        book.keep(lease("other", ref=REF._replace(location="database/creds/other")), 1000.0)
        book.discard(REF, 1001.0)
        assert book.current(REF, FOREVER, 1001.0) is None
        assert book.discarded(REF, 1001.0) == [held]
        book.keep(lease("new"), 1002.0)
        assert book.discarded(REF, 1002.0) == [held]
        assert ids(book.clear(1003.0)) == ["new", "other", "one"]
        assert book.discarded(REF, 1003.0) == []

    def test_discarded_ones_are_forgotten_when_they_have_ended(self) -> None:
        """Nothing is left to revoke of them."""
        book = LeaseBook()
        book.keep(lease(), 1000.0)
        book.discard(REF, 1001.0)
        assert book.discarded(REF, 1060.0) == []

    def test_all_are_given_back_at_the_end(self) -> None:
        """Those that were replaced too, the newest first; not those that have ended, and each once."""
        book = LeaseBook()
        book.keep(lease("short", seconds=5.0), 1000.0)
        for lease_id in ("one", "two", "three"):
            book.keep(lease(lease_id), 1001.0)
        assert ids(book.clear(1010.0)) == ["three", "two", "one"]
        assert book.clear(1010.0) == []

    def test_ended_ones_are_forgotten(self) -> None:
        """However long a program runs, the book does not grow."""
        book = LeaseBook()
        for second in range(1000):
            book.keep(lease(str(second), seconds=5.0, now=second), second)
        assert len(book._former) <= 5


class TestMounts:
    """Where engines are mounted."""

    def test_find(self) -> None:
        """A location is under the mount that its first segments name, in its own namespace."""
        table, deep, flat = MountTable(), Mount("kv/team", True), Mount("secret", False)
        table.learn(None, deep)
        table.learn(None, flat)
        assert table.find(None, "kv/team/a/b") is deep
        assert table.find(None, "secret/a") is flat
        assert deep.below("kv/team/a/b") == "a/b"
        assert [table.find(None, place) for place in ("kv/teams/a", "kv", "secret", "secrets/a", "")] == [None] * 5
        assert table.find("elsewhere", "secret/a") is None

    def test_forget(self) -> None:
        """A mount in doubt is asked for anew; to doubt one that is not known does nothing."""
        table, mount = MountTable(), Mount("secret", False)
        table.learn(None, mount)
        for _ in range(2):
            table.forget(None, mount)
        assert table.find(None, "secret/a") is None

    @pytest.mark.parametrize("location", ["", ".", "a/./b", "a/../b", "a//b", "/a", "a/"])
    def test_paths_that_do_not_mean_what_they_say(self, location: str) -> None:
        """Empty, ``.`` and ``..`` segments are taken out by HTTP clients, so they are refused."""
        assert not is_plain_path(location)

    @pytest.mark.parametrize("location", ["a", "a/b", "a/...", "a/.b", "a b/ä"])
    def test_plain_paths(self, location: str) -> None:
        """Everything else means what it says."""
        assert is_plain_path(location)
