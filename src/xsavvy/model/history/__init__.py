# SPDX-License-Identifier: Apache-2.0
"""What the run loop was before v5.17: a delta for each commit since v3.10, and the fields that only old kernels need.

Read `table` for the whole, then youngest first: `swap` (two copies instead of one pointer, TIF_NEED_FPU_LOAD), `eager`
(registers switched with the thread), `entry` (the guest's FPU loaded at entry), `xcr0` (XCR0 loaded as long as the vCPU
is), `lazy` (CR0.TS and #NM), `pkru` (the first years of protection keys).
"""

from .table import HISTORY_DELTAS

__all__ = ["HISTORY_DELTAS"]
