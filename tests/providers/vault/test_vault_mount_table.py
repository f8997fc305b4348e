"""The table of the known mounts of Vault, by itself."""

from __future__ import annotations

import pytest

from secretsource.providers._vault.mounts import CERTAIN, Mount, MountTable, is_plain_path

KV, DEEP = Mount("kv", True), Mount("team/kv", False)


def test_a_mount_is_known_until_it_is_forgotten() -> None:
    """In its own namespace only."""
    table = MountTable()
    assert table.find(None, "kv/a") is None
    table.learn(None, KV)
    table.learn("ns", DEEP)
    assert table.find(None, "kv/a/b") == KV
    assert table.find("ns", "team/kv/a") == DEEP
    assert table.find("ns", "kv/a") is None
    assert table.find(None, "kv") is None
    table.forget(None, KV)
    assert table.find(None, "kv/a") is None
    assert table.find("ns", "team/kv/a") == DEEP


def test_a_mount_is_certain_for_a_while() -> None:
    """From the moment at which Vault confirmed it."""
    table = MountTable()
    assert not table.is_certain(None, KV, 0.0)
    table.confirm(None, KV, 10.0)
    assert table.is_certain(None, KV, 10.0 + CERTAIN - 0.001)
    assert not table.is_certain(None, KV, 10.0 + CERTAIN)
    assert not table.is_certain("ns", KV, 10.0)


@pytest.mark.parametrize("location", ["a//b", "/a", "a/", "a/./b", "../b", ""])
def test_a_path_that_clients_would_change(location: str) -> None:
    """It has a segment that they remove."""
    assert not is_plain_path(location)


@pytest.mark.parametrize(("mount", "below"), [(KV, "a/b"), (DEEP, "c")])
def test_the_part_below_a_mount(mount: Mount, below: str) -> None:
    """Is what the engine calls it."""
    assert mount.below(f"{mount.path}/{below}") == below
    assert is_plain_path(below)


def test_the_beginning_of_a_location_is_looked_up_segment_by_segment() -> None:
    """From the first one on, also where segments are one letter long, and never with an empty one."""
    table = MountTable()
    short, empty = Mount("a/b", True), Mount("", True)
    table.learn(None, short)
    table.learn(None, empty)
    assert CERTAIN == 1.0
    assert table.find(None, "a/b/c") == short
    assert table.find(None, "/a/b/c") is None
    assert table.find(None, "x/b/c") is None
    one = Mount("k", False)
    table.learn(None, one)
    assert table.find(None, "k/v") == one


@pytest.mark.parametrize(
    ("mount", "location", "meant"),
    [
        (KV, "kv/a", None),
        (KV, "kv/kv/a", "kv/a"),
        (KV, "kv/kv/", None),
        (KV, "kv/data/a", "kv/a"),
        (KV, "kv/metadata/a", "kv/a"),
        (KV, "kv/v1/kv/data/a", "kv/a"),
        (KV, "kv/v1/a", None),
        (DEEP, "team/kv/team/kv/a", "team/kv/a"),
        (DEEP, "team/kv/v1/team/kv/a", "team/kv/a"),
        (DEEP, "team/kv/data/a", None),
    ],
)
def test_what_another_tool_writes(mount: Mount, location: str, meant: str | None) -> None:
    """A second mount and ``v1/`` are meant away, and the words of the API of KV 2 where it is spoken."""
    assert mount.meant_by(location) == meant
