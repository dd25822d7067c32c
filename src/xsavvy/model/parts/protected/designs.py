# SPDX-License-Identifier: Apache-2.0
"""The enumerations of designs and of kinds of guests; `choices` gives each value its text and source."""

from enum import IntEnum

__all__ = [
    "FakeValues",
    "FpuConfidential",
    "LaunchLock",
    "ProtectedCheck",
    "ProtectedIoctl",
    "ProtectedRestore",
    "ProtectedWarn",
    "SevType",
    "TdType",
    "TdUserReturn",
    "TdXfam",
    "TscAuxRestore",
    "VmsaResync",
]


class SevType(IntEnum):
    """Which kind of guest runs on an AMD processor."""

    SEV_ES_INIT = 0
    SEV_ES = 1
    SNP = 2


class TdType(IntEnum):
    """Which kind of guest runs on an Intel processor."""

    PROTECTED = 0
    DEBUG = 1


class TdXfam(IntEnum):
    """Which components a TD may use."""

    WITHOUT_AMX = 0
    HOST = 1
    WITHOUT_PKU = 2


class ProtectedRestore(IntEnum):
    """Who puts the host's XCR0, IA32_XSS and PKRU back after a TD exit."""

    DEDICATED = 0
    FAKE_STATE = 1


class FakeValues(IntEnum):
    """What stands in vcpu->arch for state that KVM does not have."""

    XFAM = 0
    XFAM_WITHOUT_PKE = 1
    CPUID = 2
    RESET = 3


class ProtectedCheck(IntEnum):
    """Who keeps the common helpers away from protected state."""

    HELPER = 0
    CALLER = 1
    NOBODY = 2


class ProtectedWarn(IntEnum):
    """What a common helper says when it is called for protected state."""

    SILENT = 0
    WARN = 1


class ProtectedIoctl(IntEnum):
    """What ioctls do that ask for protected state."""

    SILENT = 0
    REFUSED = 1


class FpuConfidential(IntEnum):
    """When the guest's fpstate becomes a scratch buffer."""

    AT_CREATE = 0
    AT_LAUNCH = 1


class VmsaResync(IntEnum):
    """What a second launch does to a VMSA that the guest owns already."""

    WRITES = 0
    REJECTED = 1


class LaunchLock(IntEnum):
    """What SNP's launch holds while it copies a vCPU's state into its VMSA and has it encrypted."""

    NOTHING = 0
    ALL_VCPUS = 1


class TscAuxRestore(IntEnum):
    """Which TSC_AUX an exit from a SEV-ES guest leaves."""

    INTERCEPTED = 0
    USER_RETURN = 1
    HOST_VALUE = 2
    CURRENT_VALUE = 3


class TdUserReturn(IntEnum):
    """How KVM's cache of user-return MSRs learns what a TD exit left in them."""

    CACHE_AFTER_RUN = 0
    CACHE_AFTER_SUCCESS = 1
    WRITE_BEFORE = 2
