# SPDX-License-Identifier: Apache-2.0
"""A machine under QEMU that answers cases: boots, talks through one port, is gone afterwards."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from xsavvy.live.machine.reach import Unreachable

from .initramfs import PORT, build
from .package import KernelFiles

__all__ = ["Machine"]

QEMU = "qemu-system-x86_64"
MEGABYTES = 768


class Machine:
    """The other kernel, from its boot to its end; a context manager. `seconds` bounds its life."""

    def __init__(self, files: KernelFiles, seconds: float) -> None:
        self._files = files
        self._end = time.monotonic() + seconds
        self._seconds = seconds
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        program = shutil.which(QEMU)
        if program is None:
            raise Unreachable(f"{QEMU} is not here (apt-get install qemu-system-x86)")
        self._scratch = tempfile.TemporaryDirectory()
        place = Path(self._scratch.name)
        (place / "initrd").write_bytes(build(self._files))
        command = [
            program, "-accel", "tcg", "-machine", "pc", "-cpu", "max", "-m", str(MEGABYTES),
            "-nodefaults", "-display", "none", "-no-reboot",
            "-serial", f"file:{place / 'console'}",
            "-chardev", "stdio,id=port,signal=off",
            "-device", "virtio-serial-pci",
            "-device", f"virtserialport,chardev=port,name={PORT}",
            "-kernel", str(self._files.kernel), "-initrd", str(place / "initrd"),
            "-append", "console=ttyS0 panic=-1 mitigations=off",
        ]  # fmt: skip
        self._process = subprocess.Popen(  # noqa: S603  # QEMU with files of ours
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
        if self._scratch is not None:
            self._scratch.cleanup()

    def ask(self, calls: list[list[Any]]) -> list[Any]:
        """Send the calls of one case and wait for its answers. Raises Unreachable."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(calls).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise Unreachable(self._why("is gone")) from None
        line = self._line()
        found: list[Any] = json.loads(line)
        return found

    def _line(self) -> bytes:
        """Read one answer; the machine is ended if its time is over."""
        import selectors

        assert self._process is not None
        pipe = self._process.stdout
        assert pipe is not None
        with selectors.DefaultSelector() as waiting:
            waiting.register(pipe, selectors.EVENT_READ)
            left = self._end - time.monotonic()
            if left <= 0 or not waiting.select(left):
                raise Unreachable(self._why(f"did not answer within {self._seconds:.0f} s"))
        line = pipe.readline()
        if not line.endswith(b"\n"):
            raise Unreachable(self._why("ended"))
        return line

    def _why(self, what: str) -> str:
        """Say what became of the machine, with the last words on its console."""
        assert self._scratch is not None
        console = Path(self._scratch.name) / "console"
        lines = console.read_text(errors="replace").split("\n") if console.exists() else []
        last = next(
            (line.strip() for line in reversed(lines) if line.strip()), "nothing on its console"
        )
        return f"the machine with {self._files.package} {what}: {last[:160]}"
