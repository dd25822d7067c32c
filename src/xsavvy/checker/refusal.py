# SPDX-License-Identifier: Apache-2.0
"""What the dialect has not, and what to write instead."""

from __future__ import annotations

import ast

INSTEAD: dict[type[ast.AST], str] = {
    ast.While: "a while loop is not allowed; write `for x in range(constant)`",
    ast.Try: "try is not allowed; test with if before",
    ast.With: "with is not allowed; write plain statements",
    ast.Raise: "raise is not allowed; return an outcome",
    ast.Assert: "assert is not allowed; make it a Property",
    ast.Delete: "del is not allowed; assign 0",
    ast.Global: "global is not allowed; write a field of the record",
    ast.Nonlocal: "nonlocal is not allowed; write a field of the record",
    ast.Import: "import is not allowed here; import at the top of the module",
    ast.ImportFrom: "import is not allowed here; import at the top of the module",
    ast.FunctionDef: "a function inside is not allowed; define it at module level",
    ast.ClassDef: "a class inside is not allowed; define it at module level",
    ast.Break: "break is not allowed; return early from a function of its own",
    ast.Continue: "continue is not allowed; write if around the rest",
    ast.AnnAssign: "an annotated variable is not allowed; write `name = value`",
    ast.Match: "match is not allowed; write if and elif",
    ast.ListComp: "a comprehension is not allowed; write a for loop",
    ast.SetComp: "a comprehension is not allowed; write a for loop",
    ast.DictComp: "a comprehension is not allowed; write a for loop",
    ast.GeneratorExp: "a comprehension is not allowed; write a for loop",
    ast.Lambda: "lambda is not allowed; write a def",
    ast.JoinedStr: "a string is not allowed; use an integer or an IntEnum member",
    ast.NamedExpr: "`:=` is not allowed; assign before",
    ast.Dict: "a dict is not allowed; write if and elif",
    ast.List: "a list is not allowed; write separate variables",
    ast.Set: "a set is not allowed; write a bit mask",
    ast.Tuple: "a tuple is not allowed here; loop over a constant tuple, or use two variables",
    ast.Await: "await is not allowed",
    ast.Yield: "yield is not allowed; return a value",
}
OPERATOR: dict[type[ast.AST], str] = {
    ast.FloorDiv: "// is not allowed; shift with >>",
    ast.Div: "/ is not allowed; shift with >>",
    ast.Mod: "% is not allowed; mask with &",
    ast.Pow: "** is not allowed; shift with <<",
    ast.MatMult: "@ is not allowed",
    ast.UAdd: "unary + is not allowed; leave it out",
    ast.In: "in is not allowed; write comparisons joined by or",
    ast.NotIn: "not in is not allowed; write comparisons joined by and",
    ast.Is: "is is not allowed; write ==",
    ast.IsNot: "is not is not allowed; write !=",
}
