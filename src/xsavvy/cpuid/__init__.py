# SPDX-License-Identifier: Apache-2.0
"""What a CPU or a VMM claims about itself: CPUID leaves, where they come from, what they say."""

from xsavvy.cpuid.table import Leaf, Table

__all__ = ["Leaf", "Table"]
