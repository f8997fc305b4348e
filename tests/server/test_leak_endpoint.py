"""The endpoint for reports of GitHub's secret scanning: signed, answered, and then acted on."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.server import gate
from tests.server.asgi_client import Answer, Client
from tests.server.github import Signer, listing

from secretsource.exceptions import ConfigurationError, StoreError
from secretsource.issuing import NO_SCOPE, AsyncApiKeys, EventKind, Status
from secretsource.server.app import Application, build, workers
from secretsource.server.errands import MOST
from secretsource.server.leaks import action, github
from secretsource.server.leaks.action import Action
from secretsource.server.leaks.findings import MOST_FINDINGS, Finding, read_findings
from secretsource.server.leaks.github import LARGEST_REPORT, PATH, github_leaks
from secretsource.server.leaks.key_list import EVERY, LASTS, KeyList
from secretsource.server.outgoing.worker import TURN, Worker
from secretsource.server.problems import Problem
from secretsource.server.rights import ROOT_OWNER, ROOT_PREFIX
from secretsource.server.settings import LeakSettings, ServerSettings
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore

if TYPE_CHECKING:
    from secretsource.server.service import Service
    from secretsource.stores.base import Message, Outbox

PLACE = "https://github.com/acme/shop/blob/main/settings.py"
FOREIGN = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"


class World:
    """A service with the endpoint, GitHub, and the network between them."""

    def __init__(self, **settings: Any) -> None:
        self.store = MemoryStore()
        self.service: Service = gate.service(self.store)
        self.signer = Signer()
        self.listed: bytes | Exception = listing(self.signer)
        self.fetches = 0
        self.now = 1000.0
        keys = KeyList(self.fetch, lambda: self.now)
        self.client = Client(github_leaks(self.service, LeakSettings(**settings), keys))

    async def fetch(self) -> bytes:
        """Answer as the address of the list does."""
        self.fetches += 1
        await asyncio.sleep(0)
        if isinstance(self.listed, Exception):
            raise self.listed
        return self.listed

    async def issue(self, **fields: Any) -> Any:
        """Make a key."""
        wanted: dict[str, Any] = {"owner": "acme", **fields}
        return await self.service.keys.issue(**wanted)

    async def report(self, *texts: str, **headers: str) -> Answer:
        """Send a signed report with these texts, and wait until it was acted on."""
        answer = await self.send(body_of(*texts), **headers)
        await self.acted()
        return answer

    async def send(self, body: bytes, **headers: str) -> Answer:
        """Send a signed body."""
        return await self.client("POST", PATH, body=body, **{**self.signer.headers(body), **headers})

    async def acted(self) -> None:
        """Wait for the errands that are under way."""
        while self.service.errands._under_way:
            await asyncio.sleep(0)

    async def waiting(self) -> list[Message]:
        """The reports that were not acted on."""
        return list(self.outbox.list(action.QUEUE))

    @property
    def outbox(self) -> Outbox:
        """The outbox of the store."""
        assert self.store.outbox is not None
        return self.store.outbox

    async def status(self, issued: Any) -> Status:
        """The status of a key."""
        return (await self.service.keys.get(issued.record.key_id)).status

    async def kinds(self, issued: Any) -> list[str]:
        """The events of a key."""
        return [event.kind.value for event in await self.service.keys.events(issued.record.key_id)]


@pytest.fixture
def world() -> World:
    """A service with the endpoint."""
    return World()


def body_of(*texts: str) -> bytes:
    """A report of GitHub."""
    return json.dumps([{"token": t, "type": "acme_key", "url": PLACE, "source": "content"} for t in texts]).encode()


def labels(answer: Answer) -> list[str]:
    """The labels of the feedback."""
    return [each["label"] for each in answer.json]


async def test_a_reported_key_is_revoked(world: World) -> None:
    """The feedback has the hash of the text; the history has the source and the place."""
    issued = await world.issue()
    answer = await world.report(issued.plaintext)
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    hashed = b64encode(sha256(issued.plaintext.encode()).digest()).decode()
    assert answer.json == [{"token_hash": hashed, "token_type": "acme_key", "label": "true_positive"}]
    assert await world.status(issued) is Status.REVOKED
    exposed = (await world.service.keys.events(issued.record.key_id))[-1]
    assert (exposed.kind, exposed.actor, exposed.origin) == (EventKind.EXPOSED, "github", PLACE)


async def test_a_batch_has_feedback_for_each_text(world: World) -> None:
    """Ours, foreign ones, one with a letter changed, a locator alone, and a key of another service."""
    one, two = await world.issue(), await world.issue(environment="test")
    changed = one.plaintext[:-1] + ("a" if one.plaintext[-1] != "a" else "b")
    others = AsyncApiKeys(AsyncMemoryStore(), peppers=["another pepper, long enough"])
    foreign = (await others.issue(owner="acme")).plaintext
    answer = await world.report(one.plaintext, FOREIGN, two.plaintext, changed, one.record.key_id, foreign, "\ud800")
    assert labels(answer) == ["true_positive", "false_positive", "true_positive", *["false_positive"] * 4]
    assert [await world.status(each) for each in (one, two)] == [Status.REVOKED] * 2


async def test_a_foreign_text_is_never_looked_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """No store is asked for it, and no errand starts."""
    asked: list[str] = []
    monkeypatch.setattr(world.store, "get", asked.append)
    monkeypatch.setattr(world.store, "find", asked.append)
    assert labels(await world.send(body_of(FOREIGN, "x" * 100_000))) == ["false_positive"] * 2
    assert not world.service.errands._under_way
    assert asked == []


@pytest.mark.parametrize("with_wrong", ["key", "body", "identifier", "base64", "nothing", "twice", "DER"])
async def test_only_a_signed_report_is_read(world: World, with_wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong signature is refused before the body is parsed, and nothing happens to the key."""

    def read(_: bytes) -> Any:
        raise AssertionError("the body was parsed")

    monkeypatch.setattr(github, "read_findings", read)
    issued = await world.issue()
    body = body_of(issued.plaintext)
    headers = world.signer.headers(body)
    if with_wrong == "key":
        headers = Signer().headers(body, world.signer.identifier)
    elif with_wrong == "body":
        headers = world.signer.headers(body + b" ")
    elif with_wrong == "identifier":
        headers = world.signer.headers(body, "no such key")
    elif with_wrong == "base64":
        headers["github_public_key_signature"] += "*"
    elif with_wrong == "DER":
        headers["github_public_key_signature"] = b64encode(b"no signature").decode()
    elif with_wrong == "nothing":
        headers = {}
    else:
        headers["Github_Public_Key_Signature".lower()] = ""
        headers.pop("github_public_key_identifier")
    answer = await world.client("POST", PATH, body=body, **headers)
    assert (answer.status, answer.json["code"]) == (401, "bad_signature")
    assert await world.kinds(issued) == ["issued"]


async def test_two_signatures_are_none(world: World) -> None:
    """Which of two headers counts is nobody's guess: the report is refused."""
    body = body_of(FOREIGN)
    signed = world.signer.headers(body)
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in signed.items()]
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": PATH, "headers": [*pairs, pairs[1]]}
    await world.client.app(scope, receive, send)
    assert sent[0]["status"] == 401
    await world.client.app({**scope, "headers": pairs}, receive, send)
    assert sent[2]["status"] == 200


async def test_the_list_is_fetched_once(world: World) -> None:
    """Reports by a known key ask for the list no more, for a day."""
    for _ in range(3):
        assert (await world.report(FOREIGN)).status == 200
    assert world.fetches == 1
    world.now += LASTS
    assert (await world.report(FOREIGN)).status == 200
    assert world.fetches == 2


async def test_a_rotated_list_is_fetched_at_most_once_a_minute(world: World) -> None:
    """An unknown identifier cannot drive requests; the new key counts as soon as the minute is over."""
    assert (await world.report(FOREIGN)).status == 200
    old, world.signer = world.signer, Signer()
    world.listed = listing(world.signer)
    for _ in range(5):
        assert (await world.report(FOREIGN)).status == 401
    assert world.fetches == 1
    world.now += EVERY - 1
    assert (await world.report(FOREIGN)).status == 401
    world.now += 1
    assert (await world.report(FOREIGN)).status == 200
    assert world.fetches == 2
    world.signer = old
    assert (await world.report(FOREIGN)).status == 401


async def test_simultaneous_reports_fetch_the_list_once(world: World) -> None:
    """The others wait for the one that asks."""
    answers = await asyncio.gather(*(world.send(body_of(FOREIGN)) for _ in range(5)))
    assert [answer.status for answer in answers] == [200] * 5
    assert world.fetches == 1


async def test_without_a_list_a_report_is_to_be_sent_again(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """503 with `Retry-After`, at most one attempt a minute; a list from before stays in use."""
    good, world.listed = world.listed, github.FetchError("host could not be asked")
    issued = await world.issue()
    for _ in range(2):
        answer = await world.report(issued.plaintext)
        assert (answer.status, answer.json["code"], answer.headers["retry-after"]) == (503, "unavailable", "60")
    assert world.fetches == 1
    assert "the public keys of GitHub were not fetched: host could not be asked" in caplog.text
    world.now += EVERY
    world.listed = good
    assert (await world.report(issued.plaintext)).status == 200
    world.now += LASTS
    world.listed = b"<html>"
    assert (await world.report(FOREIGN)).status == 200


@pytest.mark.parametrize(
    "entry",
    [
        {"key": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"},
        {"key": 5},
    ],
    ids=["no key", "a number"],
)
async def test_an_entry_that_is_no_key_is_left_out(world: World, entry: dict[str, Any]) -> None:
    """The others of the list count."""
    listed = json.loads(listing(world.signer))
    listed["public_keys"].insert(0, {"key_identifier": "odd", **entry})
    world.listed = json.dumps(listed).encode()
    assert (await world.report(FOREIGN)).status == 200
    assert (await world.report(FOREIGN, github_public_key_identifier="odd")).status == 401


async def test_a_key_on_another_curve_does_not_count(world: World) -> None:
    """Reports are signed on P-256; a good signature on another curve is refused."""
    good, world.signer = world.signer, Signer(ec.SECP384R1())
    world.listed = listing(world.signer, good)
    assert (await world.report(FOREIGN)).status == 401
    world.signer = good
    assert (await world.report(FOREIGN)).status == 200


@pytest.mark.parametrize("listed", [b"[]", b"{", b'{"public_keys": []}', b'{"public_keys": [5]}', b"[" * 100_000])
async def test_another_document_is_no_list(world: World, listed: bytes) -> None:
    """It counts as not fetched."""
    world.listed = listed
    assert (await world.report(FOREIGN)).status == 503


async def test_a_repeat_in_another_process_changes_nothing_more(world: World) -> None:
    """Processes share a store; the history has one event."""
    issued = await world.issue()
    for _ in range(2):
        other = Client(github_leaks(world.service, LeakSettings(), KeyList(world.fetch)))
        body = body_of(issued.plaintext)
        assert (await other("POST", PATH, body=body, **world.signer.headers(body))).status == 200
        await world.acted()
    assert await world.kinds(issued) == ["issued", "revoked", "exposed"]


@pytest.mark.parametrize("chunks", [1, 20], ids=["announced", "in pieces"])
async def test_a_large_body_is_refused(world: World, chunks: int) -> None:
    """413, before the signature is looked at; the largest body is read."""
    largest = body_of("x") + b" " * (LARGEST_REPORT - len(body_of("x")))
    assert (await world.send(largest)).status == 200
    body = largest + b" "
    size = len(body) // chunks + 1
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    headers = world.signer.headers(body)
    answer = await world.client("POST", PATH, body=pieces, **headers)
    assert (answer.status, answer.json["code"]) == (413, "body_too_large")


async def test_half_a_report_is_not_a_report(world: World) -> None:
    """A client that goes away is left at once: its body is neither waited for nor read."""
    sent: list[Any] = []
    coming = [{"type": "http.request", "body": b"[", "more_body": True}, {"type": "http.disconnect"}]
    signed = world.signer.headers(b"[")
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in signed.items()]

    async def receive() -> Any:
        return coming.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await world.client.app({"type": "http", "method": "POST", "path": PATH, "headers": pairs}, receive, send)
    assert sent[0]["status"] == 400
    assert json.loads(sent[1]["body"])["detail"] == "the body did not arrive"
    assert world.fetches == 0


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "malformed_body"),
        (b"{}", "malformed_body"),
        (b"null", "malformed_body"),
        (b"[" * 100_000, "malformed_body"),
        (b"\xff", "malformed_body"),
        (json.dumps([{}] * (MOST_FINDINGS + 1)).encode(), "invalid_request"),
    ],
)
async def test_a_signed_body_of_another_form_is_refused(world: World, body: bytes, code: str) -> None:
    """400, and nothing of it is repeated."""
    answer = await world.send(body)
    assert (answer.status, answer.json["code"]) == (400, code)


def test_a_finding_shows_no_key() -> None:
    """A text that was found may be a whole key."""
    assert repr(Finding("canary-7c0e", "acme_key", None)) == "Finding(<masked>, 'acme_key')"


async def test_what_is_no_finding_is_left_out(world: World) -> None:
    """A field of another kind keeps no leaked key alive."""
    issued = await world.issue()
    body = json.dumps(
        [5, {}, {"token": 5}, {"token": ""}, {"token": issued.plaintext, "type": issued.plaintext, "url": 7}]
    ).encode()
    answer = await world.send(body)
    await world.acted()
    assert [(each["token_type"], each["label"]) for each in answer.json] == [("", "true_positive")]
    assert (await world.service.keys.events(issued.record.key_id))[-1].origin is None
    assert await world.status(issued) is Status.REVOKED


async def test_each_environment_has_its_policy() -> None:
    """Live keys rotate with a short overlap, test keys go on, and all others are revoked."""
    world = World(policy={"live": "rotate", "test": "tell"}, overlap=60)
    live, test, stage = [await world.issue(environment=name) for name in ("live", "test", "stage")]
    await world.report(*(each.plaintext for each in (live, test, stage)))
    assert [await world.status(each) for each in (live, test, stage)] == [
        Status.ROTATING, Status.ACTIVE, Status.REVOKED,
    ]  # fmt: skip
    record = await world.service.keys.get(live.record.key_id)
    successor = await world.service.keys.get(record.successor or "")
    assert record.overlap_ends == pytest.approx(successor.created + 60)
    assert [(await world.kinds(each))[-1] for each in (live, test, stage)] == ["exposed"] * 3


async def test_a_root_key_is_a_key_too(world: World) -> None:
    """A leaked root key is the worst of all."""
    root = await world.issue(owner=ROOT_OWNER, prefix=ROOT_PREFIX, scopes=["keys:*"])
    await world.report(root.plaintext)
    assert await world.status(root) is Status.REVOKED


async def test_the_answer_does_not_wait_for_the_store(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow store delays the action alone, and a stop of the service waits for it."""
    issued = await world.issue()
    answered = asyncio.Event()
    report_leak, order = world.service.keys.report_leak, list[str]()

    async def slow(*args: Any, **fields: Any) -> Any:
        await answered.wait()
        report = await report_leak(*args, **fields)
        order.append("acted")
        return report

    async def close() -> None:
        order.append("closed")

    monkeypatch.setattr(world.service.keys, "report_leak", slow)
    monkeypatch.setattr(world.service.keys, "close", close)
    assert labels(await world.send(body_of(issued.plaintext))) == ["true_positive"]
    assert await world.status(issued) is Status.ACTIVE
    app = Application(ServerSettings())
    app.service = world.service
    stopping = asyncio.ensure_future(app.stop())
    while not world.service.errands.is_ending and not stopping.done():
        await asyncio.sleep(0)
    assert order == []
    answered.set()
    await stopping
    assert order == ["acted", "closed"]
    assert await world.status(issued) is Status.REVOKED


async def test_the_action_follows_the_answer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The errand starts when the answer has been sent, also if the client has gone away."""
    issued = await world.issue()
    body = body_of(issued.plaintext)
    pairs = [(n.replace("_", "-").encode(), v.encode()) for n, v in world.signer.headers(body).items()]
    order: list[str] = []
    start = world.service.errands.start

    def noted(*given: Any) -> None:
        order.append("start")
        start(*given)

    monkeypatch.setattr(world.service.errands, "start", noted)

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def gone(message: Any) -> None:
        order.append(message["type"])
        if message["type"] == "http.response.body":
            raise OSError("the client has gone away")

    with pytest.raises(OSError, match="gone away"):
        await world.client.app({"type": "http", "method": "POST", "path": PATH, "headers": pairs}, receive, gone)
    assert order == ["http.response.start", "http.response.body", "start"]
    await world.acted()
    assert await world.status(issued) is Status.REVOKED


async def test_a_repeat_changes_nothing_more(world: World) -> None:
    """The same body with another signature is answered the same; the history has one event."""
    issued = await world.issue()
    first = await world.report(issued.plaintext)
    again = await world.report(issued.plaintext)
    assert again.body == first.body
    await world.send(body_of(issued.plaintext) + b" ")
    await world.acted()
    assert await world.kinds(issued) == ["issued", "revoked", "exposed"]


async def test_a_kill_between_the_answer_and_the_action_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report was stored before the answer, without the key: another process acts on it."""
    issued = await world.issue()

    def killed(errand: Any, _: str) -> None:
        errand.close()

    with monkeypatch.context() as patch:
        patch.setattr(world.service.errands, "start", killed)
        assert labels(await world.send(body_of(issued.plaintext))) == ["true_positive"]
    assert await world.status(issued) is Status.ACTIVE
    (stored,) = await world.waiting()
    assert (stored.kind, stored.owner) == ("leak.reported", "acme")
    assert json.loads(stored.body) == {"key_id": issued.record.key_id, "place": PLACE}
    other = gate.service(world.store, leaks=LeakSettings())
    (worker,) = workers(other)
    assert isinstance(worker, Worker)
    await worker.empty()
    assert await world.status(issued) is Status.REVOKED
    assert await world.kinds(issued) == ["issued", "revoked", "exposed"]
    assert await world.waiting() == []


async def test_a_kill_in_the_middle_of_the_action_changes_nothing_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key ended, and the event was not written: the next process writes it, and it is there once."""
    issued = await world.issue()
    update = world.store.update
    changes = 0

    def dying(change: Any) -> bool:
        nonlocal changes
        changes += 1
        if changes == 2:
            raise asyncio.CancelledError
        return update(change)

    with monkeypatch.context() as patch:
        patch.setattr(world.store, "update", dying)
        await world.report(issued.plaintext)
    assert await world.kinds(issued) == ["issued", "revoked"]
    later = Action(world.service, LeakSettings()).worker()
    later._clock = lambda: time.time() + TURN
    await later.empty()
    await later.empty()
    assert await world.kinds(issued) == ["issued", "revoked", "exposed"]


async def test_a_leak_of_a_deleted_key_needs_nothing(world: World) -> None:
    """A key that was deleted meanwhile cannot be used."""
    issued = await world.issue()
    action = Action(world.service, LeakSettings())
    await action.keep([Finding(issued.plaintext, "acme", None)])
    world.store._remove([await world.service.keys.revoke(issued.record.key_id)])
    await action.worker().empty()
    assert await world.waiting() == []


async def test_a_store_that_is_down_is_told_and_asked_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 asks GitHub to send the report again; this process tries as well, after growing pauses."""
    issued, pauses = await world.issue(), list[float]()
    failures = [StoreError("down")] * 9
    put = world.outbox.put

    def down(messages: Any) -> None:
        if failures:
            raise failures.pop()
        put(messages)

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(world.outbox, "put", down)
    monkeypatch.setattr(world.service.errands, "pause", pause)
    answer = await world.report(issued.plaintext)
    assert (answer.status, answer.headers["retry-after"]) == (503, "60")
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 120, 120]
    assert await world.status(issued) is Status.REVOKED


async def test_an_action_that_fails_is_tried_for_a_day(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Then it is given up: the log names the key to revoke, and `keys outbox --resend` tries again."""
    issued, now = await world.issue(), time.time()
    worker = Action(world.service, LeakSettings()).worker()
    worker._clock = lambda: now

    async def broken(*_: Any, **__: Any) -> Any:
        raise ConfigurationError("it cannot work")

    with monkeypatch.context() as patch:
        patch.setattr(world.service.keys, "report_leak", broken)
        await world.report(issued.plaintext)
        for pause in action.PAUSES:
            (waiting,) = await world.waiting()
            assert (waiting.trouble, waiting.due is None) == ("it cannot work", False)
            now = (waiting.due or 0) + pause
            await worker.empty()
    (waiting,) = await world.waiting()
    assert waiting.due is None
    assert f"the leak of key {issued.record.key_id} was not acted on: revoke it by hand" in caplog.text
    assert 86_400 < sum(action.PAUSES) < 2 * 86_400
    world.outbox.resend(action.QUEUE, now)
    await worker.empty()
    assert await world.status(issued) is Status.REVOKED


@pytest.mark.parametrize("ends", [False, True], ids=["for a quarter of an hour", "until the service stops"])
async def test_what_was_not_stored_is_logged_and_done_by_a_repeat(
    world: World, ends: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log names each key to revoke; the same report, sent again, is acted on. A stop tries once more."""
    keys = [await world.issue() for _ in range(2)]
    texts = [each.plaintext for each in keys]
    tried: list[str] = []

    async def down(text: str) -> Any:
        tried.append(text)
        raise StoreError("canary-7c0e")

    async def pause(_: float) -> None:
        if ends:
            world.service.errands._ending.set()

    with monkeypatch.context() as patch:
        patch.setattr(world.service.keys, "identify", down)
        patch.setattr(world.service.errands, "pause", pause)
        await world.report(*texts)
    assert len(tried) == 1 + (1 if ends else github.ATTEMPTS)
    for each in keys:
        assert f"the leak of key {each.record.key_id} was not acted on: revoke it by hand" in caplog.text
    assert "canary" not in caplog.text
    world.service.errands._ending.clear()
    await world.report(*texts)
    assert [await world.status(each) for each in keys] == [Status.REVOKED] * 2


async def test_a_stop_that_cannot_wait_leaves_the_report_stored(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that hangs at the stop: the next start goes on."""
    issued = await world.issue()

    async def hang(*_: Any, **__: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(world.service.keys, "report_leak", hang)
    await world.send(body_of(issued.plaintext))
    await asyncio.sleep(0)
    await world.service.errands.finish(0.01)
    assert len(await world.waiting()) == 1


def test_a_store_without_an_outbox_is_refused() -> None:
    """The service does not start with an endpoint that could lose a report."""
    service = gate.service(MemoryStore())
    service.keys.outbox = None
    with pytest.raises(ConfigurationError, match="the store has no outbox for leaks"):
        github_leaks(service, LeakSettings())


async def test_too_many_reports_are_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 asks GitHub to send the report again."""
    issued, answered = await world.issue(), asyncio.Event()
    for _ in range(MOST):
        world.service.errands.start(_wait(answered), "test")
    answer = await world.send(body_of(issued.plaintext))
    assert (answer.status, answer.headers["retry-after"]) == (503, "60")
    answered.set()
    await world.acted()
    await world.report(issued.plaintext)
    assert await world.status(issued) is Status.REVOKED


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


async def test_a_forged_key_with_our_locator_changes_nothing(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Anyone can compute a checksum; the secret decides, and the real key works on."""
    issued = await world.issue(prefix="sk", environment="live")
    forged = world.service.keys._parts.format.mint("sk", "live", issued.record.key_id)
    with caplog.at_level(logging.INFO):
        await world.report(forged)
    assert await world.service.keys.check(issued.plaintext, scope=NO_SCOPE, fresh=True)
    assert await world.kinds(issued) == ["issued"]
    assert f"a reported text with the locator {issued.record.key_id} is not a key" in caplog.text


async def test_no_key_is_in_a_log_or_an_answer(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither of good reports, nor of refused ones, nor where the action fails; nor in the history."""
    caplog.set_level(logging.DEBUG)
    issued = await world.issue()
    text, secret = issued.plaintext, issued.plaintext[-41:-9]
    place = json.dumps([{"token": text, "type": f"x{text}", "url": f"https://example.org/{text}", "source": text}])
    unsigned = await world.client("POST", PATH, body=body_of(text))
    answers = [unsigned, await world.send(place.encode()), await world.send(f'[{{"token": "{text}"'.encode())]
    await world.acted()

    async def broken(*args: Any, **_: Any) -> Any:
        raise RuntimeError(f"no {args} {text}")

    monkeypatch.setattr(world.service.keys, "report_leak", broken)
    answers.append(await world.report(text))
    assert [answer.status for answer in answers] == [401, 200, 400, 200]
    told = [caplog.text, *map(repr, answers), repr(await world.service.keys.events(issued.record.key_id))]
    told.append(repr(await world.waiting()))
    assert "leak report failed: RuntimeError" in caplog.text
    assert [secret in each for each in told] == [False] * len(told)
    assert text[:40] not in "".join(told)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_other_methods_are_refused(world: World, method: str) -> None:
    """405 names the method."""
    answer = await world.client(method, PATH)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("settings", [None, LeakSettings()])
async def test_the_endpoint_is_off_unless_configured(settings: LeakSettings | None) -> None:
    """Without `[server.leaks]` there is no such path; with it, an unsigned report is refused and counted."""
    service = gate.service(MemoryStore(), leaks=settings)
    client = Client(build(service))
    answer = await client("POST", PATH, body=b"[]")
    assert answer.status == (404 if settings is None else 401)
    figures = (await client("GET", "/metrics")).body.decode()
    assert ('operation="reportLeaks",status="401"' in figures) == (settings is not None)


async def test_a_beginning_and_an_end_are_not_its_own(world: World) -> None:
    """Connections other than requests are left to the service."""
    done: Any = world.client.app({"type": "lifespan"}, None, None)
    assert await done is None


def test_a_report_has_up_to_a_thousand_findings() -> None:
    """One more is refused as a whole."""
    finding = {"token": "a", "type": "t", "url": "https://example.org"}
    assert MOST_FINDINGS == 1000
    assert len(read_findings(json.dumps([finding] * 1000).encode())) == 1000
    with pytest.raises(Problem, match="at most 1000 findings"):
        read_findings(json.dumps([finding] * 1001).encode())


def test_a_kind_is_repeated_up_to_its_longest() -> None:
    """100 characters of it."""
    (finding,) = read_findings(json.dumps([{"token": "a", "type": "t" * 101}]).encode())
    assert finding.kind == "t" * 100
