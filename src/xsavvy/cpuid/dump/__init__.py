# SPDX-License-Identifier: Apache-2.0
"""Readers of CPUID dumps, one module per format, behind `read()`."""

from xsavvy.cpuid.dump.format import (
    FORMATS,
    Format,
    UnknownFormat,
    detect,
    format_named,
    read,
    read_all,
)
from xsavvy.cpuid.dump.intake import Source, UnreadableDump
from xsavvy.cpuid.dump.raw import write_raw

__all__ = [
    "FORMATS",
    "Format",
    "Source",
    "UnknownFormat",
    "UnreadableDump",
    "detect",
    "format_named",
    "read",
    "read_all",
    "write_raw",
]
