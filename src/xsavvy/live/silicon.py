# SPDX-License-Identifier: Apache-2.0
"""This processor as an oracle: cases in, answers out."""

from __future__ import annotations

from types import TracebackType
from typing import Final, Self

from xsavvy.live.answer import PAGE_FAULT, Answer
from xsavvy.live.case import Case
from xsavvy.live.host import Host
from xsavvy.live.machine.instruction import INSTRUCTIONS, PREFIXES, encoding
from xsavvy.live.machine.native import FLAG_AC, Native
from xsavvy.live.machine.operand import SPACE, Operand

__all__ = ["BACKGROUND", "Silicon"]

BACKGROUND: Final = b"\xa5" * SPACE
"""What the two pages hold around the operand."""


class Silicon:
    """The oracle; use it as a context manager, for it handles faults of this process meanwhile.

    Args:
        host: the processor that was met.
        thunks: other code that probes run, by name.

    Raises:
        Unreachable: no executable or no shared memory.
    """

    def __init__(self, host: Host, thunks: dict[str, bytes] | None = None) -> None:
        self.host = host
        named = {
            f"{prefix} {name}": encoding(name, prefix)
            for name in INSTRUCTIONS
            for prefix in PREFIXES
        }
        self.native = Native({**named, **(thunks or {})}, host.area_bytes)
        self.operand = Operand()

    def __enter__(self) -> Self:
        self.native.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.native.__exit__(kind, error, traceback)
        self.operand.close()

    def ask(self, case: Case) -> Answer:
        """Execute a case.

        Raises:
            ValueError: the case's setup image is not legal here, so nothing was tested.
        """
        window, reachable = self.operand.window, self.host.reachable
        window[:] = BACKGROUND
        if case.in_place:
            address = self.native.setup_address
        else:
            address = self.operand.address(case.first, case.second, case.offset)
            window[case.offset : case.offset + len(case.memory)] = case.memory
        seen = self.native.run(
            f"{case.prefix} {case.instruction}",
            operand=address,
            rfbm=case.rfbm,
            index=case.index,
            setup=case.setup,
            setup_rfbm=reachable,
            after_rfbm=reachable,
            flags=FLAG_AC if case.align_check else 0,
        )
        if case.in_place:
            left = self.native.setup_bytes()[: len(case.setup)]
            window[: len(left)] = left
        valued = not case.has_operand and seen.vector is None
        value = seen.rdx << 32 | seen.rax if valued else None
        if value is not None and case.instruction == "xgetbv" and case.index == 1:
            value &= reachable  # whether PKRU or tiles are in use is the caller's business
        return Answer(
            seen.vector,
            seen.error if seen.vector is not None else 0,
            seen.cr2 - address if seen.vector == PAGE_FAULT else None,
            value,
            seen.xinuse_before & reachable,
            seen.xinuse_after & reachable,
            bytes(window),
            seen.after[: self.host.image_bytes],
        )
