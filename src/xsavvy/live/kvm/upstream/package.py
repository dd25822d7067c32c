# SPDX-License-Identifier: Apache-2.0
"""A Debian kernel image: which package, and its files, kept in the user's cache."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from xsavvy.live.machine.reach import Unreachable

__all__ = ["VERSIONS", "KernelFiles", "kernel_files"]

VERSIONS = ("6.1", "6.12")
"""Versions that Debian 12 packages; any other that apt knows may be asked for."""
SECONDS = 300
NEEDED = ("apt-get", "apt-cache", "dpkg-deb")


class KernelFiles:
    """An unpacked kernel package: the kernel itself and its modules."""

    def __init__(self, root: Path, package: str) -> None:
        self.package = package
        self.root = root
        self.kernel = next(iter(sorted(root.glob("boot/vmlinuz-*"))))

    def module(self, name: str) -> Path | None:
        """Find a module by its name; none where it is built in."""
        found = sorted(self.root.rglob(f"{name}.ko*"))
        return found[0] if found else None


def kernel_files(version: str) -> KernelFiles:
    """Fetch and unpack Debian's kernel of a version, once. Raises Unreachable."""
    for program in NEEDED:
        if shutil.which(program) is None:
            raise Unreachable(f"{program} is not here: Debian's packages are fetched with apt")
    package = _package(version)
    place = _cache() / package
    if not list(place.glob("boot/vmlinuz-*")):
        _fetch(package, place)
    return KernelFiles(place, package)


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "xsavvy" / "upstream"


def _package(version: str) -> str:
    """Return the newest image package of a version: what Debian's meta package depends on."""
    meta = "linux-image-cloud-amd64" if version == "6.1" else f"linux-image-{version}-cloud-amd64"
    found = _run(["apt-cache", "depends", meta])
    match = re.search(rf"Depends: (linux-image-{re.escape(version)}\S*)", found)
    if match is None:
        raise Unreachable(f"apt knows no {meta}: expected a kernel that Debian packages here")
    return match[1]


def _fetch(package: str, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as scratch:
        _run(["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", package], scratch)
        archives = sorted(Path(scratch).glob("*.deb"))
        if not archives:
            raise Unreachable(f"apt-get download {package}: no package came")
        tree = Path(scratch) / "tree"
        _run(["dpkg-deb", "-x", str(archives[0]), str(tree)])
        tree.rename(place)


def _run(command: list[str], place: str | None = None) -> str:
    try:
        done = subprocess.run(  # noqa: S603  # apt and dpkg with names that were checked
            command, cwd=place, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unreachable(f"{' '.join(command[:2])}: {error}") from None
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines() or [f"status {done.returncode}"]
        raise Unreachable(f"{' '.join(command[:3])}: {words[-1]}")
    return done.stdout
