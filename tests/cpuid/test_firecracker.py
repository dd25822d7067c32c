# SPDX-License-Identifier: Apache-2.0
"""Firecracker's fingerprints are whole CPUs; its templates say some bits of one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cpuid.source import dumps
from xsavvy.cpuid.dump import UnreadableDump, read
from xsavvy.cpuid.processor import processor
from xsavvy.cpuid.table import Leaf


def document(bitmap: str = "0b1111", register: str = "eax", leaf: str = "0xd") -> str:
    """A fingerprint of one register."""
    entry = {"leaf": leaf, "subleaf": "0x1", "flags": 1}
    modifiers = [{"register": register, "bitmap": bitmap}]
    config = {"kvm_capabilities": [], "cpuid_modifiers": [{**entry, "modifiers": modifiers}]}
    return json.dumps({"kernel_version": "6.18", "guest_cpu_config": config})


def test_bitmaps_are_registers() -> None:
    """A bitmap's last digit is bit 0, underscores separate, and an absent register is 0."""
    assert dict(read(document("0b1_0000"))) == {(0xD, 1): Leaf(16, 0, 0, 0)}


def test_a_template_knows_what_it_sets_and_clears() -> None:
    """A bit that is x, and a register that is not listed, are unknown."""
    table = read(document("0b1x0"))
    assert [table.bit(0xD, 1, "eax", bit) for bit in range(4)] == [False, None, True, None]
    assert table.bit(0xD, 1, "ebx", 0) is None
    assert not table.whole


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (document("0bxxyx1"), "digits 0, 1 or x for eax"),
        (document("0b" + "1" * 33), "at most 32 digits"),
        (document("1111"), "0b and at most 32 digits"),
        (document(register="rax"), "eax, ebx, ecx or edx in leaf 0xd subleaf 0x1, found 'rax'"),
        (document(leaf="d!"), "a leaf: at most 8 hexadecimal digits, found 'd!'"),
        ('{"cpuid_modifiers": []}', "at least one CPUID leaf"),
        ('{"cpuid_modifiers": null}', "at least one CPUID leaf"),
        ('{"cpuid_modifiers": 1}', "JSON of a Firecracker fingerprint or template"),
        ('{"cpuid_modifiers": [', "JSON of a Firecracker fingerprint or template"),
        ('{"a":' * 100_000 + '"cpuid_modifiers"', "JSON of a Firecracker fingerprint or template"),
    ],
    ids=range(10),
)
def test_what_is_no_cpu_is_refused(text: str, words: str) -> None:
    """Templates, strange registers and broken JSON end in one line."""
    with pytest.raises(UnreadableDump) as caught:
        read(text, "f.json")
    assert str(caught.value).startswith("f.json: expected ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", dumps("firecracker-fingerprints"))
def test_every_fingerprint_is_read(path: Path) -> None:
    """A fingerprint is a complete guest: XCR0 was 1, so the current size is the header's end."""
    table = read(path.read_bytes(), path.name)
    part = processor(table)
    assert table.read(0xD).ebx == 576
    assert table.read(0xD).ecx == part.standard.size
    assert table.whole


@pytest.mark.parametrize("path", dumps("firecracker-templates", "*T2*.json"))
def test_every_template_is_a_table_of_some_bits(path: Path) -> None:
    """A template that clears XSAVES says so, and nothing of the sizes."""
    table = read(path.read_bytes(), path.name)
    assert table.bit(0xD, 1, "eax", 3) is False
    assert table.bit(0xD, 1, "ebx", 6) is None
    assert table.bit(0x1, 0, "ecx", 26) is None
