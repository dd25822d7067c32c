# SPDX-License-Identifier: Apache-2.0
"""Encodings of the family."""

from __future__ import annotations

import pytest

from tests.isa.part import OLD_AMD, ZEN4
from xsavvy.isa import Encoding, Instruction, decode

CODES = {
    "0fae26": Instruction.XSAVE,
    "0fae36": Instruction.XSAVEOPT,
    "0fc726": Instruction.XSAVEC,
    "0fc72e": Instruction.XSAVES,
    "0fae2e": Instruction.XRSTOR,
    "0fc71e": Instruction.XRSTORS,
}


@pytest.mark.parametrize(("code", "instruction"), CODES.items())
def test_each_instruction_has_two_forms(code: str, instruction: Instruction) -> None:
    """REX.W makes the 64-bit form of the same instruction."""
    name = instruction.value
    assert decode(bytes.fromhex(code)) == Encoding(name, instruction, False)
    assert decode(bytes.fromhex("48" + code)) == Encoding(name, instruction, True)
    assert decode(bytes.fromhex("41" + code)) == Encoding(name, instruction, False)


@pytest.mark.parametrize("prefix", ["f0", "66", "f2", "f3", "66f2"])
@pytest.mark.parametrize("code", CODES)
def test_fact_14_a_prefix_is_undefined_or_clwb(code: str, prefix: str) -> None:
    """Fact 14: 66 0F AE /6 is CLWB, every other prefixed member of the family is #UD."""
    found = decode(bytes.fromhex(prefix + code))
    assert found.instruction is None
    assert found.name == ("CLWB" if (prefix, code) == ("66", "0fae36") else "")


@pytest.mark.parametrize("code", ["", "0f", "0fae", "0faee6", "0fc7e6", "0fae06", "0f05c0", "90"])
def test_other_bytes_are_not_the_family(code: str) -> None:
    """Register forms, other digits, other opcodes and too few bytes name no member."""
    assert decode(bytes.fromhex(code)) == Encoding("")


def test_what_an_instruction_is() -> None:
    """Saves, supervisor instructions and those that always compact."""
    assert [i.value for i in Instruction if i.saves] == ["XSAVE", "XSAVEOPT", "XSAVEC", "XSAVES"]
    assert [i.value for i in Instruction if i.supervisor] == ["XSAVES", "XRSTORS"]
    assert [i.value for i in Instruction if i.compacts] == ["XSAVEC", "XSAVES"]


def test_support_follows_cpuid() -> None:
    """A part without XSAVEC and XSAVES still has the other three."""
    assert all(i.supported(ZEN4) for i in Instruction)
    assert [i.value for i in Instruction if i.supported(OLD_AMD)] == [
        "XSAVE", "XSAVEOPT", "XRSTOR",
    ]  # fmt: skip
