"""Signals at chosen moments: what runs is cut short, or entered again, before one instruction after another.

Python runs a signal's handler in the main thread, and only where the interpreter looks for it: after a call, at a jump
back, and at the start of a function. `MOMENTS` are these. `EVERYWHERE` is each instruction, except for those that
begin to leave a ``with`` block, and those that compilers since 3.12 put outside of the block around them: there the
interpreter never looks, and nothing written in Python could be safe.
"""

from __future__ import annotations

import dis
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from itertools import count
from typing import TYPE_CHECKING, Any, Literal

import pytest
from tests.frames import SOURCE, is_ours

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, FrameType
    from typing import TypeAlias

    Places: TypeAlias = Literal["moments", "everywhere"]

_LOOKS = ("CALL", "JUMP_BACKWARD", "POP_JUMP_BACKWARD", "RESUME")
"""How the names of the instructions begin behind which CPython looks for signals (``CHECK_EVAL_BREAKER``)."""

_LOOKS_AHEAD = sys.version_info >= (3, 13)
"""Whether CPython looks for signals ahead of a jump back, not behind it: its place may have another handler."""

_NEVER_GUARDED = ("POP_JUMP_IF", "NOT_TAKEN", "CALL_INTRINSIC_1", "RERAISE")
"""How the names of the instructions begin which CPython 3.12 and later may leave without the handler around them: parts
of a conditional jump, and what turns a StopIteration in a generator into another error."""

_TEST_KIT = SOURCE + os.sep + "testing" + os.sep

_EXITS = (["PRECALL", "CALL"], ["CALL"])
"""What calls ``__exit__`` with three times None: in CPython 3.11, and since 3.12."""


CUT: pytest.MarkDecorator = pytest.mark.parametrize("places", ["moments", "everywhere"])
"""Both kinds of places, one after the other."""


class CutShortError(BaseException):
    """What a handler raises: a soft time limit, a Ctrl-C."""


@cache
def _names(code: CodeType) -> dict[int, str]:
    return {step.offset: step.opname for step in dis.get_instructions(code)}


@cache
def _guards(code: CodeType) -> tuple[tuple[int, int, int], ...]:
    """The spans of offsets that have a handler of errors, and where each handler begins."""
    entries: Any = dis.Bytecode(code)
    return tuple((entry.start, entry.end, entry.target) for entry in entries.exception_entries)


def _guard(code: CodeType, offset: int) -> int | None:
    """The handler of what is raised at an offset."""
    return next((target for start, end, target in _guards(code) if start <= offset < end), None)


def _looks(name: str) -> bool:
    return name.startswith(_LOOKS) and not name.startswith("CALL_INTRINSIC")


def _calls(steps: list[dis.Instruction], exit_: list[str]) -> bool:
    """Whether instructions begin with three times None, and then call ``__exit__`` in this way."""
    names = [step.opname for step in steps[: 3 + len(exit_)]]
    return names == ["LOAD_CONST"] * 3 + exit_ and all(step.argval is None for step in steps[:3])


@cache
def _leaving(code: CodeType) -> frozenset[int]:
    """The offsets of the instructions that leave a ``with`` block up to the call of ``__exit__``."""
    steps = list(dis.get_instructions(code))
    found: set[int] = set()
    for place, step in enumerate(steps):
        ahead = next((steps[place : place + 3 + len(exit_)] for exit_ in _EXITS if _calls(steps[place:], exit_)), [])
        if ahead:
            found.update(each.offset for each in ahead)
            while place and steps[place - 1].opname in {"SWAP", "NOP", "POP_TOP"}:
                place -= 1  # noqa: PLW2901 - what stands between the body and these
                found.add(steps[place].offset)
            found.add(step.offset)
    return frozenset(found)


@cache
def _places(code: CodeType, places: Places) -> dict[tuple[int, int], bool]:
    """What is known of the pairs of an instruction and the next one: whether the second is a place."""
    return {}


def _is_place(code: CodeType, last: int, offset: int, places: Places) -> bool:
    """Whether an instruction is a place when it comes after another one, or first in its frame, after -1."""
    if places == "everywhere":
        is_left_out = _names(code)[offset].startswith(_NEVER_GUARDED) and _guard(code, offset) is None
        return not is_left_out and offset not in _leaving(code)
    if _LOOKS_AHEAD and _names(code)[offset].startswith("JUMP_BACKWARD"):
        return True
    if last < 0 or not _looks(_names(code)[last]):
        return False
    # What is raised behind an instruction belongs to its handler, and is raised here at the next one.
    return _guard(code, last) == _guard(code, offset)


def _is_traced(filename: str) -> bool:
    """Whether a file belongs to the package and not to its test kit, whose locks no handler may meet."""
    return is_ours(filename) and not filename.startswith(_TEST_KIT)


class _Injector:
    def __init__(self, place: int, places: Places, then: Callable[[], None]) -> None:
        self.seen = 0
        self._place = place
        self._places: Places = places
        self._then = then

    def enter(self, frame: FrameType, event: str, _: Any) -> Any:
        code, last = frame.f_code, -1
        if event != "call" or not _is_traced(code.co_filename):
            return None
        known = _places(code, self._places)

        def step(frame: FrameType, event: str, _: Any) -> Any:
            nonlocal last
            if event == "opcode":
                pair = (last, frame.f_lasti)
                last = pair[1]
                if pair not in known:
                    known[pair] = _is_place(code, *pair, self._places)
                if known[pair]:
                    self._pass()
            return step

        frame.f_trace = step  # before the next line, which since 3.12 asks for instructions only if this is set
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return step

    def _pass(self) -> None:
        self.seen += 1
        if self.seen == self._place:
            sys.settrace(None)  # the rest is as fast as without a tracer
            self._then()


def run(act: Callable[[], object], place: int, places: Places, then: Callable[[], None]) -> int:
    """Do something, and ``then`` something else at one place of it; the number of places that were passed.

    It runs within a generator, which has a stack of handled errors of its own. What is cut short while it leaves an
    ``except`` block, where CPython never looks for signals, would otherwise be the context of every later error.
    """
    injector = _Injector(place, places, then)
    before = sys.gettrace()

    def within() -> Iterator[None]:
        sys._getframe().f_trace_opcodes = True  # on CPython 3.12, `settrace` first looks whether a frame asks for them
        sys.settrace(injector.enter)
        try:
            act()
        finally:
            sys.settrace(before)
        yield

    next(within())
    return injector.seen


def cut_short() -> None:
    """What the handler of a soft time limit does."""
    raise CutShortError


def at_each_place(
    prepare: Callable[[], Any],
    act: Callable[[Any], object],
    then: Callable[[Any], None] | None,
    judge: Callable[[Any, bool], None],
    places: Places,
) -> int:
    """Cut something short, or enter it again, at each of its places in turn, each time on a world of its own.

    Args:
        prepare: Makes a world.
        act: What is done in it.
        then: What a handler does in it that returns; None for one that raises.
        judge: Looks at the world afterwards; is told whether ``act`` came to its end.
        places: Where.

    Returns:
        How many places there were.
    """
    for place in count(1):
        world = prepare()
        handler = cut_short if then is None else partial(then, world)
        ended = True
        try:
            passed = run(partial(act, world), place, places, handler)
        except CutShortError:
            ended, passed = False, place
        judge(world, ended)
        if passed < place:
            return place - 1
    raise AssertionError


def elsewhere(act: Callable[[], Any]) -> Any:
    """What another thread is answered, which would wait for a lock that is held for good."""
    with ThreadPoolExecutor(1) as another:
        asked = another.submit(act)
        try:
            return asked.result(30)
        except TimeoutError:
            pytest.exit("a lock is held for good")  # the thread would never end


def tell(record_property: Callable[[str, object], None], what: str, count: int) -> None:
    """Have the number of signals stand at the end of the run, in the sum of its section."""
    assert count > 0
    record_property("signals", f"{what}: {count}")
