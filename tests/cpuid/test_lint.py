# SPDX-License-Identifier: Apache-2.0
"""The lint: features against state and against each other, what is unknown, and inputs known to be bad."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cpuid import sample
from tests.cpuid.source import dumps
from xsavvy.cpuid.dependency import DEPENDENCIES
from xsavvy.cpuid.dump import read, read_all
from xsavvy.cpuid.lint import lint
from xsavvy.cpuid.names import place_of
from xsavvy.cpuid.presets import PRESETS
from xsavvy.cpuid.table import Leaf, Table

SAPPHIRE = PRESETS["sapphire-rapids"].table
GENOA = PRESETS["genoa"].table
# See test_contradiction: its leaf 0xD is all zero.
DAMAGED = "GenuineIotel00306C3_Haswell_CPUID5.txt"


def without(table: Table, *names: str) -> Table:
    """A table with the bits of some features cleared."""
    for name in names:
        place = place_of(name)
        assert place is not None
        leaf = table.read(place.leaf, place.subleaf)
        value = getattr(leaf, place.register) & ~(1 << place.bit)
        table = table.replaced(
            {(place.leaf, place.subleaf): leaf._replace(**{place.register: value})}
        )
    return table


def told(table: Table) -> list[tuple[str, int, str]]:
    """Rule, number and expectation of every finding."""
    return [(each.rule, each.found, each.expected) for each in lint(table).findings]


@pytest.mark.parametrize(
    "path",
    [*dumps("instlatx64"), *dumps("libcpuid", "*.test"), *dumps("libvirt", "x86_64-cpuid-*.sig"),
     *dumps("rjcp-xml", "*.xml"), *dumps("cpuid-r"), *dumps("firecracker-fingerprints")],
)  # fmt: skip
def test_silicon_and_kvm_are_sound(path: Path) -> None:
    """No dump of silicon and no fingerprint of a KVM guest has a finding, on any of its CPUs."""
    path = path.with_suffix(".xml") if path.suffix == ".sig" else path
    for table in dict.fromkeys(read_all(path.read_bytes(), path.name)):
        rules = {each.rule for each in lint(table).findings}
        assert rules == ({"legacy-bits", "component-missing"} if path.name == DAMAGED else set())


@pytest.mark.parametrize("path", dumps("libvirt", "x86_64-cpuid-*-host.xml"))
def test_models_of_sound_hosts_are_sound(path: Path) -> None:
    """libvirt's model of a host names no feature without what it needs, as far as it says."""
    assert lint(read(path.read_bytes(), path.name)).findings == ()


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_sound_and_complete(name: str) -> None:
    """No preset has a finding or leaves anything open."""
    verdict = lint(PRESETS[name].table)
    assert verdict.findings == ()
    assert verdict.unknown == ()


def test_openvmm_reckoned_without_alignment() -> None:
    """openvmm issue 708: 0x29d0, where Linux and the processor say 0x2a00; XFD without XGETBV1 besides."""
    found, other = lint(read(sample.LOG)).findings
    assert (found.rule, found.leaf, found.subleaf, found.register) == (
        "unaligned-size",
        13,
        1,
        "ebx",
    )
    assert (found.found, found.expected) == (0x29D0, "0x2a00")
    assert found.sentence.endswith("without the 64-byte alignment of XTILECFG and XTILEDATA")
    assert "xfd is set and xgetbv1 (CPUID.(0DH,1):EAX[2]) is clear" in other.sentence


def test_qemu_reckons_without_alignment() -> None:
    """QEMU's xstate_area_size() of 0x602e7 is 0x29c8, where the processor says 0x2a00."""
    leaf, features = SAPPHIRE.read(13, 1), SAPPHIRE.read(7)
    assert leaf.ecx
    guest = without(
        SAPPHIRE.replaced({
            (13, 1): leaf._replace(ebx=0x29C8, ecx=0),
            (7, 0): features._replace(edx=features.edx & ~(1 << 5)),
        }),
        "shstk", "ibt", "arch-lbr",
    )  # fmt: skip
    assert told(guest) == [("unaligned-size", 0x29C8, "0x2a00")]


def test_sde_claims_components_that_nothing_describes() -> None:
    """SDE's definition has PKRU in XCR0 and PT in IA32_XSS, and no subleaf 9 or 8."""
    found = [each for each in lint(read(sample.SDE)).findings if each.rule == "missing-subleaf"]
    assert [each.subleaf for each in found] == [8, 9]
    assert "PKRU is supported, and nothing answers" in found[1].sentence


def test_virtualbox_tells_a_size_without_an_instruction() -> None:
    """VirtualBox issue 336: (0xD,1).EBX is 0x370 without XSAVEC and XSAVES, where it must be 0."""
    guest, host = read_all(sample.VIRTUALBOX)
    assert told(guest) == [("size-without-xsavec", 0x370, "0")]
    assert told(host) == []
    assert any("alignment of CET_U" in each.sentence for each in lint(host).unknown)


def test_a_cpuid_page_without_its_subleaves() -> None:
    """igvm-tooling pull request 60: CET in IA32_XSS, and a page without subleaves 11 and 12."""
    found = lint(read(sample.PAGE)).findings
    assert [(each.rule, each.subleaf) for each in found] == [
        ("missing-subleaf", 11),
        ("missing-subleaf", 12),
    ]


def test_pvm_hides_xsave_and_tells_its_state() -> None:
    """The kvm_pvm of one machine: leaf 1 without XSAVE, leaf 0xD with 0xe7."""
    table = Table(
        {(1, 0): Leaf(0, 0, 0x81202000, 0), (13, 0): Leaf(0xE7, 0x980, 0x980, 0)}, whole=True
    )
    assert told(table) == [("xsave-hidden", 0xE7, "0")]


@pytest.mark.parametrize(
    ("cleared", "words"),
    [
        ("xsaves", "shstk is set and xsaves (CPUID.(0DH,1):EAX[3]) is clear"),
        ("xfd", "amx-tile is set and xfd (CPUID.(0DH,1):EAX[4]) is clear: 8 KB of tiles"),
        ("avx512vl", "avx512vnni is set and avx512vl (CPUID.(07H,0):EBX[31]) is clear"),
        ("amx-tile", "XCR0 has XTILECFG and XTILEDATA, but amx_tile is clear"),
        ("xsave", "osxsave is set and xsave (CPUID.(01H,0):ECX[26]) is clear"),
    ],
)
def test_a_feature_without_what_it_needs(cleared: str, words: str) -> None:
    """Clearing one bit is found where something hangs on it, with the reason."""
    found = lint(without(SAPPHIRE, cleared)).findings
    assert any(words in each.sentence for each in found)
    assert all(each.source for each in found)


def test_cet_needs_both_components() -> None:
    """Shadow stacks or branch tracking with one of the two components are found: KVM would clear both."""
    leaf = GENOA.read(13, 1)
    one = GENOA.replaced({(13, 1): leaf._replace(ebx=0, eax=leaf.eax, ecx=0x800)})
    (found,) = [each for each in lint(one).findings if each.rule == "component-missing"]
    assert "cet_ss (CPUID.(07H,0):ECX[7]) is set, but IA32_XSS has no CET_S" in found.sentence
    assert "kvm_setup_xss_caps()" in found.source


def test_every_pair_has_a_place_and_a_reason() -> None:
    """Each dependency is about bits of CPUID, names a reason and a source, and stands once."""
    assert all(place_of(each.feature) and place_of(each.needs) for each in DEPENDENCIES)
    assert all(each.why and each.source for each in DEPENDENCIES)
    pairs = [(each.feature, each.needs) for each in DEPENDENCIES]
    assert len(pairs) == len(set(pairs)) > 60


def test_what_is_not_known_is_not_judged() -> None:
    """A list of names has no findings about numbers that it does not have, and says which those are."""
    verdict = lint(read(sample.CPU_MODEL))
    assert verdict.findings == ()
    assert [(each.leaf, each.subleaf) for each in verdict.unknown][:2] == [(1, 0), (13, 0)]
    assert any("pku needs xsave" in each.sentence for each in verdict.unknown)


def test_an_incomplete_dump_is_unknown_and_never_wrong() -> None:
    """A subleaf that a dump left out is named as unknown, and the sums with it are not judged."""
    verdict = lint(SAPPHIRE.replaced({(13, 18): None, (13, 1): None}))
    assert verdict.findings == ()
    assert {(each.leaf, each.subleaf) for each in verdict.unknown} == {(13, 1), (13, 18)}


@pytest.mark.parametrize("path", dumps("firecracker-templates", "*T2*.json"))
def test_a_template_is_judged_by_its_bits(path: Path) -> None:
    """Firecracker's templates turn no feature off that another one of them needs on."""
    assert lint(read(path.read_bytes(), path.name)).findings == ()
