# SPDX-License-Identifier: Apache-2.0
"""Make one page of several files: style sheets, modules of JavaScript and data, all inline.

A page is one file that can be mailed and archived. Its Content-Security-Policy names the one script that may run by
its hash and allows no request at all, so that neither a mistake here nor a name from a hostile file can load anything.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from posixpath import dirname, normpath

import msgspec

__all__ = ["BrokenModule", "json_text", "modules", "policy", "resource", "styles"]

_IMPORT = re.compile(r'import \{ ([\w$, ]+) \} from "(\.\.?/[\w/-]+\.js)";')
_DECLARED = re.compile(
    r"(?:export )?(?:async )?(?:function\*?|const|let|class) ([\w$]+)", re.MULTILINE
)
_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


class BrokenModule(Exception):
    """Modules that cannot be put together: `file: what is wrong`."""


@cache
def resource(name: str) -> str:
    """Return the text of a file that comes with the pages, by its name in this folder."""
    return files(__package__).joinpath(*name.split("/")).read_text(encoding="utf-8")


def styles(names: Sequence[str]) -> str:
    """Return style sheets as one, in the order given."""
    return "\n".join(resource(name) for name in names)


@cache
def modules(entry: str) -> str:
    """Return a module and all that it imports as one, each after those that it imports.

    Modules import each other by `import { a, b } from "./x.js";` (or "../x.js"), on one line each, and declare what
    they export where it stands. Names at the top level of all modules must differ. Raises BrokenModule.
    """
    order = list(dict.fromkeys(_ordered(entry, ())))
    declared: dict[str, str] = {}
    for name in order:
        for found in _declarations(resource(name)):
            if found in declared:
                raise BrokenModule(f"{name}: {found!r} is declared in {declared[found]} too")
            declared[found] = name
    return "\n".join(_stripped(name) for name in order)


def json_text(value: object) -> str:
    r"""Return a value as JSON that may stand inside <script>: no character of it can end the element.

    >>> json_text({"name": "</script>"})
    '{"name":"\\u003c/script\\u003e"}'
    """
    return msgspec.json.encode(value).decode("utf-8").translate(_ESCAPES)


def policy(script: str, *, connect: bool = False) -> str:
    """Return the Content-Security-Policy of a page with one script; with `connect` it may ask its own server.

    >>> policy("1")
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; script-src ..."
    """
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode()
    rules = [
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        f"script-src 'sha256-{digest}'",
    ]
    return "; ".join([*rules, "connect-src 'self'"] if connect else rules)


def _ordered(name: str, above: tuple[str, ...]) -> Iterator[str]:
    if name in above:
        raise BrokenModule(f"{name}: imports itself by way of {', '.join(above)}")
    for line in resource(name).splitlines():
        if line.startswith("import"):
            yield from _ordered(_imported(name, line), (*above, name))
    yield name


def _imported(name: str, line: str) -> str:
    found = _IMPORT.fullmatch(line)
    if found is None:
        raise BrokenModule(f'{name}: {line!r}: expected import {{ a, b }} from "./x.js";')
    target = normpath(f"{dirname(name)}/{found[2]}" if dirname(name) else found[2])
    known = set(_declarations(resource(target), exported=True))
    for wanted in found[1].split(","):
        if wanted.strip() not in known:
            raise BrokenModule(f"{name}: {target} exports no {wanted.strip()!r}")
    return target


def _declarations(text: str, *, exported: bool = False) -> Iterator[str]:
    for line in text.splitlines():
        found = _DECLARED.match(line)
        if found is None and line.startswith("export"):
            raise BrokenModule(f"{line!r}: expected export function, const, let or class")
        if found and (line.startswith("export ") or not exported):
            yield found[1]


def _stripped(name: str) -> str:
    kept = [line for line in resource(name).splitlines() if not line.startswith("import")]
    return "\n".join(line.removeprefix("export ") for line in kept) + "\n"
