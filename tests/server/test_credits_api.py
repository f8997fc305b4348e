"""The routes of what owners paid for, and of what is left of limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.server.conftest import World

A_KEY = {"owner": "acme", "credits": 5, "rotate_every": 86400, "scopes": ["a:b"], "rate_limit": "9/minute"}


def left(answer: Any) -> dict[str, int]:
    """What is left, by the name of the limit."""
    return {each["name"]: each["remaining"] for each in answer.json["limits"]}


async def test_credits_of_a_key_are_set_added_and_shown(world: World) -> None:
    """A check takes one; what is added counts beside what was granted; null takes the bound away."""
    issued = await world.root("POST", "/v1/keys", A_KEY)
    path = f"/v1/keys/{issued.json['key_id']}"
    assert (issued.json["credits"], issued.json["rotate_every"]) == (5, 86400)
    assert await world.keys.check(issued.json["key"], scope="a:b")
    added = await world.root("POST", f"{path}:addCredits", {"credits": 10, "reason": "paid"})
    assert (added.status, added.json["credits"], added.headers["etag"]) == (200, 15, f'"{added.json["revision"]}"')
    shown = left(await world.root("GET", f"{path}/limits"))
    assert shown == {"minute": 8, "credits": 14}
    cleared = await world.root("PATCH", path, {"credits": None, "rotate_every": None})
    assert (cleared.json["credits"], cleared.json["rotate_every"]) == (None, None)
    assert set(left(await world.root("GET", f"{path}/limits"))) == {"minute"}
    events = (await world.root("GET", f"{path}/events")).json["events"]
    assert [each["reason"] for each in events if each["fields"] == ["credits"]] == ["paid"]


@pytest.mark.usefixtures("one_day")
async def test_credits_of_an_owner_are_set_added_and_shown(world: World) -> None:
    """All its keys share them."""
    put = await world.root("PUT", "/v1/owners/acme", {"credits": 3, "quota": "7/day"})
    assert (put.status, put.json["credits"]) == (200, 3)
    added = await world.root("POST", "/v1/owners/acme:addCredits", {"credits": 2})
    assert (added.status, added.json["credits"]) == (200, 5)
    for _ in range(2):
        key = await world.root("POST", "/v1/keys", {"owner": "acme", "scopes": ["a:b"]})
        assert await world.keys.check(key.json["key"], scope="a:b")
    assert sorted(left(await world.root("GET", "/v1/owners/acme/limits")).values()) == [3, 5]
    assert (await world.root("GET", "/v1/owners/other/limits")).status == 404


async def test_a_replaced_owner_keeps_its_balance(world: World) -> None:
    """Credits are a balance, not a setting: they stay when they are left out, and null takes the bound away."""
    path = "/v1/owners/acme"
    await world.root("PUT", path, {"name": "Acme", "quota": "7/day", "credits": 3})
    key = await world.root("POST", "/v1/keys", {"owner": "acme", "scopes": ["a:b"]})
    assert await world.keys.check(key.json["key"], scope="a:b")
    tag = (await world.root("GET", path)).headers["etag"]
    renamed = await world.root("PUT", path, {"name": "Acme Ltd"}, if_match=tag)
    assert (renamed.status, renamed.json["name"], renamed.json["quota"]) == (200, "Acme Ltd", None)
    assert renamed.json["credits"] == 3
    assert left(await world.root("GET", f"{path}/limits")) == {"owner credits": 2}
    assert (await world.root("PUT", path, {"name": "late"}, if_match=tag)).status == 412
    changed = (await world.root("GET", "/v1/events?owner=acme")).json["events"][-1]
    assert (changed["kind"], sorted(changed["fields"])) == ("changed", ["name", "quota"])
    assert (await world.root("PUT", path, {"credits": 5})).json["credits"] == 5
    assert (await world.root("PUT", path, {"credits": None})).json["credits"] is None


async def test_a_repeated_top_up_adds_once(world: World) -> None:
    """A client that lost the answer repeats it with the same token; without one, or with another, it adds again."""
    issued = await world.root("POST", "/v1/keys", A_KEY)
    await world.root("PUT", "/v1/owners/acme", {"credits": 5})
    for path in (f"/v1/keys/{issued.json['key_id']}:addCredits", "/v1/owners/acme:addCredits"):
        token: dict[str, Any] = {"idempotency_key": path[4:8]}
        first, again = [await world.root("POST", path, {"credits": 10}, **token) for _ in range(2)]
        assert (first.status, first.json, first.headers["etag"]) == (200, again.json, again.headers["etag"])
        assert first.json["credits"] == 15
        other = await world.root("POST", path, {"credits": 11}, **token)
        assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")
        assert (await world.root("POST", path, {"credits": 10}, idempotency_key=path[4:9])).json["credits"] == 25
        assert (await world.root("POST", path, {"credits": 10})).json["credits"] == 35
        blank = await world.root("POST", path, {"credits": 10}, idempotency_key="a b")
        assert (blank.status, blank.json["header"]) == (422, "Idempotency-Key")


@pytest.mark.parametrize("credits", [0, -1, 1.5, "5", True, 10**15 + 1, None])
async def test_a_wrong_number_of_credits_is_told(world: World, credits: object) -> None:
    """422 with the field; nothing is added."""
    await world.root("PUT", "/v1/owners/acme", {"credits": 3})
    answer = await world.root("POST", "/v1/owners/acme:addCredits", {"credits": credits})
    assert (answer.status, answer.json["pointer"]) == (422, "/credits")
    assert (await world.keys.owners.get("acme")).credits == 3


@pytest.mark.parametrize("kind", ["owners", "plans"])
async def test_a_change_of_what_has_changed_since_is_refused(world: World, kind: str) -> None:
    """``If-Match`` has the ``ETag`` that was read, as for keys."""
    path = f"/v1/{kind}/x"
    first = await world.root("PUT", path, {"quota": "1/day"})
    read = await world.root("GET", path)
    assert first.headers["etag"] == read.headers["etag"] == f'"{read.json["revision"]}"'
    for method, quota in (("PATCH", "2/day"), ("PUT", "3/day")):
        tag = (await world.root("GET", path)).headers["etag"]
        assert (await world.root(method, path, {"quota": quota}, if_match=tag)).status == 200
        late = await world.root(method, path, {"quota": "9/day"}, if_match=tag)
        assert (late.status, late.json["code"]) == (412, "conflict")
        assert (await world.root("GET", path)).json["quota"] == quota


@pytest.mark.parametrize("kind", ["owners", "plans"])
async def test_any_revision_is_one_that_is_there(world: World, kind: str) -> None:
    """``If-Match: *`` changes what exists, and makes nothing (RFC 9110, section 13.1.1)."""
    path = f"/v1/{kind}/x"
    refused = await world.root("PUT", path, {"quota": "1/day"}, if_match="*")
    assert (refused.status, refused.json["code"]) == (412, "conflict")
    assert (await world.root("GET", path)).status == 404
    await world.root("PUT", path, {"quota": "1/day"})
    for method, quota in (("PUT", "2/day"), ("PATCH", "3/day")):
        assert (await world.root(method, path, {"quota": quota}, if_match="*")).json["quota"] == quota


@pytest.mark.parametrize("kind", ["owners", "plans"])
async def test_a_change_of_what_was_deleted_meanwhile_makes_nothing(
    world: World, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deletion between the look and the change wins: an owner that came back would have lost its plan."""
    path, register = f"/v1/{kind}/x", getattr(world.keys, kind)
    await world.root("PUT", path, {"quota": "1/day"})
    put = register.put
    changed: list[Any] = []

    async def late(id: str, **fields: Any) -> Any:
        """Another client deletes it, or changes it, a moment before."""
        if not changed:
            changed.append(await put(id, quota="5/day"))
        else:
            await register.delete(id)
        return await put(id, **fields)

    monkeypatch.setattr(type(register), "put", lambda _, id, **fields: late(id, **fields))
    assert (await world.root("PATCH", path, {"rate_limit": "1/minute"})).status == 404
    assert (await world.root("GET", path)).status == 404


async def test_a_reason_of_a_deletion_is_kept(world: World) -> None:
    """In the history, as the command line keeps it."""
    for kind in ("owners", "plans"):
        await world.root("PUT", f"/v1/{kind}/x", {})
        assert (await world.root("DELETE", f"/v1/{kind}/x?reason=left%20us")).status == 200
    events = (await world.root("GET", "/v1/events")).json["events"]
    assert [each["reason"] for each in events if each["kind"] == "deleted"] == ["left us", "left us"]


async def test_a_plan_says_when_keys_are_due_for_rotation(world: World) -> None:
    """The seconds since the issue of a key."""
    put = await world.root("PUT", "/v1/plans/basic", {"rotate_every": 60})
    assert (put.json["rotate_every"], (await world.keys.plans.get("basic")).rotate_every) == (60, 60)


async def test_an_owner_is_purged_for_good(world: World) -> None:
    """With its keys and their history; one event stays, and keys of others do."""
    mine, other = await world.customer_key(), await world.customer_key("ajax")
    await world.root("PUT", "/v1/owners/acme", {})
    answer = await world.root("POST", "/v1/owners/acme:purge", {"reason": "asked for it"})
    assert (answer.status, answer.json) == (200, {"owner": "acme", "revoked": 1, "deleted": 1})
    assert (await world.root("GET", f"/v1/keys/{mine.record.key_id}")).status == 404
    assert (await world.root("GET", f"/v1/keys/{other.record.key_id}")).status == 200
    events = (await world.root("GET", "/v1/events?owner=acme")).json["events"]
    assert [each["kind"] for each in events] == ["purged"]


async def test_keys_are_found_by_name_and_metadata_and_the_newest_first(world: World) -> None:
    """As the command line finds them; a field of metadata needs the owner."""
    ids = [
        (await world.customer_key(name=name, metadata={"tier": tier})).record.key_id
        for name, tier in (("a", "gold"), ("b", "gold"), ("b", "blue"))
    ]
    for asked, found in (
        ("name=b", ids[1:]), ("owner=acme&metadata=tier=gold", ids[:2]), ("owner=acme&newest=true", ids[::-1]),
        ("owner=acme&metadata=tier%3Dgold&name=b", ids[1:2]),
    ):  # fmt: skip
        answer = await world.root("GET", f"/v1/keys?{asked}")
        assert [each["key_id"] for each in answer.json["keys"] if each["owner"] == "acme"] == found, asked
    wrong = await world.root("GET", "/v1/keys?metadata=tier=gold")
    assert (wrong.status, wrong.json["code"]) == (400, "invalid_request")
    assert (await world.root("GET", "/v1/keys?metadata=tier")).status == 422
