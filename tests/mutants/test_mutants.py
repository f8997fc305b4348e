"""The mutator and the lists beside it: small faults are made, put in and counted, and a list that is old is said."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from tests.mutants import campaign
from tests.mutants.campaign import Score, count, disordered, played, sample
from tests.mutants.choice import SAMPLE, in_turn, ordered, parsed
from tests.mutants.equivalent import EQUIVALENT, Equivalent, unused
from tests.mutants.graft import difference, graft, living
from tests.mutants.near import NEAR, near
from tests.mutants.operators import compiled, mutants
from tests.mutants.pinned import FAULTS, Fault
from tests.mutants.stage import Reach, Spot
from tests.mutants.trial import TREE, End, Trial
from tests.packaging.purity import PACKAGE

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("x = a < b", ["a <= b", "a >= b"]),
        ("x = a is None", ["a is not None"]),
        ("x = a and b", ["a or b"]),
        ("x = not a", ["a"]),
        ("x = a + b", ["a - b"]),
        ("x = 'a' + b", []),
        ("x = f'{1 + 2}'", []),
        ("x = 1", ["2"]),
        ("x = True", ["False"]),
        ("x = min(a, b)", ["max(a, b)"]),
        ("x += a", ["x -= a"]),
        ("if a: x = b", ["not a"]),
        ("x = b if a else c", ["not a"]),
        ("forget(a)", ["pass"]),
        ("def f():\n    raise E(f'{a}')", ["pass"]),
        ("def f():\n    return a", ["return"]),
        ("def f():\n    return 1", ["2"]),
        ("for a in b:\n    continue", ["break"]),
        ("for a in b:\n    break", ["continue"]),
        ("'''A docstring.'''", []),
        ("assert a is not None", []),
        ("__all__ = [1]", []),
        ("x: Literal[1] = a", []),
        ("def f(a: Literal[1]) -> Literal[2]: ...", []),
        ("@cache(1)\ndef f(): ...", []),
        ("TYPE_CHECKING = False\nif TYPE_CHECKING:\n    x = 1", []),
        ("x = 1  # pragma: no cover", []),
    ],
)
def test_each_small_fault_is_made(text: str, becomes: list[str]) -> None:
    """Operators, conditions, numbers and statements; never what decides nothing."""
    found = mutants(text)
    assert [mutant.becomes for mutant in found] == becomes
    for mutant in found:
        compiled(text, mutant.place, "module.py")


def test_a_fault_is_put_where_it_was_found() -> None:
    """By its place, also beside a line that is passed over; the rest of the module stays."""
    text = "first = 1  # pragma: no cover\ndef more(a):\n    return a + 1"
    name, number = mutants(text)[1:]
    assert (name.becomes, number.becomes, number.line, number.within) == ("a - 1", "2", 3, "more")
    for mutant, expected in ((name, 4), (number, 7)):
        module: dict[str, object] = {}
        exec(compiled(text, mutant.place, "module.py"), module)
        more = module["more"]
        assert callable(more)
        assert (module["first"], more(5)) == (1, expected)


TESTS = """
from secretsource._ground import suggest

def test_a_word():
    assert suggest.nearest("tll", ["ttl"]) == "ttl"

def test_that_may_hang():
    while getattr(suggest, "HANGS", False) or suggest.meant("a", ["b"]):
        pass
"""
PROGRAM = """
import sys
from pathlib import Path
from tests.mutants.trial import Trial, outcomes, prepare

path = Path("src/secretsource/_ground/suggest.py")
changes = {"killed": "nearest = lambda *_: None", "alive": "", "late": "HANGS = True"}
code = {title: compile(path.read_text() + more, str(path), "exec") for title, more in changes.items()}
prepare()
name = "secretsource._ground.suggest"
seconds = {"late": 3.0}
trials = [Trial(title, name, code.get(title), sys.argv[1:], seconds.get(title, 60.0)) for title in ("nothing", *code)]
for trial, end in outcomes(trials, 2, bool):
    print(trial.title, end.name)
"""


ACT = """
import sys
from pathlib import Path
from tests.mutants import trial
from tests.mutants.trial import Act, Trial, outcomes, prepare

path = Path("src/secretsource/_ground/suggest.py")
changes = {
    "found": ("return folded[near[0]] if near else None", "return None"),
    "hangs": ('return "" if near is None', 'return "x" if near is None'),
    "unseen": ("known = tuple(known)", "known = ()"),
    "imported": ("LONGEST = 100", "LONGEST = 1"),
}
name, tests, lines = "secretsource._ground.suggest", sys.argv[1:], (1, 100)
codes = {
    title: compile(path.read_text().replace(*change), str(path.resolve()), "exec", dont_inherit=True)
    for title, change in changes.items()
}
decided = trial._decided


def noted(act, report):
    found = decided(act, report)
    print("staged", *(each.title for each, _ in found[0]))
    return found


trial._decided = noted
prepare()
act = Act(Trial("nothing", name, None, tests, 60.0), [Trial(*each, tests, 60.0, lines) for each in (
    (title, name, code) for title, code in codes.items()
)])
for each, end in outcomes([act], 2, bool):
    print(each.title, end.name)
"""


def printed(program: str, folder: Path) -> list[list[str]]:
    """Run a program beside two tests, and return the words of each line that it prints."""
    tests = folder / "test_word.py"
    tests.write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-c", program, str(tests)], cwd=TREE, capture_output=True, text=True, timeout=100, check=True,
        env={**os.environ, "PYTHONPATH": str(TREE)},
    )  # fmt: skip
    return [line.split() for line in done.stdout.splitlines()]


def test_a_trial_says_what_became_of_its_fault(tmp_path: Path) -> None:
    """A test fails, or none does, or one does not end; without a fault all of them pass."""
    ends = dict(printed(PROGRAM, tmp_path))
    assert ends == {"nothing": "ALIVE", "killed": "KILLED", "alive": "ALIVE", "late": "LATE"}


def test_a_stage_leaves_to_a_trial_what_it_does_not_find(tmp_path: Path) -> None:
    """It finds faults in functions; a fault of the import, and one that no test finds, have a trial of their own."""
    staged, *ends = printed(ACT, tmp_path)
    assert staged == ["staged", "nothing", "found", "hangs"]
    assert dict(ends) == {
        "nothing": "ALIVE", "found": "KILLED", "hangs": "LATE", "unseen": "ALIVE", "imported": "KILLED",
    }  # fmt: skip


MODULE = """
LIMIT = 1
def first(a=1):
    def inner():
        return a + 1
    return inner()
class Room:
    size = 2
    def second(self):
        return 3
"""


@pytest.mark.parametrize(
    ("was", "becomes", "changed"),
    [
        ("a + 1", "a - 1", ["first"]),
        ("return 3", "return 4", ["Room.second"]),
        ("return inner()", "return 5", ["first"]),
        ("LIMIT = 1", "LIMIT = 2", None),
        ("a=1", "a=2", None),
        ("size = 2", "size = 3", None),
    ],
)
def test_a_difference_of_functions_can_be_grafted(was: str, becomes: str, changed: list[str] | None) -> None:
    """The functions of a module and of its classes; never what runs at its import, defaults among it."""
    old, new = (compile(text, "m", "exec", dont_inherit=True) for text in (MODULE, MODULE.replace(was, becomes)))
    found = difference(old, new)
    assert (None if found is None else [before.co_qualname for before, _ in found]) == changed


def test_a_graft_changes_functions_that_are_loaded() -> None:
    """Each that has the code, and what the module remembers of their results is forgotten."""
    module = ModuleType("grafted")
    text = "from functools import cache\n@cache\ndef number():\n    return 1\n"
    exec(compile(text, "a file of this test", "exec"), vars(module))
    assert module.number() == 1
    ((old, new),) = (
        difference(
            *(compile(each, "a file of this test", "exec") for each in (text, text.replace("return 1", "return 2")))
        )
        or []
    )
    graft(module, [(function, new) for function in living("a file of this test")[old]])
    assert module.number() == 2


def test_a_function_that_is_frozen_is_living() -> None:
    """The tests freeze all that they import, and a fault is put into it as into anything else."""
    module = ModuleType("frozen")
    exec(compile("def number():\n    return 1\n", "a frozen file of this test", "exec"), vars(module))
    gc.freeze()
    assert list(living("a frozen file of this test").values()) == [[module.number]]


def test_the_tests_that_reach_a_fault_are_those_of_its_lines() -> None:
    """From its first line to its last."""
    code = compile("", "m", "exec")
    reach = Reach({1: [0], 2: [1, 2], 3: [2], 5: [3]}, [0.1] * 4)
    assert reach.of(Spot(code, 2, 3)) == {1, 2}
    assert reach.of(Spot(code, 4, 4)) == set()


def test_the_lists_fit_the_code() -> None:
    """Every pure module has tests near to it, which are there; every entry and every pinned fault fits its module."""
    assert disordered() == []
    assert [test for module in NEAR for test in near(module) if not (TREE / test).is_file()] == []
    for fault in FAULTS:
        module, text = fault.put(PACKAGE)
        assert text != (PACKAGE / module).read_text()
        compile(text, module, "exec", dont_inherit=True)
        assert (TREE / fault.test.partition("::")[0]).is_file()
    assert all(entry.why for entry in EQUIVALENT)


def test_a_pinned_fault_that_fits_no_more_is_said(tmp_path: Path) -> None:
    """Its piece has to be there once, in one module of the folder."""
    fault = Fault("a title", "room", "a < b", "a <= b", "a test")
    (tmp_path / "room").mkdir()
    module, other = tmp_path / "room" / "module.py", tmp_path / "room" / "other.py"
    other.write_text("x = 1")
    module.write_text("x = a < b")
    assert (
        fault.put(tmp_path) == fault._replace(place="room/module.py").put(tmp_path) == ("room/module.py", "x = a <= b")
    )
    for text in ("x = a > b", "a < b < a < b"):
        module.write_text(text)
        with pytest.raises(ValueError, match="a title"):
            fault.put(tmp_path)
    module.write_text("x = a < b")
    other.write_text("x = a < b")
    with pytest.raises(ValueError, match="2 modules"):
        fault.put(tmp_path)


def test_an_entry_that_fits_no_fault_is_said() -> None:
    """Of its own module, function and words."""
    there = mutants("def f(a):\n    return a + 1")
    fits = Equivalent("module.py", "f", "1", "2", "why")
    others = [fits._replace(within="g"), fits._replace(was="3"), fits._replace(becomes="3"), fits._replace(on="a - 1")]
    assert unused([fits._replace(on="a + 1")], "module.py", there) == []
    assert unused([fits, *others, fits._replace(module="other.py", was="3")], "module.py", there) == others


def test_changed_lines_come_first() -> None:
    """The new lines of a diff; then everything else, in an order that the commit decides."""
    diff = (
        "--- a/src/secretsource/_ground/suggest.py\n+++ b/src/secretsource/_ground/suggest.py\n"
        "@@ -1,2 +3 @@ f\n+++counter\n@@ -9 +10,2 @@ g\n+x\n+y\n@@ -20 +21,0 @@ h\n-z\n"
        "--- a/src/secretsource/old.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
    )
    assert parsed(diff) == {"_ground/suggest.py": {3, 10, 11}}
    names = [f"module{number}.py" for number in range(20)]
    turns = [in_turn(names, {"module7.py": {1}}, seed) for seed in ("one", "one", "another")]
    assert turns[0] == turns[1] != turns[2]
    assert [turn[0] for turn in turns] == ["module7.py"] * 3
    faults = mutants("\n".join(f"x = {number}" for number in range(20)))
    first = [ordered(faults, {5, 6}, seed) for seed in ("one", "one", "another")]
    assert first[0] == first[1] != first[2]
    assert all({mutant.line for mutant in order[:2]} == {5, 6} for order in first)


def test_a_sample_is_some_of_each_module_and_every_changed_line() -> None:
    """And begins with the tests near to it without a fault."""
    (some,) = sample(["_ground/suggest.py"], {}, "a commit")
    assert (some.plain.code, some.plain.tests, len(some.trials)) == (None, near("_ground/suggest.py"), SAMPLE)
    (every,) = sample(["_ground/suggest.py"], {"_ground/suggest.py": frozenset(range(1000))}, "a commit")
    assert len(every.trials) == count(["_ground/suggest.py"]) > SAMPLE


def test_a_score_counts_and_says_what_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that fail without a fault say nothing of faults."""
    code = compile("", "module.py", "exec")
    ended = [
        (Trial(title, module, None if title == module else code, ()), end)
        for module, ends in {
            "good": {"good": End.ALIVE, "one": End.ALIVE, "two": End.KILLED, "three": End.LATE},
            "broken": {"broken": End.KILLED, "four": End.KILLED},
            "slow": {"slow": End.LATE, "five": End.LATE},
        }.items()
        for title, end in ends.items()
    ]
    monkeypatch.setattr(campaign, "outcomes", lambda *_: iter(ended))
    score = played([], 1)
    assert score == Score(2, 1, ["one"], ["broken"], ["slow"])
    assert str(score) == "3 tried, 2 killed (1 by the time), 1 alive: 66.7 %"
    assert Score(0, 0, [], [], []).share == 100.0
