# SPDX-License-Identifier: Apache-2.0
"""From names to a world: scenario, kernel, platform, choices, each checked and with its nearest names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from xsavvy.cpuid import UnreadableDump, read
from xsavvy.cpuid.describe import describe
from xsavvy.cpuid.presets import PRESETS
from xsavvy.cpuid.processor import IncompleteTable
from xsavvy.isa.components import names
from xsavvy.kvm import NEWEST, Kernel, UnknownKernel, kernel
from xsavvy.live import Unreachable, read_cpuid
from xsavvy.model.build import World, resolve
from xsavvy.model.choices import Choice, value_name
from xsavvy.model.kernels import host_xss, offered_xcr0
from xsavvy.model.platforms import Platform, from_table, preset
from xsavvy.model.registry import CHOICES, SCENARIOS, scenario_named
from xsavvy.model.scenario import Scenario

from .file import dump_bytes
from .usage import UsageError, unknown

__all__ = ["Setting", "default_names", "find_scenario", "setting", "world"]

FALLBACK = "sapphire-rapids"


@dataclass(frozen=True)
class Setting:
    """What all scenarios of one check share.

    `stands_in` says that a scenario which this platform cannot run may take a preset instead.
    """

    kernel: str
    platform: Platform
    stands_in: bool
    chosen: Mapping[str, IntEnum]
    extra: Mapping[str, int]
    notes: tuple[str, ...]


def default_names() -> list[str]:
    """Return the scenarios that are checked when none is named."""
    return [scenario.name for scenario in SCENARIOS if scenario.default]


def find_scenario(name: str) -> Scenario:
    """Return a scenario by name."""
    found = scenario_named(name)
    if found is None:
        raise unknown("scenario", name, [scenario.name for scenario in SCENARIOS])
    return found


def setting(
    kernel_name: str | None,
    platform: str | None,
    choices: Mapping[str, str],
    added: Sequence[Choice],
) -> Setting:
    """Resolve everything but the scenario. Raises UsageError."""
    name = kernel_name or NEWEST
    try:
        kernel(name)
    except UnknownKernel as error:
        raise UsageError(str(error)) from None
    machine, notes = _machine() if platform is None else (_platform(platform), ())
    chosen, extra = _chosen(choices, added)
    return Setting(name, machine, platform is None, chosen, extra, notes)


def _machine() -> tuple[Platform, tuple[str, ...]]:
    try:
        table = read_cpuid()
        title = describe(table).brand or table.vendor
        return from_table(table, "this machine", title), ()
    except (Unreachable, IncompleteTable) as error:
        note = f"this machine's CPUID cannot be used ({error}): {FALLBACK} is checked instead"
        return preset(FALLBACK), (note,)


def _platform(name: str) -> Platform:
    if name in PRESETS:
        return preset(name)
    try:
        table = read(dump_bytes(name, "platform"), name)
        return from_table(table, name, table.vendor)
    except (UnreadableDump, IncompleteTable) as error:
        raise UsageError(str(error)) from None


def _chosen(
    choices: Mapping[str, str], added: Sequence[Choice]
) -> tuple[dict[str, IntEnum], dict[str, int]]:
    known = {choice.name: choice for choice in (*CHOICES, *added)}
    extra = {choice.name: int(next(iter(choice.values))) for choice in added}
    chosen: dict[str, IntEnum] = {}
    for name, text in choices.items():
        if name not in known:
            raise unknown("choice", name, known)
        value = known[name].parse(text)
        if value is None:
            raise unknown(
                f"value of {name}", text, [value_name(each) for each in known[name].values]
            )
        if name in extra:
            extra[name] = int(value)
        else:
            chosen[name] = value
    return chosen, extra


def world(scenario: Scenario, shared: Setting) -> tuple[World | None, str]:
    """Return the world of a scenario, and a note if it had to be adapted or cannot be (then there is no world)."""
    target, note = shared.platform, ""
    chosen_kernel = kernel(shared.kernel)
    ages = _lacks_with(scenario, chosen_kernel, target)
    if ages:
        return None, f"{scenario.name}: not applicable to {chosen_kernel.name}, which has no {ages}"
    lacks = _lacks(scenario, target)
    if lacks and not shared.stands_in:
        fits = [name for name in PRESETS if not _lacks(scenario, preset(name))]
        return (
            None,
            f"{scenario.name}: not applicable to {target.name}, which has no {lacks}; it is to: {', '.join(fits)}",
        )
    if lacks:
        target = preset(scenario.stand_in.get(target.vmx, FALLBACK))
        note = f"{scenario.name}: this machine has no {lacks}; checked on {target.name} instead"
    values = resolve(chosen_kernel, shared.chosen)
    return World(scenario, chosen_kernel, target, values, shared.extra), note


def _lacks(scenario: Scenario, platform: Platform) -> str:
    missing = platform.lacks(scenario.needs_xcr0, scenario.needs_xss)
    if not missing and scenario.vmx_only and not platform.vmx:
        return "VMX"
    if not missing and scenario.svm_only and platform.vmx:
        return "SVM"
    return missing


def _lacks_with(scenario: Scenario, which: Kernel, platform: Platform) -> str:
    """Name what a kernel does not give to a scenario on any machine of this vendor; empty if it gives all."""
    commit = scenario.needs_commit.get(platform.vmx, "")
    if commit and commit not in which:
        return f"commit {commit}"
    missing = scenario.needs_xcr0 & ~offered_xcr0(which, scenario.needs_xcr0)
    if host_xss(which, scenario.needs_xss) == 0:
        missing |= scenario.needs_xss
    return ", ".join(names(missing))
