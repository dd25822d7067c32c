# SPDX-License-Identifier: Apache-2.0
"""What a CPU or a VMM claims about itself: CPUID leaves, where they come from, what they say.

`xsavvy.cpuid.processor.processor()` and `xsavvy.cpuid.describe.describe()` are imported from their
modules, whose names they share; the presets from `xsavvy.cpuid.presets`.
"""

from xsavvy.cpuid.dump import UnreadableDump, read, read_all, write_raw
from xsavvy.cpuid.table import Leaf, Table

__all__ = ["Leaf", "Table", "UnreadableDump", "read", "read_all", "write_raw"]
