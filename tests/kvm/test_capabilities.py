# SPDX-License-Identifier: Apache-2.0
"""What KVM is said to offer, against records of what it did offer."""

from __future__ import annotations

import gzip
import json
from itertools import product
from pathlib import Path

import pytest

from xsavvy.cpuid import Leaf, Table, read
from xsavvy.cpuid.feature import has
from xsavvy.cpuid.presets import PRESETS
from xsavvy.isa.components import AMX, CET_S, CET_U, MPX, PKRU
from xsavvy.kvm import Kernel, kernel
from xsavvy.kvm.capabilities import FEATURES, Capabilities, capabilities
from xsavvy.kvm.configuration import CLEARABLE, WORDS, BadWord, configuration
from xsavvy.kvm.exposed import MSRS, at_runtime, cap_xsave2, leaf_d, listed_msrs, msr_reasons
from xsavvy.live.kvm.facts import nearest_kernel

DATA = Path(__file__).parents[3] / "shared/data/cpuid/firecracker-fingerprints"
HOSTS = {
    "AMD_GENOA": "genoa",
    "INTEL_CASCADELAKE": "cascade-lake",
    "INTEL_GRANITE_RAPIDS": "granite-rapids",
    "INTEL_ICELAKE": "ice-lake",
}
KERNELS = {"5.10": "v5.10", "6.1": "v6.1", "6.18": "v6.18"}
CET = CET_U | CET_S


def offer(name: str, release: str, *words: str) -> Capabilities:
    """What a preset's KVM offers."""
    return capabilities(PRESETS[name].table, kernel(release), configuration(words))


def fingerprint(host: str, version: str) -> tuple[Table, set[int]]:
    """What KVM showed to a guest of Firecracker, and the MSRs that Firecracker could read."""
    path = DATA / f"fingerprint_{host}_{version}host.json"
    if not path.is_file():
        pytest.skip(f"no third-party data: {path.name}")
    data = path.read_bytes()
    msrs = json.loads(data)["guest_cpu_config"]["msr_modifiers"]
    return read(data, path.name), {int(each["addr"], 16) for each in msrs}


@pytest.mark.parametrize(("host", "version"), [*product(HOSTS, KERNELS)])
def test_a_fingerprint_is_predicted(host: str, version: str) -> None:
    """Leaf 0xD, the features, the tiles' leaves and the MSRs are what Firecracker recorded."""
    seen, msrs = fingerprint(host, version)
    raw, release = PRESETS[HOSTS[host]].table, kernel(KERNELS[version])
    caps = capabilities(raw, release)
    told = at_runtime(leaf_d(raw, caps, release), raw, release)
    assert told.selected([0xD]) == seen.selected([0xD])
    assert {name for name in FEATURES if has(seen, name)} == set(caps.features)
    for leaf in (0x1D, 0x1E):
        assert told.read(leaf) == seen.read(leaf)
        assert told.read(leaf, 1) == seen.read(leaf, 1)
    listed = {msr.number for msr in listed_msrs(caps, release)}
    assert listed == msrs & {msr.number for msr in MSRS}


RAW = {
    "INTEL_GRANITE_RAPIDS": "instlatx64/GenuineIntel00A06D1_GraniteRapids_03_CPUID.first4cpus.txt",
    "AMD_GENOA": "instlatx64/AuthenticAMD0A10F11_K19_Genoa_01_CPUID.first4cpus.txt",
}


@pytest.mark.parametrize(("host", "version"), [*product(RAW, KERNELS)])
def test_a_fingerprint_follows_from_a_raw_dump(host: str, version: str) -> None:
    """From all leaves of a dump, not a preset's: AVX10's leaf is there on 6.18 and not before."""
    seen, _ = fingerprint(host, version)
    path = DATA.parent / RAW[host]
    if not path.is_file():
        pytest.skip(f"no third-party data: {path.name}")
    raw, release = read(path.read_bytes(), path.name), kernel(KERNELS[version])
    told = at_runtime(leaf_d(raw, capabilities(raw, release), release), raw, release)
    for leaf in (0xD, 0x24):
        assert told.selected([leaf]) == seen.selected([leaf])


def test_granite_rapids_gains_tiles_and_then_cet() -> None:
    """2e7, then 602e7, then IA32_XSS 0x1800; the sizes that Firecracker's developers saw."""
    found = [offer("granite-rapids", name) for name in KERNELS.values()]
    assert [each.xcr0 for each in found] == [0x2E7, 0x602E7, 0x602E7]
    assert [each.xss for each in found] == [0, 0, 0x1800]


REASONS = [
    ("genoa", "v6.18", (), "cet_ibt", "does not have it", ""),
    ("genoa", "v6.17", (), "cet_ss", "offers no CET", "8db428fd5229"),
    ("sapphire-rapids", "v6.17", (), "cet_ss", "offers no CET", "e140467bbdaf"),
    ("sapphire-rapids", "v6.18", ("ept=0",), "cet_ss", "shadow page tables", "1f6f68fcfe43"),
    ("sapphire-rapids", "v6.18", ("ept=0",), "pku", "shadow paging", ""),
    ("sapphire-rapids", "v6.18", ("ibt=off",), "cet_ibt", "ibt=off", ""),
    ("sapphire-rapids", "v6.18", ("cet=0",), "cet_ibt", "VMX cannot", "e140467bbdaf"),
    (
        "sapphire-rapids",
        "v6.18",
        ("allow_smaller_maxphyaddr=1",),
        "cet_ss",
        "emulator",
        "343acdd158a5",
    ),
    ("sapphire-rapids", "v6.18", ("noxsaves",), "cet_ss", "needs xsaves", ""),
    ("sapphire-rapids", "v6.18", ("noxsaves",), "amx_tile", "needs xfd", ""),
    ("sapphire-rapids", "v6.18", ("nopku",), "pku", "nopku", ""),
    ("sapphire-rapids", "v6.18", ("nopku",), "XCR0.PKRU", "nopku", "18032b47adf1"),
    (
        "sapphire-rapids",
        "v6.18",
        ("no-tile-permission",),
        "XCR0.XTILECFG",
        "permission",
        "55cd57b596e8",
    ),
    ("sapphire-rapids", "v5.15", (), "XCR0.XTILEDATA", "does not enable", "host_amx"),
    ("sapphire-rapids", "v6.18", (), "IA32_XSS.LBR", "no KVM", ""),
    ("sapphire-rapids", "v6.18", ("clearcpuid=avx512f",), "XCR0.OPMASK", "avx512f", ""),
    ("granite-rapids-apx", "v7.3", (), "XCR0.APX", "no KVM", ""),
    ("milan", "v5.7", (), "pku", "SVM does not switch", "37486135d3a7"),
    ("rome", "v6.18", (), "XCR0.PKRU", "no pku", ""),
    ("bulldozer", "v6.18", (), "XCR0.LWP", "no KVM", ""),
    ("sapphire-rapids", "v5.10", (), "pt", "pt_mode is not 1", ""),
    ("sapphire-rapids", "v6.12", ("pt_mode=1",), "pt", "CONFIG_BROKEN", "aa0d42cacf09"),
]


def test_svm_had_xcr0_pkru_without_protection_keys() -> None:
    """The vendor's module takes MPX from XCR0 and nothing else; the feature came with the switch of PKRU."""
    table = PRESETS["milan"].table
    before, after = (capabilities(table, kernel(release)) for release in ("v5.7", "v5.8"))
    assert before.xcr0 == after.xcr0 == 0x207
    assert ("pku" in before.features, "pku" in after.features) == (False, True)
    reason = next(each for each in before.reasons if each.bit == "XCR0.PKRU")
    assert reason.shown
    assert "does not switch it" in reason.why
    assert reason.commit == "37486135d3a7"


@pytest.mark.parametrize(("name", "release", "words", "bit", "why", "commit"), REASONS)
def test_a_hidden_bit_has_its_reason(
    name: str, release: str, words: tuple[str, ...], bit: str, why: str, commit: str
) -> None:
    """Who took a bit away is said, with the commit where kernels differ."""
    reason = next(each for each in offer(name, release, *words).reasons if each.bit == bit)
    assert reason.shown is False
    assert why in reason.why
    assert reason.commit == commit


def test_nousershstk_takes_nothing_from_guests() -> None:
    """User shadow stacks of the host are a feature of Linux's own."""
    assert offer("genoa", "v6.18", "nousershstk").features == offer("genoa", "v6.18").features


def test_before_18032b47adf1_nopku_leaves_the_component() -> None:
    """Guests then saw XCR0[9] without protection keys: the covert channel of that commit."""
    old, new = (offer("sapphire-rapids", name, "nopku") for name in ("v6.5", "v6.6"))
    assert old.xcr0 & PKRU
    assert not new.xcr0 & PKRU
    assert "pku" not in old.features


def test_tilecfg_alone_was_advertised() -> None:
    """Without a permission v5.17 to v6.3 told of TILECFG, later kernels tell of neither."""
    shown = [
        offer("sapphire-rapids", name, "no-tile-permission").xcr0 & AMX for name in ("v6.3", "v6.4")
    ]
    assert shown == [1 << 17, 0]


def test_xsaves_turned_off_was_advertised_all_the_same() -> None:
    """Before 316314ca KVM did not ask what the host's kernel had turned off."""
    told = ["xsaves" in offer("skylake-sp", name, "noxsaves").features for name in ("v4.5", "v4.6")]
    assert told == [True, False]


@pytest.mark.parametrize("name", list(PRESETS))
@pytest.mark.parametrize("release", ["v3.10", "v4.14", "v5.7", "v5.17", "v6.12", "v6.18", "v7.3"])
def test_every_offer_is_legal_and_explained(name: str, release: str) -> None:
    """Offers are within the host's registers, whole groups, and every bit shown or hidden has a source."""
    found, rules = offer(name, release), kernel(release)
    assert found.xcr0 & ~found.host_xcr0 == 0
    assert found.xss & ~found.host_xss == 0
    assert found.xss in {0, CET}
    for group in (MPX, AMX):
        assert found.xcr0 & group in {0, group}
    for reason in (*found.reasons, *msr_reasons(found, rules)):
        assert reason.why
        assert reason.source
    shown = {each.bit for each in found.reasons if each.shown}
    assert set(found.features) == shown & set(FEATURES)
    assert sum(bit.startswith("XCR0.") for bit in shown) == found.xcr0.bit_count()
    assert sum(bit.startswith("IA32_XSS.") for bit in shown) == found.xss.bit_count()


def test_what_the_dump_does_not_say_is_unknown() -> None:
    """A dump without leaf 7 leaves protection keys open."""
    table = PRESETS["genoa"].table.replaced({(7, 0): None})
    reason = next(
        each for each in capabilities(table, kernel("v6.18")).reasons if each.bit == "pku"
    )
    assert reason.shown is None


def test_words_are_those_of_the_kernel() -> None:
    """Unknown words are refused with what there is; every known one is accepted."""
    with pytest.raises(BadWord, match="nopku"):
        configuration(["nopkru"])
    assert configuration(WORDS).cleared == {*CLEARABLE}


def test_xsave2_tells_of_tiles() -> None:
    """4096 bytes, or what the tiles need, and nothing before v5.17."""
    spr = PRESETS["sapphire-rapids"].table

    def size(rules: Kernel, *words: str) -> int:
        return cap_xsave2(spr, capabilities(spr, rules, configuration(words)), rules)

    new = kernel("v6.18")
    assert [size(kernel("v5.16")), size(new), size(new, "no-tile-permission")] == [0, 0x2B00, 4096]


CAPTURES = Path(__file__).parents[1] / "live/captures"


@pytest.mark.parametrize("name", ["debian-6.1", "debian-6.12"])
def test_an_upstream_kvm_offers_again_what_it_offered(name: str) -> None:
    """A host that is all that a real KVM showed is shown whole: bits, sizes, subleaves and MSRs."""
    with gzip.open(CAPTURES / f"{name}.jsonl.gz", "rt") as file:
        next(file)
        _, answers = json.loads(next(file))
    met, entries, msrs = answers[0], answers[5], set(answers[6])
    seen = Table({(each[0], each[1]): Leaf(*each[3:7]) for each in entries})
    rules = nearest_kernel(met["kernel"])
    caps = capabilities(seen, rules)
    assert caps.supported_xcr0 == answers[4][1]
    assert leaf_d(seen, caps, rules).selected([0xD]) == seen.selected([0xD])
    assert cap_xsave2(seen, caps, rules) == answers[3]
    assert {msr.number for msr in listed_msrs(caps, rules)} == msrs & {msr.number for msr in MSRS}
