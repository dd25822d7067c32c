# SPDX-License-Identifier: Apache-2.0
"""A root file system in memory: busybox, this Python, `asker`, and KVM's modules of another kernel."""

from __future__ import annotations

import lzma
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from xsavvy.live.kvm import asker
from xsavvy.live.machine.reach import Unreachable

from .cpio import Archive
from .package import KernelFiles

__all__ = ["PORT", "build"]

PORT = "xsavvy"
"""The name of the port through which cases and answers go."""
MODULES = ("virtio", "virtio_ring", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci",
           "virtio_console", "irqbypass", "kvm", "kvm-amd")  # fmt: skip
LIBRARY = ("collections", "ctypes", "encodings", "importlib", "json", "re")
# Modules need each other in an order that the package does not tell: a later round gets what an earlier one could not.
INIT = f"""#!/bin/busybox sh
/bin/busybox mount -t devtmpfs d /dev
/bin/busybox mount -t proc p /proc
/bin/busybox mount -t sysfs s /sys
for round in 1 2 3; do
    for module in /m/*.ko; do /bin/busybox insmod $module 2>/dev/null; done
done
/bin/busybox sleep 0.2
for port in /sys/class/virtio-ports/*; do
    [ "$(/bin/busybox cat $port/name)" = {PORT} ] && name=${{port##*/}}
done
exec 3<>/dev/$name
PYTHONHOME=/py PYTHONDONTWRITEBYTECODE=1 /bin/python3 /asker.py <&3 >&3
/bin/busybox poweroff -f
"""


def build(files: KernelFiles) -> bytes:
    """Return the archive. Raises Unreachable where something that it needs is missing."""
    archive = Archive()
    for name in ("/dev", "/proc", "/sys", "/m", "/tmp"):  # noqa: S108  # inside the other machine
        archive.directory(name)
    archive.add("/init", INIT.encode(), executable=True)
    archive.add("/bin/busybox", _busybox(), executable=True)
    archive.add("/asker.py", Path(asker.__file__).read_bytes())
    for name in MODULES:
        path = files.module(name) or files.module(name.replace("_", "-"))
        if path is not None:
            archive.add(f"/m/{name}.ko", _unpacked(path))
    _python(archive)
    return archive.packed()


def _busybox() -> bytes:
    path = shutil.which("busybox")
    if path is None:
        raise Unreachable("busybox is not here (apt-get install busybox-static)")
    return Path(path).read_bytes()


def _unpacked(path: Path) -> bytes:
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def _python(archive: Archive) -> None:
    """Add this interpreter, what of the library `asker` needs, and the shared libraries of both."""
    executable = Path(sys.executable).resolve()
    archive.add("/bin/python3", executable.read_bytes(), executable=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    library = Path(sysconfig.get_path("stdlib"))
    for path in library.glob("*.py"):
        archive.add(f"/py/lib/{version}/{path.name}", path.read_bytes())
    for package in LIBRARY:
        for path in (library / package).rglob("*.py"):
            if "test" not in path.parts:
                place = path.relative_to(library)
                archive.add(f"/py/lib/{version}/{place}", path.read_bytes())
    extensions = sorted((library / "lib-dynload").glob("*.so"))
    for path in extensions:
        archive.add(f"/py/lib/{version}/lib-dynload/{path.name}", path.read_bytes())
    for path in _libraries([executable, *extensions]):
        archive.add(str(path), path.resolve().read_bytes(), executable=True)


def _libraries(files: list[Path]) -> list[Path]:
    """Name the shared libraries that programs need, where they lie here."""
    found: dict[str, None] = {}
    for path in files:
        done = subprocess.run(  # noqa: S603  # the interpreter's own files
            ["ldd", str(path)],  # noqa: S607
            capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
        found.update(dict.fromkeys(re.findall(r"(/\S+\.so\S*)", done.stdout)))
    return [Path(name) for name in found if Path(name).exists()]
