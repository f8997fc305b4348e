"""Loops in a block that must end: a signal that raises while one turns round may leave a lock taken, see `loops`."""

from __future__ import annotations

import signal
import sys
import threading
from itertools import repeat
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any

import pytest
from tests.packaging.loops import turning, uncovered
from tests.signals import CutShortError, cut_short

import secretsource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOURCE = Path(secretsource.__file__).parent
TEXTS = {str(path.relative_to(SOURCE)): path.read_text(encoding="utf-8") for path in sorted(SOURCE.rglob("*.py"))}
ADVICE = "put the loop into a function of its own, and call that in the block: see tests/packaging/loops.py"

ALWAYS_COVERED: tuple[int, ...] = ()
LOOPS = {
    "while until: pass": (13,),
    "while True:\n    if not until:\n        break": ALWAYS_COVERED,
    "for _ in many: pass": ALWAYS_COVERED,
    "for _ in many:\n    if not until:\n        break": (13,),
    "for _ in many:\n    if until:\n        continue\n    break": ALWAYS_COVERED,
    "for _ in many:\n    assert until": (13,),
    "for _ in many:\n    match until:\n        case None: break": (13,),
    "for _ in many:\n    try: until[0]\n    except IndexError: break": ALWAYS_COVERED,
    "for _ in many:\n    with another: pass": ALWAYS_COVERED,
    "for _ in until:\n    while until: pass": (12, 13),
    "for _ in until:\n    for _ in many: pass": ALWAYS_COVERED,
    "[0 for _ in many if not until]": (13,),
    "{0 for _ in many if not until}": (13,),
    "{0: 0 for _ in many if not until}": (13,),
    "{0 for _ in many}": ALWAYS_COVERED,
    "any(not until for _ in many if until)": ALWAYS_COVERED,
    "turn(until)": ALWAYS_COVERED,
}
"""Loops without an end, and the minor versions of Python 3 on which an error of a signal passes the block by."""

BLOCKS = {
    "with": "with lock:\n    begin()\n{}",
    "finally": "lock.acquire()\ntry:\n    begin()\n{}\nfinally:\n    lock.release()",
    "each error": "lock.acquire()\ntry:\n    begin()\n{}\nexcept BaseException:\n    lock.release()\n    raise",
}


def test_no_loop_turns_on_a_condition_in_a_block_that_must_end() -> None:
    """In no module, whichever Python it will run on."""
    assert {name: lines for name, text in TEXTS.items() if (lines := turning(text))} == {}, ADVICE


def test_no_jump_is_left_out_of_a_block_that_must_end() -> None:
    """The same, asked of the compiler at hand."""
    assert {name: lines for name, text in TEXTS.items() if (lines := uncovered(text))} == {}, ADVICE


def turn(until: object) -> None:
    """Turn round on a condition, in a function of its own."""
    while until:
        pass


@pytest.fixture
def begin() -> Iterator[Callable[[], object]]:
    """Have a signal raise after a hundredth of a second of work, so that nothing but the loop can be at work then."""
    before = signal.signal(signal.SIGVTALRM, lambda *_: cut_short())
    yield lambda: signal.setitimer(signal.ITIMER_VIRTUAL, 0.01)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.signal(signal.SIGVTALRM, before)


@pytest.mark.timeout(60, method="thread")  # the test sets a timer of the system itself
@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("loop", LOOPS)
def test_a_lock_is_left_taken_where_the_compiler_leaves_a_jump_out(
    loop: str, block: str, begin: Callable[[], object]
) -> None:
    """By a real signal; and the text alone tells in which loops that may happen, on any Python."""
    act = "def act(lock, until, many, another):\n" + indent(BLOCKS[block].format(indent(loop, "    ")), "    ")
    lock, world = threading.Lock(), dict[str, Any](begin=begin, turn=turn)
    exec(act, world)
    with pytest.raises(CutShortError):
        world["act"](lock, [0], repeat(None), threading.Lock())
    assert lock.locked() == bool(uncovered(act))
    assert bool(turning(act)) == bool(LOOPS[loop])
    if sys.version_info < (3, 14):
        assert lock.locked() == (sys.version_info.minor in LOOPS[loop])


@pytest.mark.parametrize(
    "text",
    [
        "with lock:\n    each = lambda: [x for x in y if x]",
        "with lock:\n    def each():\n        while x: pass",
        "try:\n    while x: pass\nexcept ValueError: pass",
        "while x:\n    with lock: pass",
        "with lock:\n    for x in y: pass\n    if x: pass",
    ],
)
def test_a_loop_elsewhere_may_turn_on_a_condition(text: str) -> None:
    """In another frame, around the block, or in a block that lets the error pass anyway."""
    assert turning(text) == uncovered(text) == []
