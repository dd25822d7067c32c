# SPDX-License-Identifier: Apache-2.0
"""How many images a minute are converted: one at a time, and as a matrix, on one core.

    python -m bench.images [--images N]

A fleet is a mix of guests of Sapphire Rapids (without tiles) and Genoa whose images go from the standard to the
compacted format, back, and from one layout to the other.  Both paths do the same work; the results are compared
byte for byte.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from bench.here import machine
from xsavvy.cpuid.presets import PRESETS
from xsavvy.cpuid.processor import processor
from xsavvy.image import fleet, header
from xsavvy.image.convert import Target, convert
from xsavvy.image.file import Saved
from xsavvy.image.recover import Certainty, Recovered
from xsavvy.isa.components import AMX
from xsavvy.isa.processor import Processor

SLOW: Final = 4000
"""Images that the one-image path converts; it is too slow for all."""
HEADERS: Final = (0x3, 0x7, 0xE7, 0x207, 0x2E7, 0x2E5)


class Work(NamedTuple):
    """One conversion: from, to, and whether the results are compacted."""

    name: str
    source: str
    target: str
    compacted_source: bool
    compacted: bool


WORK: Final = (
    Work("standard to compacted, genoa", "genoa", "genoa", False, True),
    Work("compacted to standard, genoa", "genoa", "genoa", True, False),
    Work("Intel's layout to AMD's", "sapphire-rapids", "genoa", False, False),
    Work("AMD's layout to Intel's", "genoa", "sapphire-rapids", False, False),
)


def images(
    part: Processor, count: int, *, compacted: bool
) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Make images with random registers and one of a few headers each."""
    mask = part.xcr0_supported & ~AMX
    size = part.compacted(mask).size if compacted else part.standard.extent(mask)
    rows = np.random.default_rng(1).integers(0, 256, (count, size), np.uint8)
    rows[:, 24:32] = np.frombuffer(bytes.fromhex("801f0000ffff0000"), np.uint8)
    rows[:, 464:576] = 0
    for number, xstate_bv in enumerate(HEADERS):
        area = bytearray(576)
        header.write(
            area, xstate_bv=xstate_bv, xcomp_bv=mask if compacted else 0, compacted=compacted
        )
        rows[number :: len(HEADERS), 512:576] = np.frombuffer(bytes(area[512:]), np.uint8)
    return rows


def timed(run: Callable[[], object]) -> float:
    """Give the best of three runs in seconds."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def measured(work: Work, count: int) -> tuple[float, float]:
    """Give images a minute of both paths, after comparing what they make."""
    source, to = (processor(PRESETS[name].table) for name in (work.source, work.target))
    target = Target(to, work.compacted)
    rows = images(source, count, compacted=work.compacted_source)
    layout = (
        source.compacted(source.xcr0_supported & ~AMX) if work.compacted_source else source.standard
    )
    where = Recovered(layout, Certainty.GIVEN, "")
    saved = [Saved(row.tobytes()) for row in rows[:SLOW]]
    result = fleet.convert_all(rows[:SLOW], source, target)
    for number, each in enumerate(saved):
        area = convert(each, where, target).area
        if result.areas[number, : result.sizes[number]].tobytes() != area:
            raise SystemExit(f"{work.name}: image {number} differs")

    def one_by_one() -> None:
        for each in saved:
            convert(Saved(each.area), where, target)

    one = len(saved) / timed(one_by_one) * 60
    many = count / timed(lambda: fleet.convert_all(rows, source, target)) * 60
    return one, many


def main() -> None:
    """Measure every conversion and print a table."""
    parser = argparse.ArgumentParser(description="Measure conversions of images.")
    parser.add_argument("--images", type=int, default=100_000)
    count = parser.parse_args().images
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    about = machine()
    print(f"{about['processor']}, one core, load {about['load']}; {count:,} images")  # noqa: T201
    print(f"{'':32}{'one by one':>16}{'as a matrix':>16}{'ratio':>8}   (images a minute)")  # noqa: T201
    for work in WORK:
        one, many = measured(work, count)
        print(f"{work.name:32}{one:16,.0f}{many:16,.0f}{many / one:8.1f}")  # noqa: T201


if __name__ == "__main__":
    main()
