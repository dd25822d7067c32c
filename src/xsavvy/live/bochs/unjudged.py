# SPDX-License-Identifier: Apache-2.0
"""What no oracle that can be run here judges, and what the model rests on instead.

The rules' own sources are in `xsavvy.isa.sources`; a rule that is a guess is marked there.
"""

from __future__ import annotations

from typing import Final

from xsavvy.live.host import Unreached

__all__ = ["UNJUDGED"]

# fmt: off
UNJUDGED: Final = (
    Unreached("XFD, XFD_ERR, #NM by XFD", "no emulator has the MSRs; SDM Extended Feature Disable, "
              "and Linux commits (b45f72177594) for what saves and XGETBV do"),
    Unreached("XTILECFG and XTILEDATA", "Bochs 2.7 has no AMX; SDM AMX State, XCR0's rule from "
              "KVM, which refuses one without the other"),
    Unreached("CET_U and CET_S as XSAVES writes them", "Bochs 2.7 puts them elsewhere (B1, B3); "
              "SDM Operation of XSAVES, and the layout that XRSTORS was asked about here"),
    Unreached("PT, PASID, UINTR, LBR, HDC, HWP", "no emulator accepts their bits in IA32_XSS; "
              "SDM, the state's own section"),
    Unreached("PKRU in the compacted format behind other components", "Bochs 2.7 takes it from "
              "another place (B2); SDM Compacted Format, and the rule that silicon confirms for "
              "AVX-512"),
    Unreached("PKRU that denies key 0", "Bochs 2.7 applies it to the kernel's pages; "
              "SDM Protection Keys"),
    Unreached("exits of XSAVES, XRSTORS and XSETBV", "no hypervisor runs in the emulator here; "
              "SDM Relative Priority of Faults and VM Exits"),
    Unreached("the modified optimisation", "Bochs writes every component; silicon is asked "
              "(conform --silicon), supervisor components rest on SDM XSAVES"),
)
# fmt: on
