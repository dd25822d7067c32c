# SPDX-License-Identifier: Apache-2.0
"""kvm-unit-tests: guests without an operating system, one file of x86/ each."""

from .cet import CET
from .keys import PKS, PKU
from .msr import MSR
from .xsave import XSAVE

__all__ = ["TABLES"]

TABLES = (XSAVE, PKU, PKS, CET, MSR)
