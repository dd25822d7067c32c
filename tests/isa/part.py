# SPDX-License-Identifier: Apache-2.0
"""Processors that the tests of `isa` and `image` share."""

from __future__ import annotations

import dataclasses

from xsavvy.isa import Processor, SubLeaf, Vendor

# Leaf 0xD of a Zen 4 guest: no MPX, so AVX-512 moves down.
ZEN4 = Processor(
    Vendor.AMD,
    xcr0_supported=0xE7,
    xss_supported=0x1800,
    subleaves={
        2: SubLeaf(256, 576),
        5: SubLeaf(64, 832),
        6: SubLeaf(512, 896),
        7: SubLeaf(1024, 1408),
        11: SubLeaf(16, 0, supervisor=True),
        12: SubLeaf(24, 0, supervisor=True),
    },
    cet_ss=True,
    mxcsr_mask=0x2FFFF,
    xsaveerptr=True,
    linear_address_bits=57,
)
# As a Zen+ part: pointers are left alone without an exception, no XSAVES.
OLD_AMD = dataclasses.replace(
    ZEN4,
    xcr0_supported=7,
    xss_supported=0,
    subleaves={2: SubLeaf(256, 576)},
    xsavec=False,
    xsaves=False,
    cet_ss=False,
    xsaveerptr=False,
    linear_address_bits=48,
)
# Leaf 0xD of Sapphire Rapids.
SAPPHIRE = Processor(
    Vendor.INTEL,
    xcr0_supported=0x602E7,
    xss_supported=0x1DD00,
    subleaves={
        2: SubLeaf(256, 576),
        5: SubLeaf(64, 1088),
        6: SubLeaf(512, 1152),
        7: SubLeaf(1024, 1664),
        8: SubLeaf(128, 0, supervisor=True),
        9: SubLeaf(8, 2688),
        10: SubLeaf(8, 0, supervisor=True),
        11: SubLeaf(16, 0, supervisor=True),
        12: SubLeaf(24, 0, supervisor=True),
        14: SubLeaf(48, 0, supervisor=True),
        15: SubLeaf(808, 0, supervisor=True),
        16: SubLeaf(8, 0, supervisor=True),
        17: SubLeaf(64, 2752, align64=True),
        18: SubLeaf(8192, 2816, align64=True, xfd=True),
    },
    xfd=True,
    pku=True,
    cet_ss=True,
    cet_ibt=True,
    linear_address_bits=57,
)
PARTS = (ZEN4, SAPPHIRE, OLD_AMD)
EVERYTHING = (1 << 64) - 1
