# SPDX-License-Identifier: Apache-2.0
"""From names to jobs: the product of platforms, choices, kernels and scenarios, each name checked."""

import itertools
import re
from collections.abc import Mapping, Sequence
from math import prod

from xsavvy.api.usage import UsageError, unknown
from xsavvy.api.world import default_names, find_scenario, setting
from xsavvy.cpuid.presets import PRESETS
from xsavvy.kvm import NEWEST, RELEASES
from xsavvy.model.choices import value_name
from xsavvy.model.registry import CHOICES, SCENARIOS

from .result import Job

__all__ = ["MOST_JOBS", "THIS_MACHINE", "in_order", "planned"]

THIS_MACHINE = "this machine"
ALL = "all"
MOST_JOBS = 100_000


def planned(
    scenarios: Sequence[str],
    kernels: Sequence[str],
    platforms: Sequence[str],
    choices: Mapping[str, Sequence[str]],
) -> list[Job]:
    """Return the jobs of a campaign. Raises UsageError.

    A kernel may be a range (`v5.17..v6.2`); "all" stands for every release, preset, scenario or value of a choice.
    Without names: the scenarios that `check` takes, the newest kernel, this machine.

    >>> [job.kernel for job in planned(["fpu"], ["v6.0..v6.2", "v6.1"], ["milan"], {})]
    ['v6.0', 'v6.1', 'v6.2']
    """
    names = _scenarios(scenarios)
    versions = list(dict.fromkeys(each for name in kernels or [NEWEST] for each in _kernels(name)))
    machines = list(
        dict.fromkeys(each for name in platforms or [THIS_MACHINE] for each in _platforms(name))
    )
    designs = {name: _values(name, values) for name, values in choices.items()}
    _bound(prod(map(len, (names, versions, machines, *designs.values()))))
    _check_names(versions, machines, designs)
    return [
        Job(scenario, kernel, platform, dict(zip(designs, values, strict=True)))
        for platform in machines
        for values in itertools.product(*designs.values())
        for kernel in versions
        for scenario in names
    ]


def in_order(job: Job) -> tuple[object, ...]:
    """Return what sorts jobs by platform, choices, kernel from the oldest on, and scenario.

    >>> worlds = [Job("fpu", name, "milan") for name in ("v6.10", "v6.9", "v5.19")]
    >>> [job.kernel for job in sorted(worlds, key=in_order)]
    ['v5.19', 'v6.9', 'v6.10']
    """
    numbers = tuple(int(part) for part in re.findall(r"\d+", re.split(r"[+-]", job.kernel)[0]))
    names = [scenario.name for scenario in SCENARIOS]
    place = names.index(job.scenario) if job.scenario in names else len(names)
    return job.platform, sorted(job.set.items()), numbers, job.kernel, place, job.scenario


def _bound(jobs: int) -> None:
    if jobs > MOST_JOBS:
        raise UsageError(f"{jobs:,} jobs; at most {MOST_JOBS:,} are possible: name fewer values")


def _scenarios(names: Sequence[str]) -> list[str]:
    if ALL in names:
        return [scenario.name for scenario in SCENARIOS if not scenario.large]
    return [find_scenario(name).name for name in dict.fromkeys(names)] or default_names()


def _kernels(name: str) -> Sequence[str]:
    if name == ALL:
        return RELEASES
    first, dots, last = name.partition("..")
    if not dots:
        return (name,)
    for end in (first, last):
        if end not in RELEASES:
            raise unknown(f"release (in the range {name!r})", end, RELEASES)
    found = RELEASES[RELEASES.index(first) : RELEASES.index(last) + 1]
    if not found:
        raise UsageError(f"kernels {name!r}: {first} is newer than {last}; turn the range around")
    return found


def _platforms(name: str) -> Sequence[str]:
    return tuple(PRESETS) if name == ALL else (name,)


def _values(name: str, values: Sequence[str]) -> list[str]:
    known = {choice.name: choice for choice in CHOICES}
    if name not in known:
        raise unknown("choice", name, known)
    valid = [value_name(value) for value in known[name].values]
    if ALL in values:
        return valid
    for value in values:
        if value not in valid:
            raise unknown(f"value of {name}", value, [*valid, ALL])
    return list(dict.fromkeys(values))


def _check_names(
    kernels: Sequence[str], platforms: Sequence[str], designs: Mapping[str, Sequence[str]]
) -> None:
    """Let every name be looked up once, so that a wrong one ends the campaign before it starts."""
    for kernel in kernels:
        setting(kernel, next(iter(PRESETS)), {}, ())
    for platform in platforms:
        setting(None, None if platform == THIS_MACHINE else platform, {}, ())
    for name, values in designs.items():
        if not values:
            raise UsageError(f"choice {name!r} has no value; expected some, or {ALL!r}")
