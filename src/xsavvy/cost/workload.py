# SPDX-License-Identifier: Apache-2.0
"""Workloads: guest programs that repeat something, with the question that they were written for.

    compare: xfd_intercept             # the choice, or the kernels, that they tell apart
    unit: 2 XFD writes                 # what one turn of the last `repeat` is
    judge: xfd-on-demand               # the scenario in which a choice must be safe
    asks: kernel_survives              # the properties that count; all of the scenario's if there is no such line

    repeat 1000:
        WRMSR IA32_XFD = 0
        WRMSR IA32_XFD = xtiledata

Each is a file beside this module, in the language of `xsavvy.model.programs`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from xsavvy.model.programs import BrokenProgram, GuestProgram, parse, read_program

__all__ = ["Workload", "load_workload", "workloads"]

_UNIT = re.compile(r"(\d+)\s+(\S.*)")


@dataclass(frozen=True)
class Workload:
    """A program and what it is for: `units` of `unit` are one turn of its last `repeat`."""

    program: GuestProgram
    units: int
    unit: str

    @property
    def name(self) -> str:
        """The name of its file, without the ending."""
        return self.program.name

    @property
    def compare(self) -> str:
        """The comparison that it was written for, as on the command line; empty if none."""
        name, _, values = (part.strip() for part in self.program.setting("compare").partition("="))
        return f"{name}={values.replace(' ', '')}" if values else name

    @property
    def judge(self) -> str:
        """The scenario that tells whether a choice is safe, empty if none does."""
        return self.program.setting("judge").partition("(")[0].strip()

    @property
    def asks(self) -> frozenset[str]:
        """The properties that its thread is about; none named means all of the scenario."""
        lines = (value for _, key, value in self.program.settings if key == "asks")
        return frozenset(word for line in lines for word in line.split())

    @property
    def judged_with(self) -> dict[str, str]:
        """The choices that the scenario needs beside: `judge: trace-xss (host_tracing=stopped_by_perf)`."""
        inner = self.program.setting("judge").partition("(")[2].rstrip(") ")
        pairs = (item.partition("=") for item in inner.split(",") if item.strip())
        return {name.strip(): value.strip() for name, _, value in pairs}


@cache
def workloads() -> dict[str, Workload]:
    """Return the workloads that come with xsavvy, by name.

    >>> workloads()["xfd-toggle"].units, workloads()["xfd-toggle"].unit
    (2, 'XFD writes')
    """
    folder = files("xsavvy.cost").joinpath("workloads")
    found = sorted(each.name for each in folder.iterdir() if each.name.endswith(".guest"))
    names = [name.removesuffix(".guest") for name in found]
    return {
        name: _workload(parse(folder.joinpath(f"{name}.guest").read_text(), name)) for name in names
    }


def load_workload(path: Path) -> Workload:
    """Read a workload from a file. Raises BrokenProgram."""
    return _workload(read_program(path))


def _workload(program: GuestProgram) -> Workload:
    text = program.setting("unit") or "1 turn"
    match = _UNIT.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise BrokenProgram(
            f"{program.name}: unit: {text!r}: expected a number and what is counted"
        )
    if not any(each.kind == "repeat" for each in program.statements):
        raise BrokenProgram(f"{program.name}: expected 'repeat N:', a workload is what is repeated")
    return Workload(program, int(match[1]), match[2])
