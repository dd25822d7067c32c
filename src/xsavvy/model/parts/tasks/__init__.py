# SPDX-License-Identifier: Apache-2.0
"""What the host kernel's FPU core does for its own tasks: signals, exec, fork, ptrace, kernel threads, PKRU.

Read `machine`, then `frame`, `delivery` and `sigreturn`, then `lifecycle` and `kthread`.
`guest_xfd` is a design that was refused.
"""

from .part import TASKS

__all__ = ["TASKS"]
