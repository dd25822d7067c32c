# SPDX-License-Identifier: Apache-2.0
"""How many lines of a recorded trace are read in a second, and in how much memory.

    python -m bench.traces [--lines N] [FILE]

Without a file, a trace is made up: vCPUs that enter, exit for one of the common reasons, write MSRs and ask their VMM.
"""

from __future__ import annotations

import argparse
import io
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from bench.here import machine
from xsavvy.cost.trace import read_trace

VCPUS: Final = 8
_REST: Final = (
    " info1 0x0000000000000000 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000"
)
ROUND: Final = (
    "kvm_entry: vcpu {vcpu}, rip 0xffffffff81c0d00b",
    "kvm_exit: vcpu {vcpu} reason MSR_WRITE rip 0xffffffff8106d286" + _REST,
    "kvm_msr: msr_write 1c4 = 0x40000",
    "kvm_entry: vcpu {vcpu}, rip 0xffffffff8106d288",
    "kvm_exit: vcpu {vcpu} reason IO_INSTRUCTION rip 0x35" + _REST,
    "kvm_fpu: unload",
    "kvm_userspace_exit: reason KVM_EXIT_IO (2)",
    "kvm_fpu: load",
)


class Speed(NamedTuple):
    """What one reading took."""

    lines: int
    seconds: float
    peak: int


def made(lines: int) -> bytes:
    """Make up a trace of so many lines."""
    return b"".join(_lines(lines))


def _lines(count: int) -> Iterator[bytes]:
    for number in range(count):
        vcpu = number // len(ROUND) % VCPUS
        text = ROUND[number % len(ROUND)].format(vcpu=vcpu)
        stamp = f"{100 + number / 1e6:.6f}"
        yield f" CPU {vcpu}/KVM-{4000 + vcpu}  [{vcpu:03}] d..1. {stamp}: {text}\n".encode()


def measured(data: bytes) -> Speed:
    """Read a trace twice: for the time of the processor, and for the memory that it took beside the file."""
    start = time.process_time()
    seen = read_trace(io.BytesIO(data), "bench")
    seconds = time.process_time() - start
    tracemalloc.start()
    read_trace(io.BytesIO(data), "bench")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return Speed(seen.lines, seconds, peak)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("file", nargs="?", type=Path)
    given = parser.parse_args()
    data = given.file.read_bytes() if given.file else made(given.lines)
    lines, seconds, peak = measured(data)
    about = machine()
    print(f"{about['processor']}, one core, load {about['load']}")  # noqa: T201
    print(  # noqa: T201
        f"{lines:,} lines, {len(data) / 1e6:.0f} MB: {seconds:.1f} s of the processor, {lines / seconds:,.0f} lines "
        f"a second, peak {peak / 1e6:.1f} MB"
    )


if __name__ == "__main__":
    main()
