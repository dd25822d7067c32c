# SPDX-License-Identifier: Apache-2.0
"""Images that this machine makes: its processor's, and its kernel's cores."""

from __future__ import annotations

import fcntl
import os
import platform
import random
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.image.saved import places
from tests.image.strategy import an_area
from xsavvy.cpuid.processor import processor
from xsavvy.image.convert import Target, convert
from xsavvy.image.difference import Side, differences
from xsavvy.image.file import Kind, Saved, read
from xsavvy.image.recover import Certainty, recover
from xsavvy.image.view import component_bytes, view
from xsavvy.isa.processor import Processor
from xsavvy.kvm import RELEASES, kernel
from xsavvy.kvm.acceptance import set_xsave
from xsavvy.live import Unreachable, read_cpuid
from xsavvy.live.case import Case
from xsavvy.live.host import Host, meet
from xsavvy.live.silicon import Silicon

CASES = 200
CREATE_VM, CREATE_VCPU, SET_XSAVE = 0xAE01, 0xAE41, 0x5000AEA5
PATTERN = Path("/proc/sys/kernel/core_pattern")
CRASH = """
import os, resource, threading
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
open("/proc/self/coredump_filter", "w").write("0")
for _ in range(2):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
os.abort()
"""


@pytest.fixture(scope="module")
def host() -> Host:
    try:
        return meet()
    except Unreachable as error:
        pytest.skip(f"silicon: {error.reason}")


def legal(rng: random.Random, host: Host) -> bytes:
    """A standard image that this processor loads."""
    area = an_area(rng, host.processor, host.reachable, host.image_bytes)
    xstate_bv = int.from_bytes(area[512:520], "little") & host.reachable
    area[512:576] = struct.pack("<QQ", xstate_bv, 0) + bytes(48)
    area[24:28] = struct.pack("<I", rng.choice([0x1F80, rng.getrandbits(16)]))
    return bytes(area)


def side(area: bytes, part: Processor) -> Side:
    saved = Saved(area)
    return Side(saved, places(saved, part))


@pytest.mark.silicon
def test_a_conversion_is_what_the_processor_saves(
    host: Host, judged: Callable[[int], None]
) -> None:
    """XSAVE's image converted is XSAVEC's, XSAVEC's is XSAVE's, and XRSTOR of either loads the same."""
    part, rng, asked = host.processor, random.Random(11), 0
    if not part.xsavec:
        pytest.skip("this processor has no XSAVEC")
    blank = bytes(host.image_bytes)
    with Silicon(host) as silicon:
        for _ in range(CASES):
            setup = legal(rng, host)
            areas = [
                silicon.ask(Case(name, setup, blank, host.reachable)).memory[: host.image_bytes]
                for name in ("xsave64", "xsavec64")
            ]
            standard, compacted = (side(area, part) for area in areas)
            assert differences(standard, compacted) == []
            for one, other in ((standard, compacted), (compacted, standard)):
                target = Target(part, compacted=not one.saved.header.compacted)
                done = convert(one.saved, one.recovered, target).area
                assert differences(side(done, part), other) == []
                memory = done.ljust(host.image_bytes, b"\0")
                loaded = silicon.ask(Case("xrstor64", setup, memory, host.reachable))
                assert loaded.vector is None
                assert differences(side(loaded.after, part), standard) == []
                asked += 1
    judged(asked)


def kvm_vcpu() -> int:
    """A vCPU of this machine's KVM, without any CPUID set."""
    try:
        device = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
        machine = fcntl.ioctl(device, CREATE_VM, 0)
        vcpu = fcntl.ioctl(machine, CREATE_VCPU, 0)
    except OSError as error:
        pytest.skip(f"/dev/kvm: {error.strerror}")
    os.close(machine)
    os.close(device)
    return vcpu


def an_image(rng: random.Random) -> bytearray:
    """A blob that is legal, or wrong in its header or in MXCSR."""
    area = bytearray(4096)
    xstate_bv = rng.choice(
        [rng.getrandbits(8) & 0xE7, 1 << rng.randrange(64), rng.getrandbits(64), 0, 3]
    )
    xcomp_bv = rng.choice([0, 0, 0, 0, 1 << 63, 1 << 63 | 3, 1])
    struct.pack_into("<QQ", area, 512, xstate_bv, xcomp_bv)
    if rng.random() < 0.2:
        area[528 + rng.randrange(48)] = 1 << rng.randrange(8)
    struct.pack_into("<I", area, 24, rng.choice([0x1F80, 0, 0xFFFF, 0x21F80, rng.getrandbits(32)]))
    return area


def test_kvm_takes_what_is_predicted() -> None:
    """KVM_SET_XSAVE of this kernel gives the predicted errno for each of many images."""
    release = ".".join(platform.release().split(".")[:2])
    if f"v{release}" not in RELEASES:
        pytest.skip(f"the model does not know v{release}")
    vcpu, part, rng = kvm_vcpu(), processor(read_cpuid()), random.Random(5)
    seen: set[int] = set()
    try:
        for _ in range(CASES):
            area = an_image(rng)
            mxcsr = int.from_bytes(area[24:28], "little")
            head = Saved(bytes(area), Kind.KVM).header
            predicted = set_xsave(kernel(f"v{release}"), part, head, mxcsr).errno
            try:
                fcntl.ioctl(vcpu, SET_XSAVE, area, True)
                errno = 0
            except OSError as error:
                errno = error.errno or -1
            assert errno == predicted, (area[512:576].hex(), hex(mxcsr))
            seen.add(errno)
    finally:
        os.close(vcpu)
    assert seen == {0, 22}


def test_a_core_of_this_kernel(tmp_path: Path) -> None:
    """A core that is made here has every thread, in the layout that CPUID has and the note states."""
    pattern = PATTERN.read_text().strip() if PATTERN.exists() else "|"
    if pattern.startswith(("|", "/")):
        pytest.skip(f"cores of this machine go to {pattern!r}")
    subprocess.run([sys.executable, "-c", CRASH], cwd=tmp_path, capture_output=True, check=False)
    cores = list(tmp_path.iterdir())
    if not cores:
        pytest.skip("this machine makes no cores (RLIMIT_CORE)")
    with cores[0].open("rb") as file:
        found = read(file, cores[0].name)
    assert len(found) == 3
    try:
        part = processor(read_cpuid())
    except Unreachable as error:
        pytest.skip(f"cpuid: {error.reason}")
    for saved in found:
        recovered = recover(saved)
        if recovered.certainty is not Certainty.STATED:
            pytest.skip("this kernel writes no NT_X86_XSAVE_LAYOUT (older than 6.12)")
        assert all(
            part.standard[index] == place for index, place in recovered.layout.items() if index > 1
        )
        assert view(saved, recovered).parts
        assert component_bytes(saved, recovered, 1) is None or saved.header.xstate_bv & 2
