# SPDX-License-Identifier: Apache-2.0
"""Write functions of the kernel dialect in LLVM's language.

The dialect is Python without objects: functions of unsigned 64-bit numbers with assignments,
`if`, `while`, `for i in range(...)`, arithmetic, comparisons, calls of one another and of the
primitives. Names outside a function are constants. Locals are stack slots here; LLVM makes
registers of them.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable, Mapping

from xsavvy.checker.error import EngineError
from xsavvy.checker.native.primitive import DECLARATIONS, INSTRUCTIONS

Function = Callable[..., int]

_BINARY = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.BitAnd: "and",
    ast.BitOr: "or",
    ast.BitXor: "xor",
    ast.LShift: "shl",
    ast.RShift: "lshr",
}
_COMPARE = {
    ast.Eq: "eq",
    ast.NotEq: "ne",
    ast.Lt: "ult",
    ast.LtE: "ule",
    ast.Gt: "ugt",
    ast.GtE: "uge",
}


def lower(
    entries: Iterable[Function], prefix: str = "", constants: Mapping[str, int] | None = None
) -> str:
    """Write the module of some functions and of all that they call.

    `prefix` is put before each name; `constants` replaces outer names of that name. What is
    not an entry is private and inlined unless it is marked `cold`. Raises EngineError at what
    the dialect does not have.
    """
    module = _Module(prefix, constants or {})
    names = [module.need(entry, True) for entry in entries]
    assert len(set(names)) == len(names)
    while module.waiting:
        function, public = module.waiting.pop()
        module.texts.append(_Writer(module, function, public).text())
    return DECLARATIONS + "\n".join(module.texts)


class _Module:
    """What is still to be written, and under which names."""

    def __init__(self, prefix: str, constants: Mapping[str, int]) -> None:
        self.prefix = prefix
        self.constants = constants
        self.known: dict[Function, str] = {}
        self.waiting: list[tuple[Function, bool]] = []
        self.texts: list[str] = []

    def need(self, function: Function, public: bool = False) -> str:
        if function not in self.known:
            self.known[function] = f"@{self.prefix}{function.__name__}"
            self.waiting.append((function, public))
        return self.known[function]


class _Writer:
    """Writes one function, statement by statement."""

    def __init__(self, module: _Module, function: Function, public: bool) -> None:
        self.module = module
        self.function = function
        self.public = public
        (node,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
        assert isinstance(node, ast.FunctionDef)
        self.node = node
        self.lines: list[str] = []
        self.count = 0
        self.open = True  # the block that is being written has no terminator yet
        self.loops: list[tuple[str, str]] = []  # where `continue` and `break` go
        self.locals = [argument.arg for argument in node.args.args]

    def text(self) -> str:
        arguments = list(self.locals)
        for item in ast.walk(self.node):
            if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store):
                self.locals.append(item.id)
        self.body(self.node.body)
        if self.open:
            self.end("ret i64 0")
        cold = getattr(self.function, "cold", False)
        scope = "" if self.public else "internal "
        manner = "cold noinline" if cold else "" if self.public else "alwaysinline"
        head = ", ".join(f"i64 %in.{name}" for name in arguments)
        name = self.module.need(self.function)
        slots = [f"%{name} = alloca i64, align 8" for name in dict.fromkeys(self.locals)]
        slots += [f"store i64 %in.{name}, ptr %{name}, align 8" for name in arguments]
        lines = "\n".join([*slots, *self.lines])
        return f"define {scope}i64 {name}({head}) nounwind {manner} {{\n{lines}\n}}\n"

    def fresh(self) -> int:
        self.count += 1
        return self.count

    def say(self, line: str) -> None:
        self.lines.append(line)

    def end(self, line: str) -> None:
        """Close the block; what follows unlabelled cannot be reached, and is not written."""
        if self.open:
            self.say(line)
        self.open = False

    def label(self, name: str) -> None:
        self.end(f"br label %{name}")
        self.say(f"{name}:")
        self.open = True

    def wrong(self, node: ast.AST) -> EngineError:
        where = f"{self.function.__module__}.{self.function.__name__}"
        return EngineError(f"{where}: not in the kernel dialect: {ast.unparse(node)}")

    # statements

    def body(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            if self.open:
                self.statement(statement)

    def statement(self, node: ast.stmt) -> None:
        if isinstance(node, ast.If):
            self.choose(node)
        elif isinstance(node, ast.While) and not node.orelse:
            self.repeat(node)
        elif isinstance(node, ast.For) and not node.orelse:
            self.count_up(node)
        elif isinstance(node, ast.Return) and node.value is not None:
            self.end(f"ret i64 {self.value(node.value)}")
        elif isinstance(node, ast.Break | ast.Continue):
            self.end(f"br label %{self.loops[-1][isinstance(node, ast.Break)]}")
        elif isinstance(node, ast.Expr):
            if not isinstance(node.value, ast.Constant):  # a docstring
                self.value(node.value)
        elif not self.assigned(node):
            raise self.wrong(node)

    def assigned(self, node: ast.stmt) -> bool:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, value = node.targets[0], node.value
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            old = ast.Name(node.target.id, ast.Load())
            target, value = node.target, ast.BinOp(old, node.op, node.value)
        else:
            return False
        if not isinstance(target, ast.Name):
            return False
        self.put(target.id, self.value(value))
        return True

    def put(self, name: str, value: str) -> None:
        self.say(f"store i64 {value}, ptr %{name}, align 8")

    def choose(self, node: ast.If) -> None:
        t = self.fresh()
        self.test(node.test, f"then{t}", f"else{t}")
        self.label(f"then{t}")
        self.body(node.body)
        self.end(f"br label %after{t}")
        self.label(f"else{t}")
        self.body(node.orelse)
        self.label(f"after{t}")

    def repeat(self, node: ast.While) -> None:
        t = self.fresh()
        self.label(f"loop{t}")
        self.test(node.test, f"do{t}", f"done{t}")
        self.inside(node.body, t, f"loop{t}")
        self.end(f"br label %loop{t}")
        self.label(f"done{t}")

    def inside(self, body: list[ast.stmt], t: int, again: str) -> None:
        """Write the body of a loop; `continue` goes to `again`."""
        self.label(f"do{t}")
        self.loops.append((again, f"done{t}"))
        self.body(body)
        self.loops.pop()

    def count_up(self, node: ast.For) -> None:
        call = node.iter
        if not (
            isinstance(node.target, ast.Name)
            and isinstance(call, ast.Call)
            and isinstance(call.func, ast.Name)
            and call.func.id == "range"
            and len(call.args) in {1, 2}
        ):
            raise self.wrong(node)
        t, name = self.fresh(), node.target.id
        first = self.value(call.args[0]) if len(call.args) == 2 else "0"
        last = self.value(call.args[-1])
        self.put(name, first)
        self.label(f"loop{t}")
        self.say(f"%now{t} = load i64, ptr %{name}, align 8")
        self.say(f"%more{t} = icmp ult i64 %now{t}, {last}")
        self.end(f"br i1 %more{t}, label %do{t}, label %done{t}")
        # `continue` has to count as well, so the counting is a block of its own.
        self.inside(node.body, t, f"next{t}")
        self.label(f"next{t}")
        self.say(f"%old{t} = load i64, ptr %{name}, align 8")
        self.say(f"%new{t} = add i64 %old{t}, 1")
        self.put(name, f"%new{t}")
        self.end(f"br label %loop{t}")
        self.label(f"done{t}")

    # expressions

    def test(self, node: ast.expr, yes: str, no: str) -> None:
        """Jump to one of two labels."""
        if isinstance(node, ast.BoolOp):
            both = isinstance(node.op, ast.And)
            for part in node.values[:-1]:
                following = f"and{self.fresh()}"
                self.test(part, *((following, no) if both else (yes, following)))
                self.label(following)
            self.test(node.values[-1], yes, no)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self.test(node.operand, no, yes)
        else:
            self.end(f"br i1 {self.truth(node)}, label %{yes}, label %{no}")

    def truth(self, node: ast.expr) -> str:
        if isinstance(node, ast.Constant) and node.value is True:
            return "true"
        if not isinstance(node, ast.Compare):
            return self.named(f"icmp ne i64 {self.value(node)}, 0")
        if len(node.ops) != 1 or type(node.ops[0]) not in _COMPARE:
            raise self.wrong(node)
        left, right = self.value(node.left), self.value(node.comparators[0])
        return self.named(f"icmp {_COMPARE[type(node.ops[0])]} i64 {left}, {right}")

    def named(self, instruction: str) -> str:
        name = f"%v{self.fresh()}"
        self.say(f"{name} = {instruction}")
        return name

    def value(self, node: ast.expr) -> str:
        if isinstance(node, ast.Constant) and type(node.value) is int:
            return str(node.value)
        if isinstance(node, ast.Name):
            return self.name(node)
        if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
            left, right = self.value(node.left), self.value(node.right)
            return self.named(f"{_BINARY[type(node.op)]} i64 {left}, {right}")
        if isinstance(node, ast.Compare):
            return self.named(f"zext i1 {self.truth(node)} to i64")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            return self.call(node, node.func.id)
        raise self.wrong(node)

    def name(self, node: ast.Name) -> str:
        if node.id in self.locals:
            return self.named(f"load i64, ptr %{node.id}, align 8")
        value = self.module.constants.get(node.id, self.outer(node.id))
        if type(value) is not int:
            raise self.wrong(node)
        return str(value)

    def outer(self, name: str) -> object:
        return getattr(inspect.unwrap(self.function), "__globals__", {}).get(name)

    def call(self, node: ast.Call, name: str) -> str:
        values = [self.value(argument) for argument in node.args]
        if name in INSTRUCTIONS:
            return self.primitive(name, values)
        if name == "call":
            address = self.named(f"inttoptr i64 {values[0]} to ptr")
            return self.named(f"call i64 {address}({_listed(values[1:])})")
        callee = self.outer(name)
        if not inspect.isfunction(callee):
            raise self.wrong(node)
        return self.named(f"call i64 {self.module.need(callee)}({_listed(values)})")

    def primitive(self, name: str, values: list[str]) -> str:
        form, t = INSTRUCTIONS[name], self.fresh()
        for line in form.format(*values, t=t, r=f"%v{t}").splitlines():
            self.say(line)
        return f"%v{t}" if "{r}" in form else "0"


def _listed(values: Iterable[str]) -> str:
    return ", ".join(f"i64 {value}" for value in values)
