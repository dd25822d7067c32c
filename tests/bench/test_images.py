# SPDX-License-Identifier: Apache-2.0
"""What the bench of conversions measures; never how fast it is."""

from __future__ import annotations

import pytest

from bench.images import WORK, Work, images, measured
from xsavvy.cpuid.presets import PRESETS
from xsavvy.cpuid.processor import processor
from xsavvy.image.file import Saved
from xsavvy.isa.components import ALL
from xsavvy.isa.masks import compacted_header_ok, standard_header_ok


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.name)
def test_the_images_are_legal_and_both_paths_agree(work: Work) -> None:
    """The fleet that is measured has legal headers, and both paths make the same of it."""
    for row in images(processor(PRESETS[work.source].table), 6, compacted=work.compacted_source):
        head = Saved(row.tobytes()).header
        if head.compacted:
            assert compacted_header_ok(head.xstate_bv, 0, head.xcomp_bv, head.bytes_24_63_zero, ALL)
        else:
            assert standard_header_ok(head.xstate_bv, 0, head.xcomp_bv, head.bytes_16_23_zero, ALL)
    assert all(rate > 0 for rate in measured(work, 12))
