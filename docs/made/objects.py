# SPDX-License-Identifier: Apache-2.0
"""What `--json` prints, command by command, read off from real runs; and the dump formats that are read."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

from xsavvy.cli.main import main
from xsavvy.cpuid.dump import FORMATS

from .markdown import code, plain, table

__all__ = ["RUNS", "files_block", "objects_block"]

RUNS: dict[str, str] = {
    "check": "check pkru-xinuse --kernel v6.18 --platform sapphire-rapids",
    "trace": "trace pkru-xinuse --kernel v6.18 --platform sapphire-rapids",
    "run": "run pkru-without-pke",
    "gallery": "gallery xfd-bv-softirq",
    "diff": "diff v6.18 v6.18+b45f72177594",
    "cost": "cost xfd-toggle",
    "campaign": "campaign pkru-xinuse --kernel v6.18 --platform genoa",
    "export": "export pkru-xinuse --kernel v6.18 --platform genoa --to murphi",
    "list": "list components",
    "cpu": "cpu sapphire-rapids",
    "lint": "lint genoa-guest --kernel v6.17",
    "exposes": "exposes sapphire-rapids --kernel v6.18",
    "migrate": "migrate --from genoa@v5.16 --to genoa@v6.5 --guest avx",
    "baseline": "baseline sapphire-rapids ice-lake@v6.12",
    "fleet": "fleet genoa milan --kernel v6.18 --guest avx",
    "save-set": "save-set genoa --kernel v6.18",
    "conform": "conform --replay tests/live/captures/bochs-2.7.jsonl.gz",
}
"""One run for each command; every one takes a second or two."""

LONGEST = 60


def objects_block() -> str:
    """Return a section for each command: the paths of its object, their types, a value that a run printed."""
    lines: list[str] = []
    for name, words in RUNS.items():
        lines += [f"### xsavvy {name}", "", f"From `xsavvy {words} --json`:", ""]
        rows = ((code(path), kind, code(value)) for path, kind, value in _shape(_printed(words)))
        lines += [*table(("field", "type", "for example"), rows), ""]
    return "\n".join(lines)


def _printed(words: str) -> dict[str, Any]:
    """Run a command in this process and read its object."""
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        try:
            main([*words.split(), "--json"])
        except SystemExit as end:
            if end.code not in (0, 1):
                raise ValueError(f"xsavvy {words} --json: status {end.code}") from None
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def _shape(whole: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    rows: dict[str, tuple[str, str]] = {}
    _walk(whole, "", rows)
    for path, (kind, value) in rows.items():
        yield path, kind, value


def _walk(value: Any, path: str, rows: dict[str, tuple[str, str]]) -> None:
    """Note the type and the first telling value of everything inside; a free key is `NAME`."""
    if isinstance(value, dict) and not _is_free(path):
        for key, inner in value.items():
            _walk(inner, f"{path}.{key}" if path else key, rows)
    elif isinstance(value, list) and value and isinstance(value[0], dict | list):
        for inner in value:
            _walk(inner, f"{path}[]", rows)
    else:
        known = rows.get(path)
        if known is None or known[1] in ("", "null", "[]", "{}"):
            rows[path] = _kind(value), _short(value)


FREE = frozenset({"choices", "set", "changes", "arguments", "details", "events", "idle"})


def _is_free(path: str) -> bool:
    """Say whether an object's keys are names of the model, and not fields."""
    return path.rpartition(".")[2] in FREE


def _kind(value: Any) -> str:
    names = {bool: "true or false", int: "number", float: "number", str: "text", list: "list"}
    return "null" if value is None else names.get(type(value), "object")


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def files_block() -> str:
    """Return one row for each form of a CPUID dump, in the order in which they are tried."""
    rows = ((code(each.name), plain(each.title)) for each in FORMATS)
    return "\n".join(table(("`--from`", "what people call it"), rows))
