"""The benchmarks measure what they say; how fast anything is, is not tested here."""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import sys
from typing import TYPE_CHECKING

import pytest
import requests
from benchmarks import __main__ as command
from benchmarks import (
    check,
    edge,
    extras,
    flush,
    frameworks,
    gates,
    growth,
    harness,
    herd,
    hit,
    hops,
    libraries,
    limits,
    lists,
    loops,
    many,
    memory,
    mint,
    pages,
    plans,
    providers,
    records,
    samples,
    scale,
    stall,
    start,
    steady,
    threads,
    usage,
)
from benchmarks import (
    command as command_line,
)
from benchmarks.harness import Figure, at_least, at_most, exactly
from benchmarks.replay import HttpReplay
from benchmarks.vendors import CASES
from tests.servers.relay import Reply, relay

if TYPE_CHECKING:
    from pathlib import Path


def by_name(figures: list[Figure]) -> dict[str, Figure]:
    assert len({figure.what for figure in figures}) == len(figures)
    return {figure.what: figure for figure in figures}


class TestHarness:
    """How figures are taken, judged and shown."""

    def test_cases_take_turns(self) -> None:
        """Each case is sampled once a round, and each round begins with another one, with the collector off."""
        order: list[str] = []
        ticks = itertools.count()

        def sample(name: str) -> float:
            order.append(name)
            assert not gc.isenabled()
            return float(next(ticks))

        samples_of = harness.interleave({"a": lambda: sample("a"), "b": lambda: sample("b")}, 3)
        assert order == ["a", "b", "b", "a", "a", "b"]
        assert samples_of == {"a": [0.0, 3.0, 4.0], "b": [1.0, 2.0, 5.0]}
        assert gc.isenabled()

    def test_a_ratio_is_taken_within_the_round(self) -> None:
        """A machine that is three times slower for a while changes no ratio."""
        assert harness.ratio([1.0, 3.0, 1.0], [2.0, 6.0, 2.0]) == 0.5

    def test_a_percentile_is_one_of_the_values(self) -> None:
        """The value that the given share of all values does not exceed."""
        values = [float(number) for number in range(1000)]
        assert harness.percentile(values, 0.999) == 999.0
        assert harness.percentile(values, 0.5) == 500.0
        assert harness.percentile([7.0], 1.0) == 7.0

    def test_a_call_is_timed(self) -> None:
        """More work takes more time, and the time is that of one call."""
        little = harness.per_call("sum(numbers)", {"numbers": range(10)}, 0.0005)
        much = harness.per_call("sum(numbers)", {"numbers": range(10_000)}, 0.0005)
        assert 0 < little() < much()

    def test_an_await_is_timed(self) -> None:
        """More work in a coroutine takes more time, and the time is that of one run."""

        async def summed(count: int) -> int:
            return sum(range(count))

        with asyncio.Runner() as runner:
            little = harness.per_await("await summed(10)", {"summed": summed}, 0.0005, runner.get_loop())
            much = harness.per_await("await summed(10_000)", {"summed": summed}, 0.0005, runner.get_loop())
            assert 0 < little() < much()

    @pytest.mark.parametrize(
        ("limit", "held", "broken"), [(at_most(0.5), 0.5, 0.51), (at_least(0.8), 0.8, 0.79), (exactly(1), 1, 2)]
    )
    def test_a_limit_is_kept_or_broken(self, limit: harness.Limit, held: float, broken: float) -> None:
        """The bound itself is allowed."""
        assert Figure("x", held, limit=limit).verdict == "PASS"
        assert Figure("x", broken, limit=limit).verdict == "FAIL"
        assert not Figure("x", broken).verdict

    def test_a_table_is_plain_text_in_columns(self) -> None:
        """Figure, limit and verdict stand below each other."""
        figures = [Figure("short", 0.4, "x", at_most(0.5)), Figure("a longer one", 1 / 400, "x", at_most(1 / 200))]
        assert harness.table("title", [*figures, Figure("time", 12.345, "ms")]).splitlines() == [
            "title",
            "  short           0.4 x  at most 0.5 x  PASS",
            "  a longer one    1/400  at most 1/200  PASS",
            "  time          12.3 ms",
        ]


class TestCommand:
    """``python -m benchmarks``."""

    @pytest.mark.parametrize(("value", "status"), [(0.5, 0), (1.5, 1)])
    def test_the_exit_status_tells_whether_the_limits_hold(
        self, value: float, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """0 when they do; 1 when one does not, which is then named last."""
        monkeypatch.setattr(memory, "measure", lambda: [Figure("the one", value, limit=at_most(1.0))])
        assert command.main(["memory"]) == status
        last = capsys.readouterr().out.splitlines()[-1]
        assert last == ("FAIL: the one" if status else "1 of 1 limits hold")

    def test_a_wrong_name_is_a_wrong_call(self, capsys: pytest.CaptureFixture[str]) -> None:
        """An unknown benchmark is refused before anything runs, and the known ones are named."""
        assert command.main(["hit", "hot"]) == 2
        out, err = capsys.readouterr()
        assert not out
        assert err == f"no benchmark is called hot: there are {', '.join(command.NAMES)}\n"

    def test_every_name_is_a_benchmark(self) -> None:
        """Each has a title and measures."""
        for name in command.NAMES:
            module = sys.modules[f"benchmarks.{name}"]
            assert module.TITLE.startswith(f"{name}: ")
            assert callable(module.measure)


class TestBenchmarks:
    """Each runs, with so few rounds that its times mean nothing; what it counts must be right all the same."""

    def test_hit(self) -> None:
        """All readers get the same value, and the provider is asked once."""
        figures = by_name(hit.measure(processes=1, rounds=1, seconds=0.0001))
        assert figures["calls that reached the provider"].verdict == "PASS"
        assert sum(figure.limit is not None for figure in figures.values()) == 9

    def test_many(self) -> None:
        """Fifty names are read by one call, and each is asked for once, however they are read after that."""
        figures = by_name(many.measure(rounds=1, seconds=0.0001))
        assert figures["calls that reached the provider"].verdict == "PASS"
        assert sum(figure.limit is not None for figure in figures.values()) == 4

    def test_hops(self) -> None:
        """A read makes no more calls than its limits say: counts are the same on every machine."""
        assert [figure.verdict for figure in hops.measure()] == ["PASS"] * 3

    def test_threads(self) -> None:
        """The reads of all threads are counted together."""
        figures = threads.measure(rounds=1, reads=400)
        assert all(figure.value > 0 for figure in figures)

    def test_start(self) -> None:
        """A new process is timed, and loads nothing that it should not."""
        figures = by_name(start.measure(rounds=1))
        assert figures["modules of an event loop, an SDK or a framework"].verdict == "PASS"
        assert figures["import and look-up"].value > 0

    def test_start_notices_what_is_loaded(self, tmp_path: Path) -> None:
        """An event loop in the new process would be seen."""
        assert "asyncio" in start.unwanted(set(start.start("import asyncio", str(tmp_path))["loaded"]))

    def test_command(self) -> None:
        """Each command ends well, and takes some time."""
        figures = by_name(command_line.measure(rounds=1))
        assert len(figures) == 7
        assert min(figure.value for figure in figures.values()) > 0

    def test_herd(self) -> None:
        """A herd gets its answers by one client, which makes one call for the cold and one for the expired name."""
        with herd.server() as (aws, calls):
            told = herd.run(aws, "herd", 8)
            assert calls.count == 2
            bare = herd.run(aws, "bare", 8)
            assert calls.count == 4
        assert (told["clients"], told["wrong"]) == (bare["clients"], bare["wrong"]) == (1, 0)
        assert all(seconds > 0 for seconds in told["seconds"].values())

    def test_stall(self) -> None:
        """Reads fall into the refresh, which is one call."""
        figures = by_name(stall.measure(rounds=1, delay=0.1))
        assert figures["calls to the provider for one refresh"].verdict == "PASS"
        assert figures["reads in all refreshes"].value > 8

    def test_memory(self) -> None:
        """A remembered secret takes more than its text, and less than a page."""
        traced = memory.in_new_process("traced", 200) / 200
        assert sys.getsizeof(samples.VALUE) < traced < 4096
        assert memory.in_new_process("resident", 200) >= 0

    def test_limits(self) -> None:
        """Every draw reaches a server, and two of them are judged against a GET."""
        figures = by_name(limits.measure(rounds=1, seconds=0.0005))
        assert figures["draws in Redis that failed"].verdict == "PASS"
        assert sum(figure.limit is not None for figure in figures.values()) == 6

    def test_edge(self) -> None:
        """Requests are let in, and each is counted with what it adds; the rows over HTTP ask a server each."""
        figures = by_name(edge.in_process(rounds=1, seconds=0.0005, requests_alone=100))
        assert sum(figure.limit is not None for figure in figures.values()) == 2
        assert all(figure.value > 0 for figure in figures.values() if figure.limit is None)

    @pytest.mark.parametrize("name", ["bare", "limit", "uncached, threads", "by hand, limit", "by hand, uncached"])
    def test_edge_server(self, name: str, tmp_path: Path) -> None:
        """An application in another process answers a request with its key, and says what it used."""
        with edge.server(name, tmp_path) as server:
            answer = requests.get(server.url, headers=dict(server.headers), timeout=10)
            assert (answer.status_code, answer.text) == (200, "ok")
            assert 0 < server._used() < 60

    @pytest.mark.parametrize("name", gates.SERVED)
    def test_gates_server(self, name: str, tmp_path: Path) -> None:
        """Each endpoint answers a request as wrk sends it, and says what it used."""
        with edge.server(name, tmp_path, "benchmarks.gates_server") as server:
            if "verify" in name:
                question = json.loads((tmp_path / f"{name}.db.body").read_text())
                answer = requests.post(server.url, json=question, headers=dict(server.headers), timeout=10)
                assert "bare" in name or answer.json()["accepted"]
            else:
                answer = requests.get(server.url, headers=dict(server.headers), timeout=10)
            assert answer.status_code == 200
            assert 0 < server._used() < 60

    @pytest.mark.parametrize("name", ["ASGI middleware", *gates.PEERS])
    def test_peers_server(self, name: str, tmp_path: Path) -> None:
        """Each application lets its key in, and no other."""
        with edge.server(name, tmp_path, "benchmarks.peers_server") as server:
            answer = requests.get(server.url, headers=dict(server.headers), timeout=30)
            assert answer.status_code == 200
            wrong = {key: f"{value[:-3]}xyz" for key, value in server.headers.items()}
            assert requests.get(server.url, headers=wrong, timeout=30).status_code in {401, 403, 500}

    def test_steady(self, tmp_path: Path) -> None:
        """The loop is late at times, the process has its memory, and every kind of request is answered."""
        with edge.server("steady", tmp_path, "benchmarks.steady_server") as server:
            managing = steady.Managing(server)
            with managing:
                for _ in range(5):
                    answer = requests.get(server.url, headers=dict(server.headers), timeout=10)
                    assert answer.headers["X-Key-Owner"] == "acme"
            stall, size = steady.said(server)
            assert 0 < stall < 60_000
            assert 20 < size < 1000
            assert managing.done >= 4

    def test_check(self) -> None:
        """Every check is accepted, but the forged one's, about which no store hears."""
        figures = by_name(check.measure(rounds=1, seconds=0.0005))
        assert figures["questions to the store about forged keys"].verdict == "PASS"
        assert sum(figure.limit is not None for figure in figures.values()) == 9

    def test_mint(self) -> None:
        """Keys are minted, and stored; each takes some room."""
        figures = by_name(mint.measure(rounds=1, seconds=0.0005, batches=1))
        assert figures["room on disk for each, with its event and all indexes"].value > 200

    def test_records(self) -> None:
        """Each record takes more than its key's identifier and hash; collecting many of them takes time."""
        figures = by_name(records.measure(300))
        assert 100 < figures["each of 300 records, as Python allocates it"].value < 4096
        assert figures["gc.collect() of them, here"].unit == "ms"

    def test_growth(self) -> None:
        """Keys are issued into a small and into a large store, and each of their keys has its event."""
        figures = by_name(growth.measure(sizes=(2000, 4000), rounds=1))
        assert figures["keys a second among 4,000 / among 2,000"].value > 0

    def test_scale(self) -> None:
        """Keys are found among few and among many; the larger table has the smaller one's number at least."""
        figures = by_name(scale.measure(sizes=(100, 6000), rounds=1, seconds=0.0005))
        assert figures["a check among 6,000 keys / among 100"].value > 0

    def test_lists(self) -> None:
        """Both databases give a page for everything that a list narrows by, and count their keys."""
        figures = by_name(lists.measure(sizes=(1000, 3000), rounds=1))
        assert sum(figure.limit == at_most(2) for figure in figures.values()) == 2 * (len(lists.LISTS) + 1)

    def test_pages(self) -> None:
        """Each view is asked for among many keys and among few; the sizes are those of a test."""
        figures = by_name(pages.measure(sizes=(100, 200), rounds=1))
        first_bytes = {name for name in figures if name.startswith("first byte of ")}
        assert len(first_bytes) == 2 * len(pages.PAGES)
        assert len(figures) - len(first_bytes) == 3 * len(pages.VIEWS)
        assert all(figure.value > 0 for figure in figures.values())

    def test_plans(self) -> None:
        """A change of a plan writes one row and its event in either database, however many keys there are."""
        figures = by_name(plans.measure(sizes=(1000, 3000), rounds=1))
        assert [figure.verdict for figure in figures.values() if figure.limit == exactly(1)] == ["PASS"] * 4
        assert sum(figure.limit == at_most(2) for figure in figures.values()) == 2

    def test_usage(self) -> None:
        """Both databases give the month of an owner, by day and by hour."""
        figures = by_name(usage.measure(rows=30_000, rounds=1))
        assert sum(figure.limit == at_most(50) for figure in figures.values()) == 2

    def test_loops(self) -> None:
        """Every check on a loop is accepted, by ours and by hand."""
        figures = by_name(loops.measure(rounds=1, checks=3))
        assert sum(figure.limit == at_most(1.3) for figure in figures.values()) == 3

    def test_flush(self) -> None:
        """Both databases take the uses of all keys."""
        figures = by_name(flush.measure(rounds=1, number=20))
        assert figures["PostgreSQL / SQLite"].value > 0

    def test_frameworks(self) -> None:
        """A dependency by hand and the other library of Django REST framework are measured beside ours."""
        figures = by_name(frameworks.measure(rounds=1, seconds=0.0001))
        judged = [figure for figure in figures.values() if figure.limit is not None]
        assert [figure.what.partition(":")[0] for figure in judged] == ["FastAPI", "DRF"]
        assert all(figure.value > 0 for figure in figures.values())

    def test_libraries(self) -> None:
        """Each library accepts the keys that it issued itself."""
        figures = by_name(libraries.measure(rounds=1, seconds=0.0005, slow_rounds=1))
        assert {figure.limit for figure in figures.values()} == {None, at_most(1)}

    @pytest.mark.parametrize("name", CASES)
    def test_providers(self, name: str) -> None:
        """Ours and the bare client get all secrets, with as many calls, one by one and at once."""
        figures = providers.in_new_process(name, 1, 0.001)
        sides = [name, f"{name}, async"] if CASES[name].abare else [name]
        assert len(figures) == 7 * len(sides)
        for side in sides:
            assert by_name(figures)[f"{side}: calls more or less than the bare client's"].verdict == "PASS"
            for what, limit in (("get", at_most(1.1)), ("50 at once", at_most(1.2))):
                away, near = [figure.limit for figure in figures if figure.what.startswith(f"{side}: {what}, ")][:2]
                assert (away, near) == (limit, None if (side, what) in providers.UNJUDGED else limit)

    def test_sources_on_this_machine(self) -> None:
        """The environment, a ``.env`` and a mounted file are read."""
        figures = by_name(list(providers.local(1, 0.001)))
        assert all(figure.value > 0 for figure in figures.values())
        assert figures["dotenv: get / dotenv_values"].limit is not None

    @pytest.mark.parametrize("name", CASES)
    def test_extras(self, name: str) -> None:
        """A new process loads one vendor's packages, and only when its provider is asked."""
        figures = by_name(extras.measure(1, [name]))
        assert figures[f"{name}: modules of other vendors"].verdict == "PASS"
        assert figures[f"{name}: modules of any vendor before it is asked"].verdict == "PASS"
        assert sum(figure.limit is not None for figure in figures.values()) == 4

    def test_extras_notice_what_is_loaded(self) -> None:
        """A package and what is in it would be seen; one whose name only begins alike is another."""
        loaded = ["boto3", "boto3.session", "boto3x", "google.authority", "google.auth.default"]
        assert extras.of({"boto3", "google.auth"}, loaded) == {"boto3", "boto3.session", "google.auth.default"}


class TestReplay:
    """The server that says again what the real one said."""

    def test_it_asks_once(self) -> None:
        """The same question gets the first answer, another one its own; all are counted."""
        with relay() as real:
            real.fault = lambda call: Reply(200, f"{call.path} {len(real.calls)}".encode())
            replay = HttpReplay(real.address)
            answers = [requests.get(f"http://127.0.0.1:{replay.port}/{path}", timeout=5).text for path in "aab"]
            assert answers == ["/a 1", "/a 1", "/b 2"]
            assert (replay.calls, len(real.calls)) == (3, 2)


def test_the_sample_is_as_long_as_it_says() -> None:
    """The value has 107 characters, and both names are equally long."""
    assert len(samples.VALUE) == 107
    assert len(samples.NAME) == len(samples.OTHER_NAME)


def test_a_quiet_environment_answers_nothing_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """What we, a vendor or the interpreter would listen to is left out; paths become absolute."""
    monkeypatch.setenv(samples.NAME, "x")
    monkeypatch.setenv("AWS_PROFILE", "x")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("PYTHONPATH", "src")
    monkeypatch.setenv("KEPT", "x")
    variables = samples.quiet_environment(ADDED="y")
    assert variables["KEPT"] == "x"
    assert variables["ADDED"] == "y"
    assert variables["PYTHONPATH"].endswith("src")
    assert variables["PYTHONPATH"] != "src"
    assert not {samples.NAME, "AWS_PROFILE", "PYTHONDONTWRITEBYTECODE"} & variables.keys()
