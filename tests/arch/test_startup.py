# SPDX-License-Identifier: Apache-2.0
"""Start-up is a feature: asking for help loads nothing heavy."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROBE = """
import sys
from xsavvy.cli.main import main
try:
    main({arguments!r})
except SystemExit as stop:
    assert not stop.code, stop.code
print("loaded:", *sorted(sys.modules))
"""
HEAVY = ("numpy", "numba", "llvmlite", "rich", "msgspec", "xsavvy.model", "xsavvy.checker",
         "xsavvy.kvm", "xsavvy.live", "xsavvy.api", "ctypes", "jinja2")  # fmt: skip


def loaded(arguments: list[str]) -> set[str]:
    """The modules a fresh interpreter has loaded after a command."""
    probe = PROBE.format(arguments=arguments)
    ran = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return set(ran.stdout.rpartition("loaded: ")[2].split())


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["check", "--help"]], ids=" ".join
)
def test_help_is_light(arguments: list[str]) -> None:
    """Help and version load neither the model nor a library that it does not need."""
    assert not loaded(arguments) & set(HEAVY)


def test_the_probe_would_see_a_heavy_module() -> None:
    """The probe reports what a command did load."""
    assert "xsavvy.cli.main" in loaded(["--help"])


def test_explore_is_light_until_it_begins() -> None:
    """Its help loads neither the model nor what serves a page."""
    served = {"http.server", "webbrowser", "xsavvy.report.explorer.session"}
    assert not loaded(["explore", "--help"]) & {*HEAVY, *served}


def test_the_package_itself_is_light() -> None:
    """`import xsavvy` alone loads no room."""
    code = "import sys, xsavvy; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(ran.stdout.split()) & set(HEAVY)
