"""Owners and plans over the API: conditions of a change, pages of a list, and what a bound root key can learn."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.server.api.revisions import MOST_ATTEMPTS

if TYPE_CHECKING:
    from tests.server.conftest import World

KINDS = pytest.mark.parametrize("kind", ["owners", "plans"])
UNRESERVED = re.compile("[A-Za-z0-9._~-]+")
TAGS = ('"0"', '"00"', '"01"', '"7"')
KEY = "acme_live_" + "c4n4ry" * 9 + "ss1" + "0" * 6


@KINDS
async def test_a_tag_that_nothing_has_matches_nothing(world: World, kind: str) -> None:
    """It makes no record, and changes none: a tag is compared as it is written (RFC 9110, sections 8.8.3.2, 13.1.1)."""
    path = f"/v1/{kind}/x"
    for tag in TAGS:
        made = await world.root("PUT", path, {"quota": "1/day"}, if_match=tag)
        assert (made.status, made.json["code"]) == (412, "conflict")
    assert (await world.root("GET", path)).status == 404
    assert (await world.root("PUT", path, {"quota": "1/day"})).headers["etag"] == '"1"'
    for method, tag in product(("PUT", "PATCH"), TAGS):
        assert (await world.root(method, path, {"quota": "2/day"}, if_match=tag)).status == 412, (method, tag)
    assert (await world.root("GET", path)).json["quota"] == "1/day"


async def test_a_key_has_no_such_tag_either(world: World) -> None:
    """As no owner and no plan has."""
    for path, fields in (("/v1/keys", {"owner": "acme"}), ("/v1/root-keys", {"scopes": ["keys:read"]})):
        one = f"{path}/{(await world.root('POST', path, fields)).json['key_id']}"
        for tag in TAGS:
            assert (await world.root("PATCH", one, {"name": "new"}, if_match=tag)).status == 412, (path, tag)


async def test_a_refused_condition_quotes_no_key(world: World) -> None:
    """Also one that stands where an id belongs."""
    answer = await world.root("PUT", f"/v1/owners/{KEY}", {}, if_match="*")
    assert answer.status == 412
    assert b"c4n4ry" not in answer.body


@KINDS
async def test_a_change_of_what_keeps_changing_ends(world: World, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With 503 and the time to wait; the client has sent no condition that could be false."""
    path, register = f"/v1/{kind}/x", getattr(world.keys, kind)
    await world.root("PUT", path, {"quota": "1/day"})
    put, turns = register.put, iter(range(2, 10**6))

    async def late(id: str, **fields: Any) -> Any:
        """Another client changes it a moment before, each time."""
        await put(id, quota=f"{next(turns)}/day")
        return await put(id, **fields)

    monkeypatch.setattr(type(register), "put", lambda _, id, **fields: late(id, **fields))
    answer = await world.root("PATCH", path, {"rate_limit": "1/minute"})
    assert (answer.status, answer.json["code"], "retry-after" in answer.headers) == (503, "unavailable", True)
    assert next(turns) == MOST_ATTEMPTS + 2


@KINDS
async def test_a_list_goes_on_behind_any_id(world: World, kind: str) -> None:
    """`next` goes into an address as it is, whatever the ids are: no client has to encode it."""
    ids = ["a & b=c#d%25+e", "ünï/cödé", "z" * 255, "\U0001f511" * 255]
    for each in ids:
        await getattr(world.keys, kind).put(each)
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await world.root("GET", f"/v1/{kind}?limit=1{f'&cursor={cursor}' if cursor else ''}")).json
        found += [each[kind[:-1]] for each in page[kind]]
        cursor = page["next"]
        assert cursor is None or UNRESERVED.fullmatch(cursor)
    assert found == sorted(ids)


@KINDS
async def test_a_cursor_that_is_not_ours_is_refused(world: World, kind: str) -> None:
    """With its name; an id is not one."""
    assert (await world.root("GET", f"/v1/{kind}?cursor=YQ")).status == 200
    for cursor in ("", "a", "YQ==", "YR", "a%20b", "%C3%BC", "_w", "A" * 1361):
        answer = await world.root("GET", f"/v1/{kind}?cursor={cursor}")
        assert (answer.status, answer.json["parameter"]) == (422, "cursor"), cursor


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("registered", [True, False])
async def test_a_bound_root_key_does_not_learn_which_plans_exist(world: World, method: str, registered: bool) -> None:
    """It is answered alike for a plan of others and one that is not there; it can keep the plan that it has."""
    for plan in ("oœn", "other"):
        await world.keys.plans.put(plan)
    if registered:
        await world.keys.owners.put("acme", plan="oœn", name="before")
    bound = world.root.by(await world.root_key("owners:*", metadata={"owner": "acme"}))
    conditions: tuple[dict[str, Any], ...] = ({}, {"if_match": '"9"'}, {"if_match": "*"})
    for more in conditions:
        answers = [
            await bound(method, "/v1/owners/acme", {"plan": plan}, **more) for plan in ("other", "nothere", "oth\x01r")
        ]
        assert {(each.status, each.json["code"]) for each in answers} == {(404, "plan_not_found")}
        told = [each.json["detail"] for each in answers[:2]]
        assert told[0].replace("other", "nothere") == told[1]
    if registered:
        kept = await bound(method, "/v1/owners/acme", {"plan": " oœn ", "name": "after"})
        assert (kept.status, kept.json["plan"], kept.json["name"]) == (200, "oœn", "after")
