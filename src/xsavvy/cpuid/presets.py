# SPDX-License-Identifier: Apache-2.0
"""Named platforms: what real processors answer to the CPUID leaves that concern extended state.

Each preset is a file of `platforms/` in the form that `cpuid -r` prints, reduced to `LEAVES`, and
read when it is asked for. The numbers come from public dumps; every preset names the file and the
project, and a test derives each again from the dump where it is at hand.

A dump is one machine with one operating system: what depends on these (topology, OSXSAVE, the
sizes that follow the XCR0 in force) is as it was there.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Literal, TypeAlias

from xsavvy.cpuid.dump import read, write_raw
from xsavvy.cpuid.table import Leaf, Table

__all__ = [
    "LEAVES",
    "PRESETS",
    "Preset",
    "Presets",
    "UnknownPreset",
    "Virtualization",
    "derived",
    "file_text",
]

Virtualization: TypeAlias = Literal["vmx", "svm"]
"""Whose virtualization a platform's hypervisor would use."""

LEAVES: Final = (
    *(0x0, 0x1, 0x6, 0x7, 0xD, 0x14, 0x1C, 0x1D, 0x1E),
    *(0x80000000, 0x80000001, 0x80000008, 0x8000000A),
)
"""The leaves that a preset keeps: identity, features, extended state, PT, LBR, AMX, SVM."""

_INSTLATX64: Final = "InstLatx64/InstLatX64 @087af2c7d72c"
_LIBVIRT: Final = "libvirt 11.3.0 tests/cputestdata"
_OWN: Final = "a virtual machine of this project"
_SDE: Final = "subleaf 19 as Intel SDE's future processor has it"


@dataclass(frozen=True, slots=True)
class Preset:
    """A named platform.

    Attributes:
        name: what `--platform` takes.
        title: what it is and what is special about its extended state.
        virtualization: vmx or svm, also where a dump of a guest hides it.
        origin: the dump, below the folder of third-party data.
        project: who published it.
        base: for a hypothetical platform, the preset that it changes; else empty.
    """

    name: str
    title: str
    virtualization: Virtualization
    origin: str
    project: str
    base: str = ""

    @property
    def hypothetical(self) -> bool:
        """Tell whether no such processor was dumped: some of the numbers are an assumption."""
        return bool(self.base)

    @property
    def table(self) -> Table:
        """The platform's answers; read on first use."""
        return _with_apx(_table(self.base)) if self.base else _table(self.name)


class UnknownPreset(KeyError):
    """A name that is no preset's; `str()` names the nearest."""

    def __str__(self) -> str:
        return str(self.args[0])


class Presets(Mapping[str, Preset]):
    """The presets by name, in order of vendor and age.

    Looking up an unknown name raises `UnknownPreset`, which says what is nearest.
    """

    def __init__(self, presets: tuple[Preset, ...]) -> None:
        self._presets = {preset.name: preset for preset in presets}

    def __getitem__(self, name: str) -> Preset:
        try:
            return self._presets[name]
        except KeyError:
            near = difflib.get_close_matches(name, self._presets, cutoff=0.4) or self._presets
            raise UnknownPreset(f"no platform {name!r}; nearest: {', '.join(near)}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._presets

    def __iter__(self) -> Iterator[str]:
        return iter(self._presets)

    def __len__(self) -> int:
        return len(self._presets)


def _dumped(name: str, virtualization: Virtualization, file: str, title: str) -> Preset:
    """Return the preset of a dump; the form of a file's name tells whose it is."""
    folder, project = "instlatx64", _INSTLATX64
    if file.endswith(".xml"):
        folder, project = "libvirt", _LIBVIRT
    elif file.endswith(".cpuid-r.txt"):
        folder, project = "cpuid-r", _OWN
    return Preset(name, title, virtualization, f"cpuid/{folder}/{file}", project)


# fmt: off
PRESETS: Final = Presets((
    _dumped("sandy-bridge", "vmx", "x86_64-cpuid-Xeon-E5-2650.xml",
            "Xeon E5-2650: AVX, XSAVEOPT and nothing more"),
    _dumped("haswell", "vmx", "GenuineIntel00306F2_HaswellEP2_CPUID.txt",
            "Xeon E5 v3: AVX2, XSAVEOPT, no XSAVEC"),
    _dumped("broadwell", "vmx", "x86_64-cpuid-Xeon-E5-2650-v4.xml",
            "Xeon E5 v4: Processor Trace without a component for it"),
    _dumped("knights-landing", "vmx", "GenuineIntel0050671_KnightsLanding_CPUID.first4cpus.txt",
            "Xeon Phi 7210: AVX-512 without XSAVEC or XSAVES"),
    _dumped("skylake-client", "vmx", "x86_64-cpuid-Core-i7-8550U.xml",
            "Core i7-8550U: MPX, XSAVES, no AVX-512"),
    _dumped("skylake-sp", "vmx", "GenuineIntel0050654_SkylakeXeon_20_CPUID.first4cpus.txt",
            "Xeon Platinum 8160: MPX, AVX-512 and PKU"),
    _dumped("cascade-lake", "vmx", "x86_64-cpuid-Xeon-Platinum-8268.xml",
            "Xeon Platinum 8268: as skylake-sp"),
    _dumped("cooper-lake", "vmx", "x86_64-cpuid-Cooperlake.xml",
            "Cooper Lake: as cascade-lake"),
    _dumped("denverton", "vmx", "GenuineIntel00506F1_Denverton_CPUID.txt",
            "Atom C3958: MPX without AVX, so a hole at bit 2"),
    _dumped("snow-ridge", "vmx", "x86_64-cpuid-Atom-P5362.xml",
            "Atom P5362: XSAVES, but no user component beyond SSE"),
    _dumped("ice-lake", "vmx", "x86_64-cpuid-Ice-Lake-Server.xml",
            "Ice Lake server: AVX-512 and PKU, MPX gone"),
    _dumped("tiger-lake", "vmx", "GenuineIntel00806C1_TigerLake_01_CPUID.txt",
            "Core i5-1135G7: CET and HDC"),
    _dumped("alder-lake", "vmx", "GenuineIntel00906A3_AlderLakeP_00_CPUID.txt",
            "Core i9-12900HK: CET, LBR and HWP in IA32_XSS, no AVX-512"),
    _dumped("arrow-lake", "vmx", "GenuineIntel00C0652_ArrowLakeH_04_CPUID.txt",
            "Core Ultra 9 285H: as alder-lake, with user interrupts"),
    _dumped("panther-lake", "vmx", "GenuineIntel00C06C3_PantherLakeL_01_CPUID.txt",
            "Core Ultra 7 355: as arrow-lake"),
    _dumped("sapphire-rapids", "vmx", "GenuineIntel00806F8_SapphireRapids_05_CPUID.first4cpus.txt",
            "Xeon w7-2475X: AMX and XFD, CET, PASID, user interrupts"),
    _dumped("emerald-rapids", "vmx", "GenuineIntel00C06F2_EmeraldRapids_01_CPUID.first4cpus.txt",
            "Xeon Gold 5520+: as sapphire-rapids"),
    _dumped("granite-rapids", "vmx", "GenuineIntel00A06D1_GraniteRapids_03_CPUID.first4cpus.txt",
            "Xeon 658X: as sapphire-rapids, with HWP"),
    Preset("granite-rapids-apx", "hypothetical: granite-rapids with APX in MPX's place", "vmx",
           origin="", project=_SDE, base="granite-rapids"),
    _dumped("bulldozer", "svm", "x86_64-cpuid-Opteron-6234.xml",
            "Opteron 6234: LWP, component 62; XSAVE alone"),
    _dumped("naples", "svm", "x86_64-cpuid-EPYC-7601-32-Core.xml",
            "EPYC 7601: AVX, XSAVES with nothing to save"),
    _dumped("rome", "svm", "AuthenticAMD0830F10_K17_Rome_CPUID2.txt",
            "EPYC 7402P: a PKRU component of 64 bytes at 832, but no PKU"),
    _dumped("milan", "svm", "AuthenticAMD0A00F11_K19_Milan_CPUID1.first4cpus.txt",
            "EPYC 7713: PKU, shadow stacks without branch tracking"),
    _dumped("genoa", "svm", "AuthenticAMD0A10F11_K19_Genoa_01_CPUID.first4cpus.txt",
            "EPYC 9654: AVX-512 at AMD's offsets"),
    _dumped("genoa-guest", "svm", "this-machine.cpuid-r.txt",
            "EPYC Zen 4 as a virtual machine saw it: no PKU, no SVM"),
    _dumped("bergamo", "svm", "AuthenticAMD0AA0F02_K19_Bergamo_04_CPUID.first4cpus.txt",
            "EPYC 9754: as genoa"),
    _dumped("turin", "svm", "AuthenticAMD0B00F21_K20_Turin_01_CPUID.first4cpus.txt",
            "EPYC 9655: as genoa"),
))
# fmt: on
"""Every named platform; `PRESETS["sapphire-rapids"].table`."""


def _with_apx(table: Table) -> Table:
    """Add APX: the feature bit, component 19 in XCR0, and its 128 bytes where MPX used to be."""
    features, masks = table.read(0x7, 1), table.read(0xD)
    return table.replaced({
        (0x7, 1): features._replace(edx=features.edx | 1 << 21),
        (0xD, 0): masks._replace(eax=masks.eax | 1 << 19),
        (0xD, 19): Leaf(eax=128, ebx=960, ecx=0, edx=0),
    })  # fmt: skip


def derived(table: Table) -> Table:
    """Return what a preset keeps of a dump."""
    return table.selected(LEAVES)


def file_text(preset: Preset, table: Table) -> str:
    """Return a preset's file as it stands in `platforms/`."""
    return (
        "# SPDX-License-Identifier: Apache-2.0\n"
        f"# {preset.title}\n"
        f"# Numbers from {preset.origin} ({preset.project})\n"
        f"{write_raw(derived(table))}"
    )


@cache
def _table(name: str) -> Table:
    data = files("xsavvy.cpuid").joinpath("platforms", f"{name}.txt").read_bytes()
    return read(data, f"{name}.txt")
