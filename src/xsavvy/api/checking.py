# SPDX-License-Identifier: Apache-2.0
"""`check` and `trace`: bind a world, search it, and hand out typed results."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from xsavvy import checker
from xsavvy.checker import (
    CheckerError,
    Outcome,
    Remainder,
    ResourceError,
    Resources,
    System,
    Trace,
    Verdict,
)
from xsavvy.model.build import World, system_of
from xsavvy.model.choices import value_name
from xsavvy.model.edits import ImpossibleDesign
from xsavvy.model.patch import BrokenPatch, Patch, load_patch
from xsavvy.model.registry import questions

from .coverage import Coverage, coverage
from .judgement import DEADLOCK, beyond_safety, how_ended, kind_of
from .opening import opening_of
from .origin import place_of
from .result import CheckReport, CheckResult, Progress, TraceStep, VerdictName
from .usage import UsageError, unknown
from .world import Setting, default_names, find_scenario, setting, world

__all__ = ["answers_of", "check", "default_scenarios", "trace"]

ENGINES: Mapping[str, Literal["auto", "reference", "packed", "compiled"]] = {
    "auto": "auto",
    "reference": "reference",
    "packed": "packed",
    "compiled": "compiled",
}
OnProgress = Callable[[Progress], None]


def default_scenarios(patch: Path | None = None) -> list[str]:
    """Return the names of the scenarios that are checked when none is named.

    With a patch, those that it is about. Raises UsageError.

    >>> default_scenarios()[:5]
    ['fpu', 'xcr0', 'xss', 'pkru', 'xfd']
    """
    loaded = patch_of(patch)
    names = default_names()
    return [name for name in names if loaded is None or loaded.fits(find_scenario(name))]


def check(
    scenarios: Sequence[str] = (),
    *,
    kernel: str | None = None,
    platform: str | None = None,
    choices: Mapping[str, str] | None = None,
    patch: Path | None = None,
    liveness: bool = False,
    engine: str = "auto",
    threads: int | None = None,
    memory: int | None = None,
    max_states: int | None = None,
    checkpoint: Path | None = None,
    progress: OnProgress | None = None,
) -> CheckReport:
    """Explore every interleaving of some scenarios; one result for each of their properties.

    Without names all default scenarios are explored, on the newest modelled kernel and on this machine's CPUID. A
    scenario that this machine cannot run is explored on a preset, and a note says so. With `liveness` every scenario
    is asked for all that must come true sooner or later, and not only those scenarios that are about it.

    Large explorations are compiled; then `threads` may share the work (one for each CPU by default), `memory` bounds
    the process in bytes (most of what is free by default), and `checkpoint` is a directory in which each scenario's
    search leaves what it knows, to go on from there next time. Raises UsageError.

    >>> report = check(["pkru-xinuse"], kernel="v6.18", platform="genoa")
    >>> [(result.property, result.verdict) for result in report.results]
    [('guest_sees_its_own_pkru', 'holds'), ('guest_sees_its_own_pkru_inuse', 'holds')]
    """
    loaded = patch_of(patch)
    found = [find_scenario(name) for name in scenarios or default_scenarios(patch)]
    shared = setting(kernel, platform, choices or {}, loaded.choices if loaded else ())
    results: list[CheckResult] = []
    notes = list(shared.notes)
    for scenario in found:
        target, note = world(scenario, shared)
        if note:
            notes.append(note)
        if target is None:
            if len(found) == 1:
                raise UsageError(note)
            continue
        system = bound_system(target, loaded, liveness)
        place = None if checkpoint is None else checkpoint / scenario.name
        resources = Resources(threads, memory, place)
        outcome = _search(system, engine, max_states, resources, progress)
        results += _results(target, shared, system, outcome, engine, progress, loaded)
    return CheckReport(results, notes, f"{shared.platform.name}: {shared.platform.title}")


def trace(
    scenario: str,
    *,
    property: str | None = None,  # noqa: A002 (the option's name)
    witness: str | None = None,
    kernel: str | None = None,
    platform: str | None = None,
    choices: Mapping[str, str] | None = None,
    patch: Path | None = None,
    liveness: bool = False,
    engine: str = "auto",
    threads: int | None = None,
    memory: int | None = None,
    max_states: int | None = None,
    progress: OnProgress | None = None,
) -> CheckResult:
    """Return one result with its trace: of a property, of a witness, or of the first property violated.

    Raises UsageError.

    >>> found = trace("pkru-xinuse", witness="guest_has_its_own_pkru", kernel="v6.18", platform="genoa")
    >>> found.depth, found.trace[-1].step
    (22, 'WRPKRU by guest')
    """
    loaded = patch_of(patch)
    shared = setting(kernel, platform, choices or {}, loaded.choices if loaded else ())
    target, note = world(find_scenario(scenario), shared)
    if target is None:
        raise UsageError(note)
    system = bound_system(target, loaded, liveness)
    program = system.program
    judged = [each.name for each in program.properties]
    judged += [each.name for each in program.eventualities]
    if property is not None and property not in (*judged, DEADLOCK):
        raise unknown(f"property in scenario {scenario}", property, judged)
    if witness is not None and witness not in (each.name for each in program.witnesses):
        raise unknown(
            f"witness in scenario {scenario}", witness, [each.name for each in program.witnesses]
        )
    outcome = _search(system, engine, max_states, Resources(threads, memory), progress)
    if witness is not None:
        return _sighting(target, shared, system, outcome, witness, loaded)
    results = _results(target, shared, system, outcome, engine, progress, loaded)
    if property == DEADLOCK and not outcome.deadlocks.count:
        raise UsageError(f"{scenario}: no deadlock was found")
    if property is not None:
        return next(result for result in results if result.property == property)
    return next((result for result in results if result.verdict == "violated"), results[0])


def patch_of(path: Path | None) -> Patch | None:
    """Load a user's patch, if there is one. Raises UsageError."""
    try:
        return None if path is None else load_patch(path)
    except BrokenPatch as error:
        raise UsageError(str(error)) from None


def bound_system(target: World, loaded: Patch | None, liveness: bool = False) -> System:
    """Bind a world, with a user's patch and all eventualities if wanted. Raises UsageError."""
    if loaded is not None and not loaded.fits(target.scenario):
        part = target.scenario.part
        raise UsageError(
            f"{target.scenario.name}: {loaded.path} is about part {loaded.part!r}, the scenario plays in {part!r}"
        )
    try:
        return system_of(target, loaded.edit if loaded else None, liveness=liveness)
    except (ImpossibleDesign, BrokenPatch) as error:
        raise UsageError(str(error)) from None
    except CheckerError as error:
        if loaded is None:
            raise
        raise UsageError(f"{loaded.path}: {error}") from None


def _search(
    system: System,
    engine: str,
    max_states: int | None,
    resources: Resources,
    progress: OnProgress | None,
) -> Outcome:
    if engine not in ENGINES:
        raise unknown("engine", engine, ENGINES)
    try:
        return checker.search(
            system,
            engine=ENGINES[engine],
            max_states=max_states,
            progress=_report(progress),
            resources=resources,
        )
    except ResourceError as error:
        raise UsageError(str(error)) from None


def _report(progress: OnProgress | None) -> Callable[[int, int, int, int, float], None]:
    rest = Remainder()

    def report(states: int, transitions: int, depth: int, frontier: int, seconds: float) -> None:
        if progress is not None:
            left = rest.after(depth, frontier)
            progress(Progress(states, transitions, depth, frontier, seconds, left))

    return report


def _result(
    target: World,
    shared: Setting,
    system: System,
    outcome: Outcome,
    left: Coverage,
    each: Verdict,
    seconds: float,
) -> CheckResult:
    return CheckResult(
        scenario=target.scenario.name,
        kernel=target.kernel.name,
        platform=target.platform.name,
        choices=answers_of(target),
        property=each.name,
        sentence=each.sentence,
        verdict=each.verdict,
        states=outcome.states,
        transitions=outcome.transitions,
        depth=outcome.depth if each.depth is None else each.depth,
        seconds=seconds,
        trace=_steps(system, each.trace),
        deadlocks=outcome.deadlocks.count,
        unreached=left.unreached,
        never_chosen=left.never_chosen,
        untaken=left.untaken,
        idle=left.idle,
        no_effect=left.no_effect,
        set={name: value_name(value) for name, value in shared.chosen.items()},
        source=each.source,
        kind=kind_of(system, each.name),
        loop=each.loop,
        ended=how_ended(outcome, each),
        engine=outcome.engine,
        opening=opening_of(system, each),
    )


def _steps(system: System, found: Trace | None) -> list[TraceStep]:
    hops = found.hops if found is not None else ()
    effects = {rule.name: rule.effect for rule in system.rules} if hops else {}
    return [
        TraceStep(
            actor=hop.actor,
            step=hop.step,
            source=hop.source,
            summary=hop.summary,
            changes={
                name: change for name, change in hop.changes.items() if not name.endswith("_at")
            },
            arguments=dict(hop.arguments),
            inferred=hop.inferred,
            code=place_of(effects[hop.step]),
            rule=hop.rule,
        )
        for hop in hops
    ]


def answers_of(target: World) -> dict[str, str]:
    """Return the answer to every design question that can matter in a world's scenario."""
    asked = {choice.name for choice in questions(target.scenario)}
    return {name: value_name(value) for name, value in target.choices.items() if name in asked}


def _results(
    target: World,
    shared: Setting,
    system: System,
    outcome: Outcome,
    engine: str,
    progress: OnProgress | None,
    loaded: Patch | None,
) -> list[CheckResult]:
    more = beyond_safety(system, outcome, engine, _report(progress))
    left = coverage(target, shared, system, outcome, more.untaken, patched=loaded is not None)
    judged = [(each, outcome.seconds) for each in outcome.verdicts]
    judged += [(each, more.seconds) for each in more.verdicts]
    return [_result(target, shared, system, outcome, left, each, took) for each, took in judged]


def _sighting(
    target: World,
    shared: Setting,
    system: System,
    outcome: Outcome,
    witness: str,
    loaded: Patch | None,
) -> CheckResult:
    seen = outcome.witness(witness)
    verdict: VerdictName = "incomplete" if seen.verdict == "incomplete" else "violated"
    if seen.verdict == "seen":
        verdict = "holds"
    found = Verdict(seen.name, seen.sentence, "", verdict, seen.depth, seen.trace)
    left = coverage(target, shared, system, outcome, (), patched=loaded is not None)
    return _result(target, shared, system, outcome, left, found, outcome.seconds)
