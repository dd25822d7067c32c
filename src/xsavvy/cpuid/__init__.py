# SPDX-License-Identifier: Apache-2.0
"""What a CPU or a VMM claims about itself: CPUID leaves, where they come from, what they say."""

from xsavvy.cpuid.dump import UnreadableDump, read, read_all, write_raw
from xsavvy.cpuid.processor import IncompleteTable, processor
from xsavvy.cpuid.table import Leaf, Table

__all__ = [
    "IncompleteTable",
    "Leaf",
    "Table",
    "UnreadableDump",
    "processor",
    "read",
    "read_all",
    "write_raw",
]
