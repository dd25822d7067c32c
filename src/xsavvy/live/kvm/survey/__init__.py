# SPDX-License-Identifier: Apache-2.0
"""What is asked of a KVM: capabilities, CPUID, XCR0, images, MSRs, control registers, and tiny guests."""

from __future__ import annotations

import random
from collections.abc import Iterator

from xsavvy.live.kvm.facts import Facts
from xsavvy.live.kvm.question import Question

from .capability import capabilities
from .cpuid import guest_cpuid
from .family import family
from .guest import tiny_guests
from .image import images
from .legacy import absent_msrs, legacy_images
from .maintainers import maintainers_cases
from .msr import control_registers, msrs
from .xcr0 import xcr0_masks

__all__ = ["questions"]


def questions(facts: Facts, seed: int, random_images: int, random_masks: int) -> Iterator[Question]:
    """Give every question for a KVM that said these facts of itself; random ones follow from the seed."""
    rng = random.Random(seed)
    yield from capabilities(facts)
    yield from guest_cpuid(facts)
    yield from xcr0_masks(facts, rng, random_masks)
    yield from images(facts, rng, random_images)
    yield from msrs(facts)
    yield from absent_msrs(facts)
    yield from legacy_images(facts)
    yield from control_registers(facts)
    yield from tiny_guests(facts)
    yield from family(facts)
    yield from maintainers_cases(facts)
