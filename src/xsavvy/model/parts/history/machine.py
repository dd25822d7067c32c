# SPDX-License-Identifier: Apache-2.0
"""The run loop's machine with a few fields more, and more reasons to leave the guest."""

from enum import IntEnum
from typing import Annotated

from xsavvy.checker import Choice, Each, Flag, Init
from xsavvy.model.history.fields import KeepsXcr0
from xsavvy.model.machine import CPUS, Machine
from xsavvy.model.values import Exit, Value

__all__ = ["HistoryExit", "HistoryMachine"]


class HistoryExit(IntEnum):
    """Why the guest leaves guest mode besides the run loop's reasons."""

    MACHINE_CHECK = 20
    MACHINE_CHECK_AT_ENTRY = 21
    EMULATED_READ = 22
    EMULATED_WRITE = 23


class HistoryMachine(Machine, KeepsXcr0):
    """What machine checks, the emulator and a VMM that reads images need."""

    vcpu_exit: Annotated[int, Choice(Exit, HistoryExit), "the exit being handled"]
    task_mce: Annotated[int, Flag(), "TIF_NOTIFY_RESUME: memory_failure() waits as task work"]
    vcpu_operand: Annotated[
        int, Choice(Value), Init(Value.ANY), "what the emulator has read from a register"
    ]
    uapi_pkru: Annotated[
        int, Choice(Value), Init(Value.ANY), "PKRU in the image that userspace has just read"
    ]
    hw_bnd: Annotated[list[int], Each(CPUS, Choice(Value)), "BND0 to BND3, where they matter"]
    fp_bnd: Annotated[int, Choice(Value), "the bound registers in the guest's image"]
    ghost_bnd: Annotated[int, Choice(Value), "the guest's bound registers"]
