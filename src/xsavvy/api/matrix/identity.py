# SPDX-License-Identifier: Apache-2.0
"""Which model a job is about, and which code a worker runs, in one digest each.

Two jobs with one digest have the same rules, constants, starts and sentences, so one search answers both; a job
whose digest is not that of its kept result is searched again. What stands outside the functions of the
model changes no digest of a job; a comment inside one does.
"""

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import FunctionType

import xsavvy
from xsavvy.checker import System
from xsavvy.checker.native.identity import identity
from xsavvy.version import __version__

__all__ = ["code_identity", "model_identity"]

SPEAKING = ("cli", "report")
"""Rooms that only put answers into words."""


@cache
def code_identity() -> str:
    """Digest the version and every file of this package that an answer can depend on."""
    digest = hashlib.sha256(__version__.encode())
    root = Path(xsavvy.__file__).parent
    files = (path for path in root.rglob("*.py") if path.relative_to(root).parts[0] not in SPEAKING)
    for path in sorted(files):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def model_identity(scenario: str, system: System) -> str:
    """Digest everything that the answer about a bound system depends on."""
    digest = hashlib.sha256()
    for part in _parts(scenario, system):
        digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


def _parts(scenario: str, system: System) -> Iterator[str]:
    program = system.program
    yield f"{__version__} {scenario}"
    yield repr([(slot.name, slot.kind.describe()) for slot in system.shape.slots])
    yield repr(sorted(system.values.items()))
    yield repr(system.starts)
    for rule in system.rules:
        yield repr(
            (
                rule.name, rule.actor, rule.interrupted, rule.arguments, rule.slot,
                sorted(rule.locations), _function(rule.runs), _function(rule.when),
                rule.when_takes_values, _function(rule.effect), sorted(rule.to.items()),
                rule.otherwise, rule.moves, rule.source, rule.summary, rule.inferred,
            )
        )  # fmt: skip
    for each in program.properties:
        yield repr((each.name, each.sentence, each.source, _function(each.holds)))
    for late in program.eventualities:
        yield repr(
            (late.name, late.sentence, late.source, _function(late.when), _function(late.goal))
        )
    yield _function(program.terminal)


def _function(function: object) -> str:
    return identity(function) if isinstance(function, FunctionType) else repr(function)
