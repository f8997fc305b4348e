"""nginx keeps good answers for a moment: far fewer questions, and no key is accepted for longer than promised."""

from __future__ import annotations

import http.client
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.gateways.conftest import site_of
from tests.gateways.running import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.gateways.conftest import Site

CACHE = 2.0
"""Seconds for which an answer may be kept."""


LONG = 300.0
"""The same where no test waits for the end: an answer is still kept when a busy machine asks for it again."""
CACHED = next(kind for kind in KINDS if kind.name == "nginx-cached")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """nginx with its cache."""
    with site_of(CACHED, LONG) as made:
        yield made


@pytest.fixture
def hasty_site() -> Iterator[Site]:
    """nginx with a cache of two seconds."""
    with site_of(CACHED, CACHE) as made:
        yield made


class Crowd:
    """Clients that ask with some keys, one after the other, as fast as they are answered.

    Attributes:
        accepted: The beginning of the last accepted request of each key, on the monotonic clock.
        refused: The keys that were refused, with the number of refusals.
        requests: The number of requests.
    """

    def __init__(self, port: int, keys: list[str]) -> None:
        self._port, self._keys = port, keys
        self.accepted: dict[str, float] = {}
        self.refused: dict[str, int] = {}
        self.requests = 0
        self._lock = threading.Lock()

    def ask(self, meanwhile: Callable[[], object], clients: int = 4) -> None:
        """Ask until something else is done."""
        over = threading.Event()
        threads = [threading.Thread(target=self._ask, args=(over, first)) for first in range(clients)]
        for thread in threads:
            thread.start()
        try:
            meanwhile()
        finally:
            over.set()
            for thread in threads:
                thread.join()

    def _ask(self, over: threading.Event, turn: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        while not over.is_set():
            began = time.monotonic()
            key = self._keys[turn % len(self._keys)]
            turn += 1
            connection.request("GET", "/orders/7", headers={"Authorization": f"Bearer {key}"})
            answer = connection.getresponse()
            answer.read()
            with self._lock:
                self.requests += 1
                if answer.status == 200:
                    self.accepted[key] = max(began, self.accepted.get(key, began))
                else:
                    self.refused[key] = self.refused.get(key, 0) + 1
        connection.close()


def test_kept_answers_are_not_asked_for_and_end_in_time(hasty_site: Site, record_property: Any) -> None:
    """Ten keys ask all the time; one of them is revoked meanwhile, and refused within the time that is promised."""
    site, revoked, began = hasty_site, 0.0, time.monotonic()
    issued = [site.keys.issue() for _ in range(10)]
    crowd, before = Crowd(site.port, [each.plaintext for each in issued]), site.keys.questions()

    def revoke() -> None:
        nonlocal revoked
        time.sleep(1.5)
        while len(crowd.accepted) < len(issued):
            time.sleep(0.01)
        site.keys.revoke(issued[0].record.key_id)
        revoked = time.monotonic()
        while min(map(crowd.accepted.__getitem__, others)) <= revoked + CACHE or first not in crowd.refused:
            assert time.monotonic() < revoked + 60
            time.sleep(0.1)

    first, *others = [each.plaintext for each in issued]
    crowd.ask(revoke)
    seconds = time.monotonic() - began
    late = crowd.accepted[first] - revoked
    asked = site.keys.questions() - before - crowd.refused[first]
    assert late <= CACHE
    assert list(crowd.refused) == [first]
    accepted = crowd.requests - crowd.refused[first]
    assert accepted > 5 * asked
    record_property(
        "measured",
        f"nginx with cache=2: {crowd.requests / seconds:.0f} requests/s, {accepted / asked:.0f} x fewer questions, "
        f"a revoked key {max(late, 0.0):.2f} s late",
    )


def test_each_key_has_an_answer_of_its_own(site: Site) -> None:
    """Also in another header, and with a second key beside it; a wrong key is not taken for the one that was kept."""
    good, other = site.keys.issue(owner="acme").plaintext, site.keys.issue(owner="other").plaintext
    weak = site.keys.issue(scopes=["x"]).plaintext
    for _ in range(3):
        for key, owner in ((good, "acme"), (other, "other")):
            assert dict(site.ask(key).seen["headers"])["x-key-owner"] == owner
            assert dict(site.ask(None, headers=[("X-API-Key", key)]).seen["headers"])["x-key-owner"] == owner
        assert site.ask(f"{good}x").status == 401
        assert site.ask(None).status == 401
        assert site.ask(weak).status == 403
        assert site.ask(good, headers=[("X-API-Key", other)]).status == 400


def test_another_path_or_method_is_another_answer(site: Site) -> None:
    """A key that may read orders does not open what needs another scope; the query makes no difference."""
    good = site.keys.issue().plaintext
    assert site.ask(good, "/orders/7?a=1").status == 200
    before = site.keys.questions()
    assert [site.ask(good, f"/orders/7?a={n}").status for n in range(5)] == [200] * 5
    assert site.keys.questions() == before
    assert site.ask(good, "/admin/x").status == 403
    assert site.ask(good, method="POST", body=b"x").status == 200
    assert site.keys.questions() == before + 2


@pytest.mark.parametrize("request_", [{"rate_limit": "20/hour"}, {"networks": ["127.0.0.0/8"]}])
def test_keys_with_limits_or_networks_are_asked_for_each_time(site: Site, request_: dict[str, Any]) -> None:
    """So that each request counts, and each address is looked at."""
    key = site.keys.issue(**request_).plaintext
    before = site.keys.questions()
    assert [site.ask(key).status for _ in range(20)] == [200] * 20
    assert site.keys.questions() == before + 20
    assert site.ask(key).status == (429 if "rate_limit" in request_ else 200)


def test_no_key_is_in_the_files_of_the_cache(site: Site) -> None:
    """nginx writes the name under which it keeps an answer into a file."""
    key = site.keys.issue().plaintext
    assert site.ask(key).status == 200
    kept = [file for file in site.folder.glob("checks/**/*") if file.is_file()]
    assert kept
    assert not [file for file in kept if key.encode() in file.read_bytes()]
