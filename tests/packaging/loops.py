"""Loops from which CPython 3.12 and 3.13 may leave a ``with`` block without its end, as a lock that stays taken.

CPython looks for signals where a loop turns round: at the instruction that jumps back. If a loop turns round on a
condition, the compilers of these versions write that jump anew, outside of the block. What a signal's handler raises
there passes the block by: ``__exit__`` is not called, and ``finally`` does not run. CPython 3.13 raises at that jump;
3.12 raises before the instruction that it leads to, so only a loop at the begin of another one is open there. See
gh-130279 and gh-108214 of CPython. No text avoids gh-148874: 3.14 may leave a ``with`` right after it has begun.

A loop in a function of its own is safe, if the function is called in the block: the error comes out of the call, which
is an instruction of the block. So is a loop that turns round after a plain statement.

`turning` finds such loops in the text, for every Python; `uncovered` finds them in what the Python at hand compiles.
"""

from __future__ import annotations

import ast
import dis
import sys
from types import CodeType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["turning", "uncovered"]

_ELSEWHERE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.GeneratorExp)
"""What has a frame of its own."""

_PLAIN = (ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Delete, ast.Pass, ast.Break, ast.Return, ast.Raise)
"""Statements after which a loop turns round without a condition."""


def turning(text: str) -> list[int]:
    """Return the lines of loops that turn round on a condition, directly in a block that has something to end."""
    blocks = map(_guarded, ast.walk(ast.parse(text)))
    return sorted({loop.lineno for block in blocks for loop in _within(block) if _turns(loop)})


def uncovered(text: str) -> list[int]:
    """Return the lines at whose jumps back this Python raises past the end of the block around them."""
    return sorted({line for code in _codes(compile(text, "text", "exec")) for line in _exposed(code)})


def _guarded(node: ast.AST) -> list[ast.stmt]:
    """Return the statements of a block that has something to end, whatever is raised in it."""
    match node:
        case ast.With(body=body) | ast.AsyncWith(body=body):
            return body
        case ast.Try(finalbody=[_, *_]):
            return [*node.body, *(each for handler in node.handlers for each in handler.body), *node.orelse]
        case ast.Try() if any(_takes_all(handler) for handler in node.handlers):
            return node.body
        case _:
            return []


def _takes_all(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or "BaseException" in ast.unparse(handler.type)


def _within(nodes: Iterable[ast.AST]) -> Iterator[Any]:
    for node in nodes:
        if not isinstance(node, _ELSEWHERE):
            yield node
            yield from _within(ast.iter_child_nodes(node))


def _turns(node: ast.AST) -> bool:
    """Whether this is a loop that may turn round on a condition."""
    match node:
        case ast.While(test=test):
            return not isinstance(test, ast.Constant)
        case ast.For(body=body) | ast.AsyncFor(body=body):
            return not _is_plain(body[-1])
        case ast.ListComp(generators=parts) | ast.SetComp(generators=parts) | ast.DictComp(generators=parts):
            return any(part.ifs for part in parts)
        case _:
            return False


def _is_plain(last: ast.stmt) -> bool:
    match last:
        case ast.With(body=body) | ast.AsyncWith(body=body) | ast.For(body=body, orelse=[]):
            return _is_plain(body[-1])
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=finalbody):
            blocks = [body, *(handler.body for handler in handlers), orelse, finalbody]
            return all(_is_plain(block[-1]) for block in blocks if block)
        case _:
            return isinstance(last, _PLAIN)


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _exposed(code: CodeType) -> Iterator[int]:
    entries: Any = dis.Bytecode(code)
    spans = [(entry.start, entry.end, entry.target) for entry in entries.exception_entries]
    steps = list(dis.get_instructions(code))
    body = 0  # the last place whose handlers are those of the text
    for step in steps:
        if not step.opname.startswith(("POP_JUMP", "JUMP_BACKWARD", "NOT_TAKEN")):
            body = step.offset
        elif _looks(step.opname):
            raised_at = step.offset if sys.version_info >= (3, 13) else step.argval - 2
            around = _handlers(spans, body) & _handlers(spans, step.argval)
            if any(_takes_each_error(steps, place) for place in around - _handlers(spans, raised_at)):
                yield (step.positions and step.positions.lineno) or code.co_firstlineno


def _looks(name: str) -> bool:
    """Whether an instruction jumps back and looks for signals."""
    return "JUMP_BACKWARD" in name and "NO_INTERRUPT" not in name


def _handlers(spans: list[tuple[int, int, int]], offset: int) -> set[int]:
    """Return where the handlers of what is raised at an offset begin: the nearest, and those around it."""
    nearest = next((target for start, end, target in spans if start <= offset < end), None)
    return set() if nearest is None else {nearest} | _handlers(spans, nearest)


def _takes_each_error(steps: list[dis.Instruction], handler: int) -> bool:
    """Whether a handler is that of a ``with``, of a ``finally``, or of each error, and not what clears a stack."""
    names = [step for step in steps if step.offset >= handler]
    is_all = names[0].opname == "PUSH_EXC_INFO"
    for step in names:
        if step.opname.endswith("_MATCH"):
            return is_all and any(before.argval == "BaseException" for before in names[: names.index(step)])
        if step.opname in {"RERAISE", "POP_EXCEPT"}:
            break
    return is_all
