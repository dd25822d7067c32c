# SPDX-License-Identifier: Apache-2.0
"""What `--json` prints and what the explorer answers, read off from real runs; and the dump formats that are read."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from xsavvy import api
from xsavvy.cli.main import main
from xsavvy.cpuid.dump import FORMATS

from .markdown import code, plain, table

__all__ = ["RUNS", "answers_block", "files_block", "objects_block"]

RUNS: dict[str, str] = {
    "check": "check pkru-xinuse --kernel v6.18 --platform sapphire-rapids",
    "trace": "trace pkru-xinuse --kernel v6.18 --platform sapphire-rapids",
    "run": "run pkru-without-pke",
    "report": "report pkru-xinuse --kernel v6.18 --platform genoa -o report.html",
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
        lines += _fields(_printed(words))
    return "\n".join(lines)


def answers_block() -> str:
    """Return a section for each question to an explorer: the paths of its answer, their types, an example."""
    lines: list[str] = []
    for name, answer in _answered():
        lines += [f"### Explorer.{name}" if name != "search" else "### Searches.look", ""]
        lines += [f"A `{type(answer).__name__}`:", "", *_fields(msgspec.to_builtins(answer))]
    return "\n".join(lines)


def _answered() -> Iterator[tuple[str, object]]:
    """Give what an explorer answers about a few steps of a small scenario, on two kernels."""
    explorer = api.Explorer(api.WorldAddress("pkru-xinuse", "v6.18"), platform="sapphire-rapids")
    here, there = explorer.begin, api.WorldAddress("pkru-xinuse", "v6.19", "sapphire-rapids")
    yield "catalog", explorer.catalog()
    yield "world", explorer.world(here)
    with api.Searches(explorer) as searches:
        job = searches.begin(here, witness="guest_has_its_own_pkru")
        searches.wait(job)
        news = searches.look(job)
    assert news is not None
    assert news.path
    yield "walk", explorer.walk(here, news.path)
    yield "lockstep", explorer.lockstep(here, there, news.path)
    yield "search", news


def _fields(whole: dict[str, Any]) -> Iterator[str]:
    rows = ((code(path), kind, code(value)) for path, kind, value in _shape(whole))
    yield from table(("field", "type", "for example"), rows)
    yield ""


def _printed(words: str) -> dict[str, Any]:
    """Run a command in this process and read its object; a page that it writes is thrown away."""
    out = io.StringIO()
    with (
        TemporaryDirectory() as folder,
        redirect_stdout(out),
        redirect_stderr(io.StringIO()),
    ):
        arguments = [
            str(Path(folder, each)) if each.endswith(".html") else each for each in words.split()
        ]
        try:
            main([*arguments, "--json"])
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


FREE = frozenset(
    {"choices", "set", "changes", "arguments", "details", "events", "idle"}
    | {"answers", "groups", "lanes", "usual", "values"}
)
WALKS = frozenset({"left", "right"})
"""What is told elsewhere: each is a whole WalkAnswer."""


def _is_free(path: str) -> bool:
    """Say whether an object's keys are names of the model, and not fields; or fields that another table has."""
    return path.rpartition(".")[2] in FREE or path in WALKS


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
