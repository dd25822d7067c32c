# SPDX-License-Identifier: Apache-2.0
"""What a KVM offers to no guest: silent on what KVM itself showed, specific on what it never did."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cpuid import sample
from tests.cpuid.source import dumps
from xsavvy.cpuid.dump import read
from xsavvy.cpuid.presets import PRESETS
from xsavvy.cpuid.table import Table
from xsavvy.kvm.kernels import kernel
from xsavvy.kvm.objection import objections

SAPPHIRE = PRESETS["sapphire-rapids"].table


def told(table: Table, name: str) -> set[str]:
    """What an objection is about: the word after 'offers', or the rule."""
    found = set()
    for each in objections(table, kernel(name)):
        match = re.search(r"offers (\S+) to no guest", each.sentence)
        found.add(match[1] if match else each.rule)
    return found


@pytest.mark.parametrize("path", dumps("firecracker-fingerprints"))
def test_what_kvm_showed_is_no_objection(path: Path) -> None:
    """A fingerprint has nothing that the KVM of its own kernel, or a newer one, would not offer."""
    version = re.search(r"_([\d.]+)host", path.name)
    assert version
    table = read(path.read_bytes(), path.name)
    assert told(table, f"v{version[1]}") == set()
    assert told(table, "v7.3") == set()


def test_cet_comes_with_v6_18() -> None:
    """A guest with shadow stacks and both components cannot come from an older kernel."""
    guest = PRESETS["genoa-guest"].table
    assert told(guest, "v6.17") == {"cet_ss", "IA32_XSS.CET_U", "IA32_XSS.CET_S"}
    assert told(guest, "v6.18") == set()
    assert "8db428fd5229" in objections(guest, kernel("v6.17"))[0].source


def test_tiles_come_with_v5_17() -> None:
    """Tiles, their components and XFD need a KVM that gives guests IA32_XFD."""
    tiles = {"amx_tile", "xfd", "XCR0.XTILECFG", "XCR0.XTILEDATA"}
    assert tiles <= told(SAPPHIRE, "v5.16")
    assert not tiles & told(SAPPHIRE, "v5.17")


def test_what_no_kvm_offers() -> None:
    """APX, PASID, user interrupts and LBR state are offered by no kernel that is modelled."""
    never = {
        "apx",
        "uintr",
        "arch_lbr",
        "enqcmd",
        "pks",
        "XCR0.APX",
        "IA32_XSS.UINTR",
        "IA32_XSS.LBR",
    }
    assert never <= told(PRESETS["granite-rapids-apx"].table, "v7.3")


def test_a_kernel_that_forgets_alignment() -> None:
    """Before cc04b6a21d43 KVM told a guest with tiles a compacted size without alignment."""
    found = [each for each in objections(SAPPHIRE, kernel("v5.16")) if "size" in each.rule]
    assert [(each.rule, each.found, each.expected) for each in found] == [
        ("kvm-unaligned-size", 0x2DD0, "0x2e00")
    ]
    assert "kvm-unaligned-size" not in told(SAPPHIRE, "v6.18")


def test_branch_tracking_alone_is_userspaces_choice() -> None:
    """KVM does not police a guest with IBT and without SHSTK, if the components are there (seed 003)."""
    leaf = SAPPHIRE.read(7)
    alone = SAPPHIRE.replaced({(7, 0): leaf._replace(ecx=leaf.ecx & ~(1 << 7))})
    assert not {"cet_ibt", "IA32_XSS.CET_U", "IA32_XSS.CET_S"} & told(alone, "v6.18")


def test_svm_has_no_branch_tracking() -> None:
    """No SVM offers IBT, whatever the guest's CPUID says."""
    guest = PRESETS["genoa-guest"].table
    leaf = guest.read(7)
    with_ibt = guest.replaced({(7, 0): leaf._replace(edx=leaf.edx | 1 << 20)})
    assert told(with_ibt, "v6.18") == {"cet_ibt"}


def test_without_a_vendor_both_are_asked() -> None:
    """A table that does not say whose processor it is meets the objections of VMX and SVM together."""
    table = read(sample.LOG)
    assert told(table, "v6.18") == set()
    assert "XCR0.XTILEDATA" in told(table, "v5.16")
