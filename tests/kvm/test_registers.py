# SPDX-License-Identifier: Apache-2.0
"""Control registers and the registers in struct kvm_run: what KVM accepts of them."""

from __future__ import annotations

import pytest

from xsavvy.isa.keys import pkrs_refuses, pkru_refuses
from xsavvy.isa.registers import cr4_osxsave_ok, cr4_pke_ok
from xsavvy.kvm import kernel, registers


@pytest.mark.parametrize("xsave", [0, 1])
@pytest.mark.parametrize("pku", [0, 1])
@pytest.mark.parametrize("cr4", [0, 1 << 18, 1 << 22, 1 << 18 | 1 << 22])
def test_kvm_refuses_what_the_processor_does(cr4: int, xsave: int, pku: int) -> None:
    """For the two bits that the model has, KVM's rule for CR4 is the processor's."""
    features = registers.CR4_OF_FEATURE
    has = features["XSAVE"] * xsave | features["PKU"] * pku
    refused = registers.cr4_errno(cr4, has) != 0
    legal = cr4_osxsave_ok(cr4 >> 18 & 1, xsave) and cr4_pke_ok(cr4 >> 22, pku)
    assert refused == (not legal)


@pytest.mark.parametrize("bit", range(64))
def test_each_bit_of_cr4_needs_its_feature(bit: int) -> None:
    """No bit is accepted without a feature but the oldest eleven, and none with another's."""
    value = 1 << bit
    own = value & registers.CR4_FEATURES
    assert registers.cr4_errno(value, 0) == (0 if bit <= 10 else 22)
    assert registers.cr4_errno(value, registers.CR4_FEATURES) == (0 if bit <= 10 or own else 22)
    assert registers.cr4_errno(value, registers.CR4_FEATURES & ~value) == (0 if bit <= 10 else 22)


def test_each_register_of_keys_has_its_own_pages() -> None:
    """PKRU says nothing of supervisor pages, IA32_PKRS nothing of user pages."""
    for value in (0x10, 0x20, 0x30):
        for writes in (0, 1):
            assert not pkru_refuses(value, 2, 0, writes, 0, 1)
            assert not pkrs_refuses(value, 2, 1, writes, 1)
            for key in (1, 3):
                assert not pkru_refuses(value, key, 1, writes, 1, 1)


def test_a_vcpu_without_cpuid_has_no_feature_since_v6_14() -> None:
    """Before, KVM_SET_SREGS took every bit of CR4 that KVM supports until KVM_SET_CPUID2."""
    commit = "85e5ba83c016"
    assert commit not in kernel("v6.13")
    assert commit in kernel("v6.14")
    every = registers.CR4_FEATURES
    for enforces in (0, 1):
        assert registers.cr4_features(1 << 18, every, 1, enforces) == 1 << 18
    assert registers.cr4_features(0, every, 0, 0) == every
    assert registers.cr4_features(0, every, 0, 1) == 0
