# SPDX-License-Identifier: Apache-2.0
"""Random images of a processor, as hypothesis makes them."""

from __future__ import annotations

import random

from hypothesis import strategies as st

from tests.image.core import PART
from tests.image.strategy import an_area, with_supervisor_values
from xsavvy.image.file import Kind, Saved
from xsavvy.image.header import write
from xsavvy.image.recover import Certainty, Recovered
from xsavvy.isa.processor import Processor

CPUS = ("genoa", "milan", "rome", "sapphire-rapids", "skylake-sp", "haswell", "granite-rapids-apx")


def places(saved: Saved, part: Processor) -> Recovered:
    """The layout of an image whose processor is known."""
    layout = part.compacted(saved.header.xcomp_bv) if saved.header.compacted else part.standard
    return Recovered(layout, Certainty.GIVEN, "")


def an_image(rng: random.Random, part: Processor, *, compacted: bool, legal: bool = True) -> Saved:
    """An image with a legal header and MXCSR, random components, some of them initial."""
    features = part.features if compacted else part.xcr0_supported
    size = max(part.standard.size, part.compacted(features).size)
    area = an_area(rng, part, features, size)
    area[464:472] = bytes(8)
    xstate_bv = rng.getrandbits(63) & features
    named = (rng.getrandbits(63) & features) | xstate_bv if compacted else 0
    area[528:576] = bytes(48)
    write(area, xstate_bv=xstate_bv, xcomp_bv=named, compacted=compacted)
    if legal:
        mxcsr = rng.choice([0x1F80, rng.getrandbits(16)])
        area[24:28] = mxcsr.to_bytes(4, "little")
    with_supervisor_values(rng, part, area)
    kind = Kind.RAW if compacted else rng.choice([Kind.RAW, Kind.KVM])
    return Saved(bytes(area), kind)


images = st.tuples(
    st.integers(0, 1 << 32),
    st.sampled_from(CPUS),
    st.sampled_from(CPUS),
    st.booleans(),
    st.booleans(),
)
"""Seed, the CPU that made it, the target, the format before, the format after."""


def made(seed: int, cpu: str, compacted: bool) -> Saved:
    """The image of a seed."""
    part = PART[cpu]
    return an_image(random.Random(seed), part, compacted=compacted and part.xsavec)
