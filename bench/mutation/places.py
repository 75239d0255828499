"""Every small change that can be made to a module, as texts put in the place of texts."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

TEXT = "text"
_FLIPPED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.Mult,
}
_CALLS = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list"}


@dataclass(frozen=True)
class Mutant:
    """One change to a module: the bytes from `start` to `end` become `new`."""

    kind: str
    line: int
    start: int
    end: int
    new: str

    def applied(self, source: bytes) -> bytes:
        """Return the module with this change."""
        return source[: self.start] + self.new.encode() + source[self.end :]


def mutants(source: bytes) -> list[Mutant]:
    """Return every change to a module, in the order of its text; none to annotations, decorators and docstrings."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def mutant(kind: str, node: ast.expr | ast.stmt, new: str) -> Mutant:
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        return Mutant(kind, node.lineno, start, end, new)

    tree = ast.parse(source)
    changes = set()
    for node, in_branch in _nodes(tree, False):
        if isinstance(node, ast.expr | ast.stmt):
            changes |= {mutant(kind, node, new) for kind, new in _changes(node, in_branch)}
        if test := _asked(node):
            changes |= {mutant("condition", test, new) for new in ("False", _text(_not(test)))}
            if not isinstance(node, ast.While):  # it would never end
                changes.add(mutant("condition", test, "True"))
    return sorted(changes, key=lambda one: (one.start, one.end, one.kind, one.new))


def _nodes(node: ast.AST, in_branch: bool) -> Iterator[tuple[ast.AST, bool]]:
    """Yield what may be changed below a node, and whether it is inside a branch of a function."""
    yield node, in_branch
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_params") or isinstance(node, ast.JoinedStr):
            continue  # positions inside an f-string are those of the whole text
        branch = in_branch or (isinstance(node, ast.If | ast.For | ast.While | ast.match_case | ast.ExceptHandler))
        below = value if isinstance(value, list) else [value]
        for child in below:
            is_slice = isinstance(node, ast.Subscript) and name == "slice" and isinstance(child, ast.Tuple)
            if isinstance(child, ast.AST) and not is_slice and not _is_docstring(child):
                yield from _nodes(child, branch)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _changes(node: ast.AST, in_branch: bool) -> Iterator[tuple[str, str]]:
    """Yield kind and new text of each change of one node."""
    match node:
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            for other in _FLIPPED.get(type(op), ()):
                yield "comparison", _text(ast.Compare(left, [other()], [right]))
        case ast.BoolOp(op=op, values=values):
            swapped = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield "and/or", _text(ast.BoolOp(swapped, values))
            for number in range(len(values)):
                rest = [*values[:number], *values[number + 1 :]]
                yield "operand", _text(ast.BoolOp(op, rest) if len(rest) > 1 else rest[0])
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "not", _text(operand)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield from (("condition", _text(one)) for one in (body, orelse, ast.IfExp(_not(test), body, orelse)))
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, ast.BitOr | ast.BitAnd):
            yield from (("one side", _text(one)) for one in (left, right))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            yield "arithmetic", _text(ast.BinOp(left, _ARITHMETIC[type(op)](), right))
        case ast.Constant(value=bool() as value):
            yield "constant", str(not value)
        case ast.Constant(value=int() as value):
            yield from (("constant", f"({other})") for other in (value + 1, value - 1))
        case ast.Constant(value=str() as value) if value:
            yield TEXT, "''"
        case ast.Call():
            yield from _of_call(node)
        case ast.Dict(keys=keys, values=values):
            for number in range(len(values)):
                rest = [*values[:number], *values[number + 1 :]]
                yield "member", _text(ast.Dict([*keys[:number], *keys[number + 1 :]], rest))
        case ast.List(elts=elts) | ast.Tuple(elts=elts) | ast.Set(elts=elts) if _is_read(node):
            for number in range(len(elts)):
                rest = [*elts[:number], *elts[number + 1 :]]
                yield "member", "frozenset()" if isinstance(node, ast.Set) and not rest else _text(_like(node, rest))
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            yield from _of_comprehension(node)
        case ast.Return() | ast.Raise() | ast.Continue() | ast.Break() if in_branch:
            yield "removed", "pass"
        case ast.AugAssign() | ast.Expr(value=ast.Call()):
            yield "removed", "pass"


def _of_call(node: ast.Call) -> Iterator[tuple[str, str]]:
    if isinstance(node.func, ast.Name) and node.func.id in _CALLS and len(node.args) == 1:
        keywords = node.keywords if _CALLS[node.func.id] != "list" else []
        yield "call", _text(ast.Call(ast.Name(_CALLS[node.func.id]), node.args, keywords))
    elif isinstance(node.func, ast.Name) and node.func.id in ("min", "max"):
        yield "call", _text(ast.Call(ast.Name(_CALLS[node.func.id]), node.args, node.keywords))
    for number in range(len(node.keywords)):
        yield "keyword", _text(ast.Call(node.func, node.args, [*node.keywords[:number], *node.keywords[number + 1 :]]))


def _of_comprehension(node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Iterator[tuple[str, str]]:
    for place, generator in enumerate(node.generators):
        for number, test in enumerate(generator.ifs):
            for new in ([], [_not(test)]):
                ifs = [*generator.ifs[:number], *new, *generator.ifs[number + 1 :]]
                own = ast.comprehension(generator.target, generator.iter, ifs, generator.is_async)
                generators = [*node.generators[:place], own, *node.generators[place + 1 :]]
                if isinstance(node, ast.DictComp):
                    yield "filter", _text(ast.DictComp(node.key, node.value, generators))
                else:
                    yield "filter", _text(type(node)(node.elt, generators))


def _asked(node: ast.AST) -> ast.expr | None:
    """Return what a statement asks before it goes on."""
    if isinstance(node, ast.If | ast.While):
        return node.test
    return node.guard if isinstance(node, ast.match_case) else None


def _is_read(node: ast.List | ast.Tuple | ast.Set) -> bool:
    return isinstance(getattr(node, "ctx", ast.Load()), ast.Load)


def _like(node: ast.List | ast.Tuple | ast.Set, elts: list[ast.expr]) -> ast.expr:
    return ast.Set(elts) if isinstance(node, ast.Set) else type(node)(elts, ast.Load())


def _not(test: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), test)


def _text(node: ast.expr) -> str:
    """Return an expression in brackets: it may stand where another one bound tighter, over several lines."""
    text = ast.unparse(ast.fix_missing_locations(node))
    return text if isinstance(node, ast.GeneratorExp) else f"({text})"
