# SPDX-License-Identifier: Apache-2.0
"""Say what machine and which versions a measurement is of."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import llvmlite

from xsavvy.version import __version__

__all__ = ["machine", "versions"]

ASK = {
    "commit": ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"],
    "rumur": ["rumur", "--version"],
    "spin": ["spin", "-V"],
    "java": ["java", "-version"],
    "gcc": ["gcc", "--version"],
}


def machine() -> dict[str, object]:
    """Describe the processor, the memory, and how busy the machine is."""
    return {
        "processor": _first(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo")),
        "cpus": len(os.sched_getaffinity(0)),
        "memory_kilobytes": int(_first(r"MemTotal:\s*(\d+)", Path("/proc/meminfo")) or 0),
        "huge_pages": _first(r"\[(\w+)\]", Path("/sys/kernel/mm/transparent_hugepage/enabled")),
        "kernel": f"{platform.system()} {platform.release()}",
        "load": os.getloadavg()[0],
    }


def versions() -> dict[str, str]:
    """Name the versions of everything that is measured."""
    found = {"xsavvy": __version__, "python": platform.python_version()}
    found["llvmlite"] = llvmlite.__version__
    for name, command in ASK.items():
        if shutil.which(command[0]) is not None:
            ran = subprocess.run(  # noqa: S603 (fixed commands)
                command, capture_output=True, text=True, check=False
            )
            found[name] = (ran.stdout or ran.stderr).strip().partition("\n")[0]
    return found


def _first(pattern: str, path: Path) -> str:
    try:
        found = re.search(pattern, path.read_text())
    except OSError:
        return ""
    return found[1].strip() if found else ""
