"""Every route of operators, asked by everybody that may not: nothing shows what is there, and nothing changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.server.pages.browser import Browser
from tests.server.pages.operators import GETS, POSTS, operator, post

from secretsource.server.pages.app import VIEWS
from secretsource.server.pages.sessions import Role
from secretsource.server.rights import EVERYTHING, ROOT_OWNER, ROOT_PREFIX

if TYPE_CHECKING:
    from tests.server.conftest import World

CANARY = "canary-9a31"
OPERATORS = {view.name: view for view in VIEWS if view.role is Role.OPERATOR}
HOME = "showOperatorHome"


@pytest.fixture
async def ids(world: World) -> dict[str, str]:
    """A customer with a plan and a key, and a root key, whose names nobody else may read."""
    keys = world.keys
    plan, owner = f"{CANARY}-plan", f"{CANARY}-owner"
    await keys.plans.put(plan, rate_limit="77/minute")
    await keys.owners.put(owner, name=f"{CANARY} Ltd", plan=plan)
    key = await world.customer_key(owner=owner, name=f"{CANARY} worker")
    root = await keys.issue(owner=ROOT_OWNER, prefix=ROOT_PREFIX, scopes=["keys:read"], name=f"{CANARY} root")
    return {"owner": owner, "plan": plan, "key": key.record.key_id, "root": root.record.key_id}


async def states(world: World, ids: dict[str, str]) -> list[Any]:
    """What a change would change."""
    keys = world.keys
    return [
        await keys.owners.get(ids["owner"]), await keys.plans.get(ids["plan"]), await keys.get(ids["key"]),
        await keys.get(ids["root"]), len((await keys.list(owner=ROOT_OWNER)).records),
    ]  # fmt: skip


def test_every_route_is_asked() -> None:
    """A new view of operators is in the lists that these tests go through."""
    assert set(OPERATORS) == {*GETS, *POSTS, HOME}
    assert all(OPERATORS[name].method == "GET" for name in GETS)
    assert all(OPERATORS[name].method == "POST" for name in POSTS)


async def refused(world: World, browser: Browser, ids: dict[str, str], gets: set[int], posts: set[int]) -> None:
    """Ask every route, and see that nothing leaks and nothing changes."""
    before = await states(world, ids)
    for name, target in GETS.items():
        answer = await browser.get(target.format(**ids))
        assert answer.status in gets, (name, answer.status)
        own = {ids[word] for word in ids if ids[word] in target.format(**ids)}
        shown = answer.body.decode()
        for each in own:
            shown = shown.replace(each, "")
        assert CANARY not in shown, name
        assert answer.status != 303 or answer.headers["location"] == "/operator/sign-in", name
    page = browser.page
    for name in POSTS:
        if name != "signOutOperator":
            browser.page = page
            answer = await post(browser, name, ids)
            assert answer.status in posts, (name, answer.status)
            assert f"{CANARY} " not in answer.body.decode(), name
    assert await states(world, ids) == before


async def test_a_browser_that_is_not_signed_in_is_sent_to_the_sign_in(
    world: World, browser: Browser, ids: dict[str, str]
) -> None:
    """And a form without a session is refused."""
    await refused(world, browser, ids, {303}, {403})


async def test_a_customer_is_not_an_operator(world: World, browser: Browser, ids: dict[str, str]) -> None:
    """The session of the very customer that the pages are about opens none of them."""
    await browser.sign_in(ids["owner"])
    browser.page = ""
    await refused(world, browser, ids, {303}, {403})


async def test_a_root_key_without_the_scope_is_refused(world: World, ids: dict[str, str]) -> None:
    """Each page needs its scope, as the same operation of the management API does."""
    browser = await operator(world, "keys:verify")
    assert (await browser.get("/operator")).status == 200
    await refused(world, browser, ids, {403}, {403})


@pytest.mark.parametrize("name", sorted({*GETS, *POSTS} - {"signOutOperator"}))
async def test_each_scope_is_needed(world: World, ids: dict[str, str], name: str) -> None:
    """A root key with every other scope is refused by the one route; the scope alone opens it."""
    scope = _scope_of(name)
    kind, _, verb = scope.partition(":")
    others = [f"{each}:{right}" for each in ("keys", "owners", "plans", "events", "usage", "portal", "root")
              for right in ("read", "write") if (each, right) != (kind, verb)]  # fmt: skip
    allowed = [each for each in others if each not in {"events:write", "usage:write", "portal:read"}]
    for scopes, is_open in ((allowed, False), ([scope, "root:write", "keys:read"], True)):
        browser = await operator(world, *scopes)
        await browser.get("/operator/owners")
        answer = await (browser.get(GETS[name].format(**ids)) if name in GETS else post(browser, name, ids))
        assert (answer.status != 403) is is_open, (scopes, answer.status)


def _scope_of(name: str) -> str:
    """The scope of a view, from what its closure has."""
    cells: Any = OPERATORS[name].answer.__closure__
    return next(cell.cell_contents for cell in cells if isinstance(cell.cell_contents, str))


async def test_a_bound_root_key_sees_one_customer(world: World, ids: dict[str, str]) -> None:
    """With every scope: lists have its own customer alone, and everything of another one is not there."""
    await world.keys.owners.put("own", name="Own Ltd")
    await world.customer_key(owner="own", name="Own worker")
    browser = await operator(world, *EVERYTHING, metadata={"owner": "own"})
    assert b"Own Ltd" in (await browser.get("/operator/owners")).body
    assert b"Own worker" in (await browser.get("/operator/keys")).body
    page = browser.page
    tabs = page.partition("<nav")[2].partition("</nav>")[0]
    assert "/operator/plans" not in tabs
    assert "/operator/health" not in tabs
    await world.keys.owners.suspend(ids["owner"])
    before = await states(world, ids)
    for name, target in GETS.items():
        answer = await browser.get(target.format(**ids))
        assert answer.status == (404 if "{" in target or name in {"showPlans", "showHealth"} else 200), name
        assert CANARY not in answer.body.decode(), name
    for name in set(POSTS) - {"signOutOperator", "issueRootKeyByPage"}:
        browser.page = page
        answer = await post(browser, name, ids)
        assert answer.status == 404, name
        assert CANARY not in answer.body.decode(), name
    assert await states(world, ids) == before


async def test_a_bound_root_key_does_not_learn_which_plans_exist(world: World, ids: dict[str, str]) -> None:
    """A plan of others is answered like one that is not there, and the plan that its customer is on can stay."""
    await world.keys.plans.put("held")
    asked = {"owner": "own", "revision": str((await world.keys.owners.put("own", plan="held")).revision)}
    browser = await operator(world, *EVERYTHING, metadata={"owner": "own"})
    pages: list[tuple[int, str]] = []
    for plan in (ids["plan"], "-" * len(ids["plan"])):
        await browser.get("/operator/owner/edit?id=own")
        answer = await browser.post("/operator/owner/edit", {**asked, "plan": plan})
        pages.append((answer.status, browser.page.replace(plan, "").replace(browser.token, "")))
    assert pages[0][0] == 422
    assert pages[0] == pages[1]
    answer = await browser.post("/operator/owner/edit", {**asked, "plan": "held", "name": "X"})
    assert (answer.status, (await world.keys.owners.get("own")).name) == (303, "X")


@pytest.mark.parametrize("ending", ["revoke", "disable", "suspend", "expire", "narrow"])
async def test_a_session_ends_with_its_root_key(
    world: World, ids: dict[str, str], ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever ends the key, the next request is not let in, and neither is a form of a page that is still open."""
    keys = world.keys
    await keys.owners.put("own")
    bound = {"owner": "own"} if ending == "suspend" else {}
    issued = await keys.issue(owner=ROOT_OWNER, prefix=ROOT_PREFIX, scopes=EVERYTHING, expires_in=3600, metadata=bound)
    browser = Browser(world.app, keys)
    await browser.get("/operator/sign-in")
    assert (await browser.post("/operator/sign-in", {"key": issued.plaintext})).status == 303
    assert (await browser.get("/operator/owners")).status == 200
    if ending == "suspend":
        await keys.owners.suspend("own")
    elif ending == "expire":
        monkeypatch.setattr("secretsource.server.root_keys.time", lambda: issued.record.expires)
    elif ending == "narrow":
        await keys.update(issued.record.key_id, networks=["198.51.100.0/24"])
    else:
        await getattr(keys, ending)(issued.record.key_id)
    before = await states(world, ids)
    answer = await post(browser, "revokeAnyKey", ids)
    assert (answer.status, answer.headers["location"]) == (303, "/operator/sign-in")
    assert await states(world, ids) == before
    for target in GETS.values():
        answer = await browser.get(target.format(**ids))
        assert (answer.status, answer.headers["location"]) == (303, "/operator/sign-in")


async def test_a_session_never_has_more_than_its_key_had_or_has(world: World, ids: dict[str, str]) -> None:
    """A scope that the key loses is lost at once; one that it gets later needs a new sign-in."""
    keys = world.keys
    issued = await keys.issue(owner=ROOT_OWNER, prefix=ROOT_PREFIX, scopes=["owners:*", "keys:read"])
    browser = Browser(world.app, keys)
    await browser.get("/operator/sign-in")
    await browser.post("/operator/sign-in", {"key": issued.plaintext})
    await keys.update(issued.record.key_id, scopes=["owners:read", "plans:read"])
    assert (await browser.get("/operator/owners")).status == 200
    for target in ("/operator/keys", "/operator/plans", f"/operator/owner/edit?id={ids['owner']}"):
        assert (await browser.get(target)).status == 403, target
