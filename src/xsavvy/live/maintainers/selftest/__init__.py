# SPDX-License-Identifier: Apache-2.0
"""The KVM selftests of Linux: a VMM and its guest, one file of tools/testing/selftests/kvm/x86/ each."""

from .amx import AMX
from .cpuid import CPUID
from .cr4 import CR4_CPUID_SYNC, SET_SREGS
from .msrs import MSRS, XSS_MSR
from .state import STATE
from .sync import SYNC_REGS
from .xcr0 import XCR0_CPUID

__all__ = ["TABLES"]

TABLES = (AMX, XCR0_CPUID, XSS_MSR, CPUID, STATE, MSRS, CR4_CPUID_SYNC, SET_SREGS, SYNC_REGS)
