# SPDX-License-Identifier: Apache-2.0
"""Bochs as a process: RAM goes in by a file, comes out by a file, and nothing stays behind.

The terminal display needs a terminal, so it gets a pseudo-terminal: no window and no listening port. Debian's build has
the debugger, whose commands come from a file; a magic breakpoint in the kernel hands over to it. `sound: driver=dummy`
is needed, else the ALSA driver aborts where there is no sound. Sources: bochsrc(5); tried with 2.7+dfsg-4.
"""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final

from xsavvy.live.machine.reach import Unreachable

from .kernel import BASE, rom

__all__ = ["Bochs", "Failed"]

PROGRAMS: Final = ("bochs-bin", "bochs")
PLUGINS: Final = "*/bochs/plugins/libbx_term_gui.so"
MEGABYTE: Final = 1 << 20
CONFIGURATION: Final = """\
display_library: term
romimage: file="{place}/rom", address=0xffff0000
vgaromimage: file="{place}/vga"
optramimage1: file="{place}/ram", address={base:#x}
memory: guest={megabytes}, host={megabytes}
cpu: model={model}, count=1, ips=50000000, reset_on_triple_fault=0, ignore_bad_msrs=0
magic_break: enabled=1
boot: disk
mouse: enabled=0
clock: sync=none
log: "{place}/log"
panic: action=fatal
error: action=report
info: action=report
debug: action=ignore
sound: driver=dummy
plugin_ctrl: unmapped=1, speaker=0, gameport=0, parallel=0, serial=0
"""
NO_VGA: Final = bytes.fromhex("55 aa 04 cb 32").ljust(2048, b"\0")
"""The emulator insists on a VGA BIOS (its bytes add up to 0), which nobody will call."""
COMMANDS: Final = 'c\nwritemem "{place}/out" {base:#x} {size}\nq\n'


class Failed(Exception):
    """The emulator did not come back with RAM; one line."""


class Bochs:
    """One CPU model of the emulator that is installed here.

    Args:
        model: what Bochs calls it.
        seconds: after so long one run is ended.

    Raises:
        Unreachable: the emulator or its terminal display is not installed.
    """

    def __init__(self, model: str, seconds: float = 60.0) -> None:
        self.model, self._seconds = model, seconds
        found = [path for name in PROGRAMS if (path := shutil.which(name))]
        if not found:
            raise Unreachable("bochs is not here (apt-get install bochs bochs-term)")
        self._program = found[0]
        root = Path(self._program).resolve().parent.parent
        if not any((root / "lib").glob(PLUGINS)):
            raise Unreachable("Bochs' terminal display is not here (apt-get install bochs-term)")
        self.version = ""

    def run(self, ram: bytes | bytearray) -> bytes:
        """Start the machine, let it work until it stops itself, give its RAM back. Raises Failed."""
        with tempfile.TemporaryDirectory(prefix="xsavvy-bochs-") as name:
            place = Path(name)
            (place / "rom").write_bytes(rom())
            (place / "vga").write_bytes(NO_VGA)
            (place / "ram").write_bytes(ram)
            megabytes = (BASE + len(ram)) // MEGABYTE + 8
            text = CONFIGURATION.format(
                place=place, base=BASE, model=self.model, megabytes=megabytes
            )
            (place / "rc").write_text(text)
            (place / "commands").write_text(COMMANDS.format(place=place, base=BASE, size=len(ram)))
            status = self._execute(place)
            log = (place / "log").read_text(errors="replace") if (place / "log").exists() else ""
            self.version = self.version or _version(log)
            if not (place / "out").exists():
                raise Failed(f"Bochs ({self.model}) ended with status {status}: {_panic(log)}")
            return (place / "out").read_bytes()

    def _execute(self, place: Path) -> int:
        """Run the emulator under a pseudo-terminal whose output is thrown away."""
        command = [self._program, "-q", "-f", "rc", "-rc", "commands"]
        ours, theirs = pty.openpty()
        try:
            process = subprocess.Popen(  # noqa: S603  # the emulator, with files of ours
                command, cwd=place, stdin=theirs, stdout=theirs, stderr=theirs,
                env={"TERM": "xterm", "HOME": str(place), "PATH": os.defpath}, start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(theirs)
        try:
            _drain(ours, process, time.monotonic() + self._seconds)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            os.close(ours)
        return process.returncode


def _drain(port: int, process: subprocess.Popen[bytes], end: float) -> None:
    """Read and drop what the emulator prints until it ends or its time is up."""
    while process.poll() is None and time.monotonic() < end:
        ready, _, _ = select.select([port], [], [], 0.02)
        if ready:
            with contextlib.suppress(OSError):
                os.read(port, 1 << 16)


def _version(log: str) -> str:
    found = re.search(r"Bochs x86 Emulator (\S+)", log)
    return found[1] if found else ""


def _panic(log: str) -> str:
    lines = [line for line in log.splitlines() if "PANIC" in line or "ERROR" in line]
    return lines[-1].strip()[:200] if lines else "no result and no message"
