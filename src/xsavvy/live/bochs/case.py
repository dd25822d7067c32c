# SPDX-License-Identifier: Apache-2.0
"""One question to the emulated processor, and everything that came of it, both also as plain data."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Final

from xsavvy.isa import components
from xsavvy.isa.system import MSRS
from xsavvy.live.answer import Answer
from xsavvy.live.machine.instruction import ACCESS, MEMORY, PREFIXES
from xsavvy.live.machine.operand import ABSENT, READ_ONLY, WRITABLE

__all__ = [
    "CODES",
    "MSR_NUMBERS",
    "SYSTEM",
    "BochsCase",
    "Reply",
    "case_from_plain",
    "written",
]

SYSTEM: Final = {
    "rdmsr": bytes.fromhex("0f 32"),
    "wrmsr": bytes.fromhex("0f 30"),
    "mov cr0,rax": bytes.fromhex("0f 22 c0"),
    "mov cr4,rax": bytes.fromhex("0f 22 e0"),
    "cpuid": bytes.fromhex("49 89 d9 0f a2 89 06 89 5e 04 89 4e 08 89 56 0c 4c 89 cb"),
}
"""What silicon cannot be asked. CPUID stores EAX, EBX, ECX, EDX at [RSI] and keeps RBX."""
CODES: Final = MEMORY | ACCESS | SYSTEM
MSR_NUMBERS: Final = tuple(MSRS.values())
"""The MSRs that a case starts with and reads back, in this order; IA32_XSS is the last."""
_PAGES: Final = (WRITABLE, READ_ONLY, ABSENT)


@dataclass(frozen=True, slots=True)
class BochsCase:
    """One instruction, executed once.

    Attributes:
        instruction: a name of `CODES`.
        setup: standard-format image that is loaded before, whole.
        memory: bytes at the operand before the instruction; empty for an instruction without one.
        rfbm: EDX:EAX.
        index: ECX.
        prefix: a name of `xsavvy.live.machine.instruction.PREFIXES`.
        offset: where the operand begins in its page, or pages.
        first, second: what may be done with the two pages; what follows is absent.
        xcr0: XCR0 during the instruction.
        msrs: values of `MSR_NUMBERS`.
        cpl: 0 or 3.
        osxsave, pke, cet: bits of CR4.
        ts, em, wp: bits of CR0.
    """

    instruction: str
    setup: bytes
    memory: bytes = b""
    rfbm: int = 0
    index: int = 0
    prefix: str = ""
    offset: int = 0
    first: str = WRITABLE
    second: str = WRITABLE
    xcr0: int = components.X87
    msrs: tuple[int, ...] = (0,) * len(MSR_NUMBERS)
    cpl: int = 0
    osxsave: bool = True
    pke: bool = True
    cet: bool = False
    ts: bool = False
    em: bool = False
    wp: bool = True

    def __post_init__(self) -> None:
        if self.instruction not in CODES or self.prefix not in PREFIXES:
            raise ValueError(f"no instruction {self.prefix!r} {self.instruction!r} here")
        if self.first not in _PAGES or self.second not in _PAGES:
            raise ValueError(f"a page is one of {', '.join(_PAGES)}")
        if len(self.msrs) != len(MSR_NUMBERS) or self.cpl not in (0, 3):
            raise ValueError(f"a case has {len(MSR_NUMBERS)} MSRs, and its CPL is 0 or 3")
        numbers = (self.rfbm, self.xcr0, *self.msrs)
        if any(not 0 <= value < 1 << 64 for value in numbers) or not 0 <= self.index < 1 << 32:
            raise ValueError("EDX:EAX, XCR0 and MSRs have 64 bits, and ECX 32")
        if not 0 <= self.offset <= self.offset + len(self.memory) <= 0x2000:
            raise ValueError("the operand does not fit into its two pages")

    @property
    def code(self) -> bytes:
        """The bytes of the instruction."""
        return PREFIXES[self.prefix] + CODES[self.instruction]

    @property
    def has_operand(self) -> bool:
        """Tell whether the instruction names an XSAVE area."""
        return self.instruction in MEMORY

    @property
    def paged(self) -> bool:
        """Tell whether some of the operand's memory cannot be read or written."""
        return not self.first == self.second == WRITABLE

    @property
    def xss(self) -> int:
        """IA32_XSS."""
        return self.msrs[-1]

    def describe(self) -> str:
        """Say in one line what is asked, without the images.

        >>> BochsCase("xsaves64", b"", rfbm=0x1800, cpl=3, xcr0=7).describe()
        'xsaves64 EDX:EAX=0x1800, XCR0=0x7, IA32_XSS=0x0, CPL 3'
        """
        name = f"{self.prefix} {self.instruction}".strip()
        parts = [f"{name} EDX:EAX={self.rfbm:#x}"]
        if not self.has_operand:
            parts.append(f"ECX={self.index:#x}")
        parts += [f"XCR0={self.xcr0:#x}", f"IA32_XSS={self.xss:#x}"]
        if self.cpl:
            parts.append("CPL 3")
        parts += [text for flag, text in self._unusual() if flag]
        return ", ".join(parts)

    def _unusual(self) -> list[tuple[bool, str]]:
        return [
            (not self.osxsave, "CR4.OSXSAVE=0"),
            (not self.pke, "CR4.PKE=0"),
            (self.cet, "CR4.CET=1"),
            (self.ts, "CR0.TS=1"),
            (self.em, "CR0.EM=1"),
            (not self.wp, "CR0.WP=0"),
            (self.has_operand and self.offset % 64 != 0, f"offset {self.offset:#x}"),
            (self.has_operand and self.paged, f"pages {self.first}+{self.second}"),
        ]


@dataclass(frozen=True, slots=True)
class Reply:
    """Everything that one case did.

    Attributes:
        answer: as from every oracle that executes instructions; `memory` are the operand's bytes, `after` is a standard
            area without its XSTATE_BV (which says nothing that XGETBV does not).
        xcr0: XCR0 afterwards.
        pkru: PKRU afterwards.
        msrs: `MSR_NUMBERS` afterwards.
    """

    answer: Answer
    xcr0: int
    pkru: int
    msrs: tuple[int, ...]

    def to_plain(self) -> dict[str, Any]:
        """Give numbers, lists and hexadecimal text."""
        return {**written(self), "answer": written(self.answer)}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Reply:
        """Read what `to_plain` gave. Raises ValueError, KeyError, TypeError."""
        return cls(_read(Answer, plain["answer"]), **_fields(cls, plain, but="answer"))


def written(thing: Any) -> dict[str, Any]:
    """Give a case's or an answer's fields as plain data; what has its usual value is left out."""
    found = {}
    for field in dataclasses.fields(thing):
        value = getattr(thing, field.name)
        if value != field.default:
            found[field.name] = value.hex() if isinstance(value, bytes) else value
    return found


def case_from_plain(plain: dict[str, Any]) -> BochsCase:
    """Read what `written` gave of a case. Raises ValueError, TypeError."""
    found: BochsCase = _read(BochsCase, plain)
    return found


def _read(kind: Any, plain: dict[str, Any]) -> Any:
    return kind(**_fields(kind, plain))


def _fields(kind: Any, plain: dict[str, Any], but: str = "") -> dict[str, Any]:
    """Turn hexadecimal text into bytes and lists into tuples, as a class's annotations ask."""
    found: dict[str, Any] = {}
    kinds = {field.name: str(field.type) for field in dataclasses.fields(kind)}
    for name, value in plain.items():
        if name == but:
            continue
        wanted = kinds.get(name)
        if wanted is None:
            raise ValueError(f"no field {name!r}")
        found[name] = _value(name, wanted, value)
    return found


def _value(name: str, wanted: str, value: Any) -> Any:
    """Turn one plain value into what a field's annotation asks."""
    if wanted == "bytes":
        return bytes.fromhex(value)
    if wanted.startswith("tuple"):
        return tuple(int(each) for each in value)
    kinds: dict[str, tuple[type, ...]] = {
        "int": (int,), "bool": (bool,), "str": (str,), "int | None": (int, type(None)),
    }  # fmt: skip
    if not isinstance(value, kinds[wanted]):
        raise ValueError(f"{name} is not of kind {wanted}")
    return value
