# SPDX-License-Identifier: Apache-2.0
"""Bytes: registers, XSAVE areas, and the instructions' plans applied to them.

Read `registers`, then `apply`; `legacy` holds what is peculiar to the x87 part.
"""

from xsavvy.image.apply import Result, enabled, execute
from xsavvy.image.legacy import X87
from xsavvy.image.registers import Registers

__all__ = ["X87", "Registers", "Result", "enabled", "execute"]
