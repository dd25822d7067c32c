# SPDX-License-Identifier: Apache-2.0
"""Running one instruction on this processor, and leaving nothing behind."""

from __future__ import annotations

import ctypes
import signal
import struct
import subprocess
import sys

import pytest

from xsavvy.live.host import Host
from xsavvy.live.machine.instruction import INSTRUCTIONS
from xsavvy.live.machine.memory import PAGE, libc
from xsavvy.live.machine.native import EVERYTHING, FLAG_AC, Native
from xsavvy.live.machine.operand import ABSENT, READ_ONLY, WRITABLE, Operand

pytestmark = pytest.mark.silicon

INVALID_OPCODE, PROTECTION, PAGE_FAULT = 6, 13, 14
WATCHED = (signal.SIGSEGV, signal.SIGILL, signal.SIGBUS, signal.SIGFPE)


def initial_image(host: Host) -> bytes:
    image = bytearray(host.image_bytes)
    struct.pack_into("<H", image, 0, 0x37F)
    struct.pack_into("<I", image, 24, 0x1F80)
    return bytes(image)


def actions() -> list[bytes]:
    """The kernel's own record of each watched signal's action."""
    found = []
    for number in WATCHED:
        action = ctypes.create_string_buffer(32)
        assert libc().syscall(13, int(number), None, action, 8) == 0
        found.append(action.raw)
    return found


def test_what_was_loaded_is_saved_again(host: Host, native: Native, operand: Operand) -> None:
    """A state that XRSTOR64 loaded is what XSAVE64 writes, and what the run reports."""
    setup = bytearray(initial_image(host))
    setup[160:416] = bytes(range(256))
    struct.pack_into("<Q", setup, 512, 0b10)
    address = operand.address(WRITABLE, WRITABLE, 0)
    operand.window[: host.image_bytes] = bytes(host.image_bytes)
    seen = native.run(
        "xsave64",
        operand=address,
        rfbm=0b10,
        setup=bytes(setup),
        setup_rfbm=host.reachable,
        after_rfbm=0b10,
    )
    assert seen.vector is None
    assert seen.xinuse_before == 0b10
    assert operand.window[160:416] == bytes(range(256))
    assert seen.after[160:416] == bytes(range(256))


@pytest.mark.parametrize("name", ["xsetbv", "xsaves64", "xrstors64"])
def test_privileged_instructions_fault_and_the_run_goes_on(
    host: Host, native: Native, operand: Operand, name: str
) -> None:
    """XSETBV, XSAVES and XRSTORS at CPL 3 are #GP(0), or #UD where they do not exist."""
    exists = name == "xsetbv" or host.processor.xsaves
    address = operand.address(WRITABLE, WRITABLE, 0)
    for _ in range(3):
        seen = native.run(name, operand=address, rfbm=host.xcr0)
        assert (seen.vector, seen.error) == (PROTECTION if exists else INVALID_OPCODE, 0)
        assert seen.place == 0


@pytest.mark.parametrize(
    ("first", "second", "error"), [(WRITABLE, READ_ONLY, 7), (WRITABLE, ABSENT, 6)]
)
def test_a_store_that_straddles_pages_faults_with_its_address(
    native: Native, operand: Operand, first: str, second: str, error: int
) -> None:
    """CR2 lies in the second page, and no byte of the first was written."""
    offset = PAGE - 512
    operand.window[:] = b"\xa5" * len(operand.window)
    seen = native.run("xsave64", operand=operand.address(first, second, offset), rfbm=0b11)
    assert (seen.vector, seen.error) == (PAGE_FAULT, error)
    assert seen.cr2 & -PAGE == operand.address(first, second, PAGE)
    assert bytes(operand.window) == b"\xa5" * len(operand.window)


def test_a_misaligned_operand_is_a_protection_fault(native: Native, operand: Operand) -> None:
    """Misalignment is #GP; with RFLAGS.AC=1 a processor may make it #AC instead."""
    address = operand.address(WRITABLE, WRITABLE, 8)
    assert native.run("xsave64", operand=address, rfbm=1).vector == PROTECTION
    assert native.run("xsave64", operand=address, rfbm=1, flags=FLAG_AC).vector in {13, 17}


def test_other_handlers_wait_while_alignment_is_checked(
    native: Native, operand: Operand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Python handler never runs with RFLAGS.AC=1, and the signal mask is left as found."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    seen: list[set[int]] = []
    enter = native._enter

    def watched(slots: int) -> None:
        seen.append({int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())})
        enter(slots)

    monkeypatch.setattr(native, "_enter", watched)
    native.run("xsave64", operand=operand.address(WRITABLE, WRITABLE, 0), rfbm=1, flags=FLAG_AC)
    assert signal.SIGALRM in seen[0]
    assert not seen[0] & {*WATCHED}
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_the_fault_is_found_inside_a_longer_thunk(host: Host) -> None:
    """`place` is the offset of the instruction that faulted."""
    with Native({"two": b"\x90\x90" + INSTRUCTIONS["xsetbv"]}, host.area_bytes) as native:
        assert native.run("two").place == 2


def test_a_setup_image_that_faults_is_an_error(host: Host, native: Native) -> None:
    """A setup that the processor refuses is no test of the instruction behind it."""
    with pytest.raises(ValueError, match="setup image faulted with vector 13"):
        native.run("nop", setup=b"\xff" * host.image_bytes)


def test_the_caller_keeps_its_own_state(host: Host, native: Native) -> None:
    """The caller's x87 control word and MXCSR are what they were, whatever was loaded."""
    setup = bytearray(initial_image(host))
    struct.pack_into("<H", setup, 0, 0x40)
    struct.pack_into("<I", setup, 24, 0x0)
    struct.pack_into("<Q", setup, 512, 0b11)
    before = native.run("nop", after_rfbm=0b11).after
    native.run("nop", setup=bytes(setup), setup_rfbm=host.reachable)
    after = native.run("nop", after_rfbm=0b11).after
    assert after[:2] == before[:2]
    assert after[24:28] == before[24:28]


def test_nothing_runs_without_handlers(host: Host) -> None:
    """Outside of `with`, a run is refused: a fault there would end the process."""
    native = Native({"nop": b"\x90"}, host.area_bytes)
    with pytest.raises(RuntimeError, match="no fault handlers"):
        native.run("nop")


def test_handlers_are_not_put_in_place_twice(native: Native) -> None:
    """The previous actions would be lost."""
    with pytest.raises(RuntimeError, match="in place already"):
        native.__enter__()


def test_the_signal_actions_are_left_as_found(host: Host) -> None:
    """After `with`, each signal's action is what the kernel had before, to the byte."""
    before = actions()
    with Native({"xsetbv": INSTRUCTIONS["xsetbv"]}, host.area_bytes) as native:
        assert actions() != before
        assert native.run("xsetbv", rfbm=EVERYTHING).vector == PROTECTION
    assert actions() == before


FOREIGN = """
import ctypes, faulthandler, os, signal, sys
from xsavvy.live.machine.native import Native
if sys.argv[2] == "watched":
    faulthandler.enable()
with Native({"nop": b"\\x90"}, 0x1000):
    if sys.argv[1] == "sent":
        os.kill(os.getpid(), signal.SIGSEGV)
    else:
        ctypes.string_at(8)
print("still alive")
"""


@pytest.mark.parametrize("watched", ["watched", "plain"])
@pytest.mark.parametrize("how", ["fault", "sent"])
def test_a_foreign_crash_still_kills(host: Host, how: str, watched: str) -> None:
    """A SIGSEGV that is not ours ends the process with signal 11, through the previous action."""
    del host
    child = subprocess.run(
        [sys.executable, "-c", FOREIGN, how, watched], capture_output=True, text=True, check=False
    )
    assert child.returncode == -signal.SIGSEGV
    assert child.stdout == ""
    assert ("Fatal Python error: Segmentation fault" in child.stderr) == (watched == "watched")
