# SPDX-License-Identifier: Apache-2.0
"""`run`: a guest program, step by step through the model.

The steps of the host follow by themselves: at each moment one actor has control and stands before one step. The
program's lines are taken at the first moment at which they are possible.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from xsavvy.checker import CheckerError, System, bind
from xsavvy.checker.record import State
from xsavvy.checker.trace import values
from xsavvy.model.build import World, assembled, constants_for, start_state
from xsavvy.model.edits import ImpossibleDesign
from xsavvy.model.part import Part
from xsavvy.model.patch import Patch
from xsavvy.model.programs import BrokenProgram, GuestProgram, parse, programs, read_program
from xsavvy.model.registry import PARTS
from xsavvy.model.scenario import Scenario

from .checking import answers_of, patch_of
from .file import file_bytes
from .result import CheckResult
from .stepping import Runner, RunStep, number_of
from .story import Story, told
from .usage import UsageError, nearest, unknown
from .world import setting, world

__all__ = ["RunReport", "find_program", "program_system", "program_world", "run", "run_story"]


class RunReport(msgspec.Struct, frozen=True):
    """A run: the world, the program's lines by number, all steps, and what was expected and not so.

    `violated` names the properties that broke on the way and that the program did not foresee.
    """

    program: str
    title: str
    kernel: str
    platform: str
    lines: dict[int, str]
    results: list[RunStep]
    unmet: list[str]
    violated: list[str]
    end: dict[str, str]


def run(
    program: str,
    *,
    kernel: str | None = None,
    platform: str | None = None,
    choices: Mapping[str, str] | None = None,
    patch: Path | None = None,
) -> RunReport:
    """Run a guest program: the name of one that comes with xsavvy, or a file.

    What the program says about kernel, platform and choices gives way to the arguments. Raises UsageError.

    >>> report = run("pkru-without-pke", kernel="v6.18")
    >>> report.unmet, report.violated
    ([], [])
    """
    target, runner = _ran(program, kernel, platform, choices or {}, patch)
    return _report(target, runner)


def run_story(
    program: str,
    *,
    kernel: str | None = None,
    platform: str | None = None,
    choices: Mapping[str, str] | None = None,
    patch: Path | None = None,
) -> tuple[RunReport, Story]:
    """Run a guest program and tell it as a story; the parameters are those of `run`. Raises UsageError.

    The story's result is about no property: it is violated where the report has something unmet or violated, and its
    states and transitions are those on the way.

    >>> report, told = run_story("pkru-without-pke", kernel="v6.18")
    >>> [each.step for each in report.results] == [each.taken.move.step for each in told.steps]
    True
    """
    target, runner = _ran(program, kernel, platform, choices or {}, patch)
    report = _report(target, runner)
    path = runner.path
    result = CheckResult(
        scenario=report.program,
        kernel=report.kernel,
        platform=report.platform,
        choices=answers_of(target),
        property="",
        sentence=report.title,
        verdict="violated" if report.unmet or report.violated else "holds",
        states=len(set(runner.walk.states(path))),
        transitions=len(path),
        depth=len(path),
        seconds=0.0,
        trace=[],
        deadlocks=0,
        unreached=[],
        set=dict(choices or {}),
    )
    scenario = target.scenario
    return report, told(result, runner.walk, path, scenario.question, scenario.leaves_out)


def _ran(
    program: str,
    kernel: str | None,
    platform: str | None,
    choices: Mapping[str, str],
    patch: Path | None,
) -> tuple[World, Runner]:
    text = find_program(program)
    loaded = patch_of(patch)
    target = program_world(text, kernel, platform, choices, loaded)
    runner = Runner(program_system(target, text, loaded), text)
    for statement in text.statements:
        runner.take(statement)
    runner.settle()
    return target, runner


def _report(target: World, runner: Runner) -> RunReport:
    text = runner.text
    return RunReport(
        text.name,
        text.title,
        target.kernel.name,
        target.platform.name,
        {number: line for each in text.statements for number, line in each.lines.items()},
        runner.steps,
        runner.unmet,
        [name for name in runner.violated() if name not in runner.foreseen],
        values(runner.system, runner.state),
    )


def find_program(name: str) -> GuestProgram:
    """Return a program by name, by file, or from standard input (`-`). Raises UsageError."""
    try:
        if name in programs():
            return programs()[name]
        if name == "-":
            return parse(file_bytes(name).decode("utf-8", "replace"), "<stdin>")
        if not os.path.exists(name):
            raise unknown("program (or file with one)", name, programs())
        return read_program(Path(name))
    except BrokenProgram as error:
        raise UsageError(str(error)) from None


def program_world(
    text: GuestProgram,
    kernel: str | None,
    platform: str | None,
    choices: Mapping[str, str],
    loaded: Patch | None,
) -> World:
    """Return the world of a program: all of a part, with the program's own settings. Raises UsageError."""
    own = dict(_pair(text, line, value) for line, key, value in text.settings if key == "set")
    shared = setting(
        kernel or text.setting("kernel") or None,
        platform or text.setting("platform") or "sapphire-rapids",
        {**own, **choices},
        loaded.choices if loaded else (),
    )
    name = text.setting("part") or "run"
    part = next((each for each in PARTS if each.name == name), None)
    if part is None:
        raise unknown("part of the model", name, [each.name for each in PARTS])
    first = part.scenarios[0]
    open_world = Scenario(
        name=text.name,
        question=text.title,
        events=(),
        properties=_asked(part),
        witnesses=(),
        leaves_out="nothing: every event of the part can happen",
        source="a guest program",
        part=name,
        guest_xcr0=shared.platform.xcr0,
        tries_illegal=True,
        peer=first.peer,
    )
    found, _ = world(open_world, shared)
    assert found is not None
    try:
        whole = assembled(found)
    except ImpossibleDesign as error:
        raise UsageError(str(error)) from None
    names = tuple(event.name for event in whole.events)
    return replace(found, scenario=replace(open_world, events=names))


def _asked(part: Part) -> tuple[str, ...]:
    """Return the properties that some scenario of a part asks for by default: what the architecture promises."""
    usual = [each for each in (*PARTS[0].scenarios, *part.scenarios) if each.default]
    return tuple(dict.fromkeys(name for each in usual for name in each.properties))


def _pair(text: GuestProgram, line: int, value: str) -> tuple[str, str]:
    name, equals, setting_ = (part.strip() for part in value.partition("="))
    if not (name and equals and setting_):
        raise UsageError(f"{text.name}:{line}: {value!r}: expected NAME = VALUE")
    return name, setting_


def program_system(target: World, text: GuestProgram, loaded: Patch | None) -> System:
    """Return the bound model in which a program runs. Raises UsageError."""
    program = assembled(target)
    where = text.name
    known = {each.name for each in program.properties}
    try:
        if loaded is not None:
            where = loaded.path
            program = loaded.edit(program)
        asked = known - set(target.scenario.properties)
        program = replace(
            program, properties=[each for each in program.properties if each.name not in asked]
        )
        system = bind(program, constants_for(target), (start_state(target),))
        return replace(system, starts=(_started(system, text),))
    except CheckerError as error:
        raise UsageError(f"{where}: {error}") from None


def _started(system: System, text: GuestProgram) -> State:
    """Return the start state with the fields that the program sets."""
    state = list(system.starts[0])
    slots = {slot.name: place for place, slot in enumerate(system.shape.slots)}
    for line, key, value in text.settings:
        if key == "start":
            name, wanted = _pair(text, line, value)
            if name not in slots:
                raise UsageError(f"{text.name}:{line}: no field {name!r}; {nearest(name, slots)}")
            kind = system.shape.slots[slots[name]].kind
            number = number_of(wanted, kind.show, range(64))
            if number is None or not kind.legal(number):
                raise UsageError(f"{text.name}:{line}: {value!r} is not {kind.describe()}")
            state[slots[name]] = number
    return tuple(state)
