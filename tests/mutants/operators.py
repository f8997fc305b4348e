"""The mutator: from the text of a module to each small fault that can be put into it. Pure.

A fault is an operator turned (``<`` to ``<=``, ``and`` to ``or``), a condition turned round, a number one greater, a
statement left out, or nothing returned. Texts are left alone, and so are annotations, decorators, assertions and what
an exception says.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

__all__ = ["Mutant", "compiled", "mutants"]

TURNED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
REPLACED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip
SWAPPED = {"min": "max", "max": "min", "any": "all", "all": "any"}
NAMED = {"TYPE_CHECKING", "__all__", "__slots__"}
"""What is assigned to these decides nothing."""
CONDITIONS = {"test", "ifs", "guard"}
UNREAD = "pragma: no cover"


class Mutant(NamedTuple):
    """One fault of one module.

    Attributes:
        line: Where it is.
        last: Its last line.
        within: The class and function that it is in, with dots; empty at the top of the module.
        was: The expression or statement, as `ast.unparse` writes it.
        becomes: What stands there instead.
        place: Which of the module's faults it is, from 0 on.
        on: The text of its line.
    """

    line: int
    last: int
    within: str
    was: str
    becomes: str
    place: int
    on: str


class _Spot(NamedTuple):
    parent: ast.AST
    field: str
    position: int | None
    node: ast.expr | ast.stmt
    within: str
    becomes: ast.expr | ast.stmt

    def put(self, node: ast.AST) -> None:
        if self.position is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.position] = node


def mutants(text: str) -> list[Mutant]:
    """Every fault that can be put into a module, in the order of its text."""
    lines = text.splitlines()
    return [
        Mutant(
            spot.node.lineno,
            spot.node.end_lineno or spot.node.lineno,
            spot.within,
            _written(spot.node),
            _written(spot.becomes),
            place,
            lines[spot.node.lineno - 1],
        )
        for place, spot in enumerate(_spots(ast.parse(text), ""))
        if UNREAD not in lines[spot.node.lineno - 1]
    ]


def compiled(text: str, place: int, filename: str) -> CodeType:
    """A module with one of its faults put in."""
    tree = ast.parse(text)
    spot = list(_spots(tree, ""))[place]
    spot.put(ast.copy_location(spot.becomes, spot.node))
    return compile(ast.fix_missing_locations(tree), filename, "exec", dont_inherit=True)


def _written(node: ast.AST) -> str:
    """A node on one line; of a statement with a body, its first line."""
    return ast.unparse(ast.fix_missing_locations(node)).partition("\n")[0]


def _spots(parent: ast.AST, within: str) -> Iterator[_Spot]:
    for field, index, node in _children(parent):
        if _is_passed_over(node):
            continue
        inside = within
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            inside = f"{within}.{node.name}".lstrip(".")
        if isinstance(node, ast.expr | ast.stmt):
            for becomes in _others(node, is_condition=field in CONDITIONS):
                yield _Spot(parent, field, index, node, within, becomes)
        if not isinstance(node, ast.Raise):  # what an exception says decides nothing
            yield from _spots(node, inside)


def _children(parent: ast.AST) -> Iterator[tuple[str, int | None, ast.AST]]:
    for field, value in ast.iter_fields(parent):
        if field in {"annotation", "returns", "decorator_list", "type_params", "bases"}:
            continue
        if isinstance(value, ast.AST):
            yield field, None, value
        elif isinstance(value, list):
            yield from ((field, index, node) for index, node in enumerate(value) if isinstance(node, ast.AST))


def _is_passed_over(node: ast.AST) -> bool:
    """Whether nothing in here decides anything: types, texts, names, and what is known to be so."""
    match node:
        case ast.If(test=ast.Name(id="TYPE_CHECKING")) | ast.Assert() | ast.JoinedStr():
            return True
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name in NAMED
        case _:
            return False


def _others(node: ast.expr | ast.stmt, *, is_condition: bool) -> Iterator[ast.expr | ast.stmt]:
    """What could stand in the place of a node by mistake."""
    yield from _other_expressions(node)
    yield from _other_statements(node)
    if is_condition and isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript | ast.NamedExpr):
        yield ast.UnaryOp(ast.Not(), node)


def _other_expressions(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.Compare(left, ops, comparators):
            for place, op in enumerate(ops):
                for turned in TURNED[type(op)]:
                    yield ast.Compare(left, [*ops[:place], turned(), *ops[place + 1 :]], comparators)
        case ast.BoolOp(op, values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield operand
        case ast.BinOp(left, op, right) if type(op) in REPLACED and not (_is_text(left) or _is_text(right)):
            yield ast.BinOp(left, REPLACED[type(op)](), right)
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield ast.Constant(value + 1)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords) if name in SWAPPED:
            yield ast.Call(ast.Name(SWAPPED[name], ast.Load()), args, keywords)
        case _:
            pass


def _other_statements(node: ast.AST) -> Iterator[ast.stmt]:
    match node:
        case ast.Expr(value=ast.Call() | ast.Await()) | ast.Raise():
            yield ast.Pass()
        case ast.Return(value=ast.Constant(value=None | bool() | int() | float())):
            pass  # the constant is another fault
        case ast.Return(value=ast.expr()):
            yield ast.Return(None)
        case ast.Continue():
            yield ast.Break()
        case ast.Break():
            yield ast.Continue()
        case ast.AugAssign(target, op, value) if type(op) in REPLACED and not _is_text(value):
            yield ast.AugAssign(target, REPLACED[type(op)](), value)
        case _:
            pass


def _is_text(node: ast.expr) -> bool:
    """Whether something is a text for certain, where an operator puts texts together."""
    match node:
        case ast.JoinedStr() | ast.Constant(value=str() | bytes()):
            return True
        case ast.BinOp(left=left, right=right):
            return _is_text(left) or _is_text(right)
        case _:
            return False
