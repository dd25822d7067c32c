# SPDX-License-Identifier: Apache-2.0
"""CPUs as lists of feature names: what a name says is known, and everything else is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cpuid import sample
from tests.cpuid.source import dump, dumps
from xsavvy.cpuid.describe import signature
from xsavvy.cpuid.dump import UnreadableDump, read, read_all
from xsavvy.cpuid.feature import FEATURES, tell
from xsavvy.cpuid.names import named_bits, place_of
from xsavvy.cpuid.table import Leaf


def test_a_cpu_model_knows_its_features_alone() -> None:
    """Required is set, disabled is clear, optional and unmentioned are unknown; so is leaf 0xD."""
    table = read(sample.CPU_MODEL)
    assert [tell(table, name) for name in ("pku", "xsaves", "mpx", "avx512f")] == [
        True,
        False,
        None,
        None,
    ]
    assert table.vendor == "GenuineIntel"
    assert table.bit(0, 0, "eax", 0) is None
    assert table.find(0xD) is None


def test_domain_capabilities_are_the_hosts_model() -> None:
    """Of domain capabilities the host's model counts, not what a custom model may have."""
    (table,) = read_all(sample.DOMAIN_CAPABILITIES)
    assert [tell(table, name) for name in ("xsaves", "pku", "mpx")] == [True, False, None]
    assert table.vendor == "AuthenticAMD"


def test_a_qmp_reply_has_numbers_too() -> None:
    """Properties are bits; family, model and stepping are leaf 1; a list says what is lacking."""
    model, lacking = read_all(sample.QMP)
    assert signature(model) == (25, 17, 1)
    assert (model.vendor, model.read(0).eax, model.read(0x80000000).eax) == (
        "AuthenticAMD",
        16,
        0x8000001F,
    )
    assert model.bit(1, 0, "ecx", 19) is True
    assert tell(model, "cet_ss") is None
    assert lacking.bit(1, 0, "ecx", 17) is False


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<cpu><model>Haswell</model></cpu>", "a <cpu> with a vendor or with features"),
        ("<cpu><feature name='avx'/>", "well-formed XML"),
        ("<!DOCTYPE cpu [<!ENTITY a 'b'>]><cpu><feature name='avx'/></cpu>", "document type"),
        ("<cpu>" * 20, "at most 16 nested elements"),
        ('{"return": {"model": {"props": {"unheard": true}}}}', "a QMP reply with features"),
        ('{"props": {"avx": true}', "JSON of QMP replies"),
        ('{"props": 1}{"return": 3}', "a QMP reply with features"),
        ('["unavailable-features"' + "[" * 100_000, "JSON of QMP replies"),
    ],
    ids=range(8),
)
def test_what_names_no_cpu_is_refused(text: str, words: str) -> None:
    """Text of the right kind that says nothing of a CPU ends in one line."""
    with pytest.raises(UnreadableDump) as caught:
        read_all(text, "d")
    assert words in str(caught.value)
    assert str(caught.value).isprintable()


def test_names_and_features_agree() -> None:
    """Where both tables know a bit of extended state, they know it at the same place."""
    spelling = {"pt": "intel-pt", "cet_ss": "shstk", "cet_ibt": "ibt"}
    for each in FEATURES:
        place = place_of(spelling.get(each.name, each.name))
        if place is not None:
            assert place == (each.leaf, each.subleaf, each.register, each.bit), each.name


def test_of_two_names_of_one_bit_the_one_that_is_set_wins() -> None:
    """Spellings of one feature count as one."""
    table = named_bits({"sse4.1": False, "sse4_1": True})
    assert dict(table) == {(1, 0): Leaf(0, 0, 1 << 19, 0)}


@pytest.mark.parametrize("path", dumps("libvirt", "x86_64-cpuid-*.json"))
def test_qemus_answer_is_part_of_the_host(path: Path) -> None:
    """QEMU claims no bit of extended state that the raw dump of the same host lacks."""
    host = read(dump(f"libvirt/{path.stem}.xml"), path.stem)
    model = read(path.read_bytes(), path.name)
    shown = [each.name for each in FEATURES if tell(model, each.name)]
    emulated = {"hypervisor", "osxsave", "ospke"}
    assert [name for name in shown if not tell(host, name) and name not in emulated] == []
    assert model.vendor == host.vendor


@pytest.mark.parametrize("path", dumps("libvirt", "x86_64-cpuid-*-host.xml"))
def test_libvirts_host_model_is_part_of_the_host(path: Path) -> None:
    """Features that libvirt names for a host are set in its raw dump."""
    host = read(dump(f"libvirt/{path.name.replace('-host', '')}"), path.name)
    model = read(path.read_bytes(), path.name)
    shown = {each.name for each in FEATURES if tell(model, each.name)}
    assert {name for name in shown if not tell(host, name)} == set()
