# SPDX-License-Identifier: Apache-2.0
"""How long instructions and exits take on this machine: least, median and most of many runs.

The unit is a tick of the time-stamp counter, which is a cycle only where the processor runs at the counter's rate.
What loops and readings take by themselves is subtracted. A run during which the kernel took the processor away is
thrown away. Everything is warm: the operand is in the first cache, and each instruction follows its like.

What a process may not execute (XSAVES, XRSTORS, RDMSR, WRMSR, XSETBV) is not measured. XSAVEC and a compacted XRSTOR
stand in for XSAVES and XRSTORS, and say so.
"""

from __future__ import annotations

import os
import resource
import statistics
import struct
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, NamedTuple

from xsavvy.cpuid.feature import has
from xsavvy.isa import components
from xsavvy.isa.layout import EXTENDED_OFFSET, HEADER_OFFSET
from xsavvy.live.host import Host, meet
from xsavvy.live.kvm import asker
from xsavvy.live.machine.clock import Clock
from xsavvy.live.machine.instruction import INSTRUCTIONS

__all__ = ["Measured", "Measurements", "measure"]

RUNS: Final = 41
TURNS: Final = 1000
EXITS: Final = 100
_CPUIDS: Final = 200
_TRIES: Final = 4
_KVM_RUN_REASON: Final = 8
_HLT, _IO = 5, 2
_IOCTL: Final = 16
_STATES: Final = (
    (0, "nothing in use"),
    (components.X87 | components.SSE, "x87 and SSE in use"),
    (components.X87 | components.SSE | components.AVX, "x87, SSE and AVX in use"),
    (components.X87 | components.SSE | components.AVX | components.AVX512, "up to AVX-512 in use"),
)
_REAL_MODULES: Final = frozenset({"kvm_intel", "kvm_amd"})


class Measured(NamedTuple):
    """What one event takes: least, median and most, in ticks; `bytes` where its size matters."""

    event: str
    low: float
    mid: float
    high: float
    source: str
    bytes: int | None = None


class Measurements(NamedTuple):
    """All that was measured: where, with how many runs, and what could not be, each with its reason."""

    cpu: str
    kernel: str
    runs: int
    found: tuple[Measured, ...]
    missing: tuple[tuple[str, str], ...]


class _Spread(NamedTuple):
    low: float
    mid: float
    high: float


def measure(runs: int = RUNS) -> Measurements:
    """Measure what can be measured here.

    Raises:
        Unreachable: not x86-64 Linux, no executable memory, or a processor without XSAVE.
    """
    host = meet()
    timed = {name: _line(name) for name in ("xgetbv", *_family(host))} | {"nothing": ""}
    timed["syscall"] = "syscall | 0f 05"
    if has(host.table, "ospke"):
        timed["rdpkru"] = _line("rdpkru")
        timed["wrpkru"] = _line("rdpkru") + "\n" + _line("wrpkru")
    bench = _Bench(host, Clock(timed, host.area_bytes), runs)
    found = [*bench.registers(), *bench.family()]
    kvm, missing = bench.kvm()
    others = [*missing, *_unmeasured(host)]
    return Measurements(host.met, host.kernel, runs, (*found, *kvm), tuple(others))


def _line(name: str) -> str:
    return f"{name} | {INSTRUCTIONS[name].hex(' ')}"


def _family(host: Host) -> list[str]:
    part = host.processor
    names = ["xsave64", "xrstor64"]
    return names + ["xsaveopt64"] * bool(part.xsaveopt) + ["xsavec64"] * bool(part.xsavec)


def _unmeasured(host: Host) -> Iterator[tuple[str, str]]:
    yield "RDMSR, WRMSR, XSETBV", "a process may not execute them"
    yield "XSAVES, XRSTORS", "a process may not execute them: XSAVEC and XRSTOR stand in"
    if not has(host.table, "ospke"):
        yield "RDPKRU, WRPKRU", "this CPU (or VM) has no protection keys, or CR4.PKE is 0"
    for name in ("xsaveopt", "xsavec"):
        if not getattr(host.processor, name):
            yield name.upper(), f"this CPU (or VM) has no {name}"


class _Bench:
    """The clock, and what is subtracted from everything that it says."""

    def __init__(self, host: Host, clock: Clock, runs: int) -> None:
        self.host, self.clock, self.runs = host, clock, runs
        self._empty = {turns: self._empty_loop(turns) for turns in (TURNS, EXITS)}

    def _empty_loop(self, turns: int) -> float:
        return statistics.median(self._runs(lambda: self.clock.ticks("nothing", turns)))

    def _runs(self, run: Callable[[], int]) -> list[int]:
        """Repeat a run, without those during which another thread had the processor."""
        run()
        kept: list[int] = []
        every: list[int] = []
        while len(kept) < self.runs and len(every) < self.runs * _TRIES:
            before = resource.getrusage(resource.RUSAGE_THREAD).ru_nivcsw
            every.append(run())
            if resource.getrusage(resource.RUSAGE_THREAD).ru_nivcsw == before:
                kept.append(every[-1])
        return kept or every

    def spread(self, run: Callable[[], int], turns: int) -> _Spread:
        """Time a loop of so many turns; return what one turn takes."""
        each = sorted(max(0.0, (ticks - self._empty[turns]) / turns) for ticks in self._runs(run))
        return _Spread(each[0], statistics.median(each), each[-1])

    def registers(self) -> Iterator[Measured]:
        """Measure XGETBV, RDPKRU and WRPKRU."""
        clock, here = self.clock, f"measured here, median of {self.runs} runs"
        for index, register in ((0, "XCR0"), (1, "XINUSE")):
            spread = self.spread(partial(clock.ticks, "xgetbv", TURNS, index=index), TURNS)
            event = "xgetbv" if index == 0 else "xgetbv_xinuse"
            yield Measured(event, *spread, f"{here}: XGETBV of {register}")
        if has(self.host.table, "ospke"):
            read = self.spread(lambda: clock.ticks("rdpkru", TURNS), TURNS)
            both = self.spread(lambda: clock.ticks("wrpkru", TURNS), TURNS)
            yield Measured("rdpkru", *read, f"{here}: RDPKRU")
            write = _Spread(*(max(0.0, all_ - one) for all_, one in zip(both, read, strict=True)))
            low, mid, high = sorted(write)
            source = f"{here}: RDPKRU and WRPKRU, less RDPKRU"
            yield Measured("wrpkru", low, mid, high, source)

    def family(self) -> Iterator[Measured]:
        """Measure the XSAVE family, by what is in use."""
        reachable = self.host.reachable
        seen: set[int] = set()
        for wanted, text in _STATES:
            used = wanted & reachable
            if used in seen or used != wanted:
                continue
            seen.add(used)
            yield from self._state(used, text)
        small = components.OPMASK & reachable
        if small:
            self._save("xsave64", small, small)
            spread = self._restore(small)
            source = (
                f"measured here, median of {self.runs} runs: XRSTOR of the opmask registers only"
            )
            yield Measured("xrstor", *spread, source, self._bytes(small) - EXTENDED_OFFSET)

    def _state(self, used: int, text: str) -> Iterator[Measured]:
        size = self._bytes(used) if used else EXTENDED_OFFSET - HEADER_OFFSET
        here = f"measured here, median of {self.runs} runs"
        reachable, compacts = self.host.reachable, "xsavec64" in _family(self.host)
        for name in ("xsave64", "xsaveopt64", "xsavec64"):
            if name not in _family(self.host):
                continue
            spread = self._save(name, used, reachable)
            yield Measured(name.removesuffix("64"), *spread, f"{here}: {text}", size)
            if name == "xsavec64":
                source = f"{here}: XSAVEC in user mode stands in for XSAVES, {text}"
                yield Measured("xsaves", *spread, source, size)
        self._save("xsave64", used, reachable)
        yield Measured("xrstor_standard", *self._restore(reachable), f"{here}: {text}", size)
        if compacts:
            self._save("xsavec64", used, reachable)
            source = f"{here}: XRSTOR of the compacted format stands in for XRSTORS, {text}"
            yield Measured("xrstors", *self._restore(reachable), source, size)

    def _save(self, name: str, used: int, rfbm: int) -> _Spread:
        self.clock.clear()
        image = self._image(used)
        run = self.clock.ticks
        spread = self.spread(lambda: run(name, TURNS, rfbm=rfbm, setup=image), TURNS)
        run(name, 1, rfbm=rfbm, setup=image)
        return spread

    def _restore(self, rfbm: int) -> _Spread:
        return self.spread(lambda: self.clock.ticks("xrstor64", TURNS, rfbm=rfbm), TURNS)

    def _bytes(self, used: int) -> int:
        leaves = self.host.processor.subleaves
        return EXTENDED_OFFSET + sum(
            leaves[at].size for at in components.indices(used) if at in leaves
        )

    def _image(self, used: int) -> bytes:
        """Build a standard image whose every named register has a value."""
        image = bytearray(b"\1" * self.host.image_bytes)
        struct.pack_into("<HHBBHQQI", image, 0, 0x37F, 0, 0xFF, 0, 0, 0, 0, 0x1F80)
        image[HEADER_OFFSET:EXTENDED_OFFSET] = struct.pack("<Q", used).ljust(64, b"\0")
        return bytes(image)

    def kvm(self) -> tuple[list[Measured], list[tuple[str, str]]]:
        """Measure round trips of KVM_RUN; say why not where there is no KVM."""
        try:
            device = os.open(asker.NAME, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            return [], [("KVM_RUN", f"{asker.NAME}: {error.strerror}")]
        try:
            guest = asker.Guest(device)
            try:
                return self._guest(guest)
            finally:
                guest.close()
        except (OSError, _NoRoundTrip) as error:
            return [], [("KVM_RUN", f"{asker.NAME}: {error}")]
        finally:
            os.close(device)

    def _guest(self, guest: asker.Guest) -> tuple[list[Measured], list[tuple[str, str]]]:
        modules = asker.met()["modules"]
        module = modules[0] if modules else "kvm"
        here = f"measured here under {module}, median of {self.runs} runs"
        halt = self._round_trip(guest, "f4ebfd", _HLT)
        port = self._round_trip(guest, "e610ebfc", _IO)
        found = [
            Measured("kvm_run", *halt, f"{here}: KVM_RUN until HLT, real mode"),
            Measured("kvm_run_io", *port, f"{here}: KVM_RUN until OUT, real mode"),
        ]
        if not _REAL_MODULES.intersection(modules):
            return found, [("vmexit", f"{module} emulates real mode, so CPUID there is no VM exit")]
        # mov di,N; again: cpuid; dec di; jnz again; hlt; jmp to the start
        code = f"bf{_CPUIDS.to_bytes(2, 'little').hex()}0fa24f75fbf4ebf5"
        many = self._round_trip(guest, code, _HLT)
        exit_ = _Spread(*(max(0.0, (all_ - halt.mid) / _CPUIDS) for all_ in many))
        source = f"{here}: an exit for CPUID, its emulation and the entry after it"
        rest = _Spread(*(max(0.0, each - exit_.mid) for each in halt))
        found.append(Measured("vmexit", *exit_, source))
        found.append(Measured("vmentry", 0.0, 0.0, 0.0, f"{here}: in the price of the exit"))
        source = f"{here}: KVM_RUN until HLT, less an exit that stays in the kernel"
        found.append(Measured("exit_to_userspace", *rest, source))
        found.append(
            Measured(
                "enter_kernel", 0.0, 0.0, 0.0, f"{here}: in the price of the exit to userspace"
            )
        )
        return found, []

    def _round_trip(self, guest: asker.Guest, code: str, expected: int) -> _Spread:
        guest.run(code)
        request, clock = asker.RUN, self.clock
        spread = self.spread(
            lambda: clock.ticks(
                "syscall", EXITS, operand=request, rfbm=_IOCTL, descriptor=guest.vcpu
            ),
            EXITS,
        )
        assert guest.run_page is not None
        (reason,) = struct.unpack_from("<I", guest.run_page, _KVM_RUN_REASON)
        if reason != expected:
            raise _NoRoundTrip(f"the guest left with exit reason {reason}, not {expected}")
        return spread


class _NoRoundTrip(Exception):
    """The guest did not do what its program says."""
