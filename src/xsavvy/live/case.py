# SPDX-License-Identifier: Apache-2.0
"""One question to the processor, complete enough to be asked again on another machine.

A case is a state to load first, an instruction, its operand and where in memory it lies. It has a
written form (JSON, images as runs of bytes that are not zero), which is what is recorded, replayed
and printed.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Final

from xsavvy.live.machine.instruction import INSTRUCTIONS, LENS, MEMORY, PREFIXES, encoding
from xsavvy.live.machine.operand import ABSENT, READ_ONLY, SPACE, WRITABLE

__all__ = ["Case", "decode", "encode"]

_PAGES: Final = (WRITABLE, READ_ONLY, ABSENT)
_GAP: Final = 8
_NUMBERS: Final = ("rfbm", "index", "offset")
_TEXTS: Final = ("instruction", "prefix", "first", "second")
_FLAGS: Final = ("align_check", "in_place")
_IMAGES: Final = ("setup", "memory")


@dataclass(frozen=True, slots=True)
class Case:
    """One instruction, executed once.

    Attributes:
        instruction: a name of `xsavvy.live.machine.instruction.INSTRUCTIONS`.
        setup: standard-format image that is loaded before, whole; its format must be legal.
        memory: bytes at the operand before the instruction; empty for an instruction without one.
        rfbm: EDX:EAX.
        index: ECX.
        prefix: a name of `xsavvy.live.machine.instruction.PREFIXES`.
        offset: where the operand begins in its two pages.
        first: what may be done with the first page ("writable", "read-only", "absent").
        second: the same for the second page; what follows is absent.
        align_check: RFLAGS.AC is set.
        in_place: the operand is the very area that the setup image was restored from.
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
    align_check: bool = False
    in_place: bool = False

    def __post_init__(self) -> None:
        if self.instruction not in INSTRUCTIONS:
            raise ValueError(f"no instruction {self.instruction!r} here")
        if self.prefix not in PREFIXES:
            raise ValueError(f"no prefix {self.prefix!r} here")
        if self.first not in _PAGES or self.second not in _PAGES:
            raise ValueError(f"a page is one of {', '.join(_PAGES)}")
        if not (0 <= self.rfbm < 1 << 64 and 0 <= self.index < 1 << 32):
            raise ValueError("EDX:EAX has 64 bits and ECX 32")
        if not 0 <= self.offset <= self.offset + len(self.memory) <= SPACE:
            raise ValueError("the operand does not fit into its two pages")

    @property
    def code(self) -> bytes:
        """The bytes of the instruction."""
        return encoding(self.instruction, self.prefix)

    @property
    def has_operand(self) -> bool:
        """Tell whether the instruction names memory."""
        return self.instruction in MEMORY or self.instruction in LENS

    @property
    def plain(self) -> bool:
        """Tell whether all of the operand's memory can be read and written."""
        return self.first == self.second == WRITABLE

    def describe(self) -> str:
        """Say in one line what is asked, without the images.

        >>> Case("xsave64", b"", rfbm=6, first="read-only").describe()
        'xsave64 rfbm=0x6, pages read-only+writable'
        """
        parts = [f"{self.prefix} {self.instruction}".strip() + f" rfbm={self.rfbm:#x}"]
        if not self.has_operand:
            parts.append(f"ecx={self.index:#x}")
        if self.offset:
            parts.append(f"offset {self.offset:#x}")
        if not self.plain:
            parts.append(f"pages {self.first}+{self.second}")
        if self.align_check:
            parts.append("RFLAGS.AC=1")
        if self.in_place:
            parts.append("on the area last restored")
        return ", ".join(parts)


_DEFAULTS: Final = {
    field.name: field.default
    for field in dataclasses.fields(Case)
    if field.default is not dataclasses.MISSING
}


def encode(case: Case) -> bytes:
    """Write a case as one line of JSON; what has its usual value is left out.

    >>> encode(Case("xgetbv", bytes(4), index=1))
    b'{"instruction": "xgetbv", "index": "0x1", "setup": {"size": 4}}'
    """
    written: dict[str, object] = {}
    for name in _TEXTS + _NUMBERS + _FLAGS:
        value = getattr(case, name)
        if value != _DEFAULTS.get(name):
            written[name] = hex(value) if name in _NUMBERS else value
    for name in _IMAGES:
        image: bytes = getattr(case, name)
        if image:
            written[name] = {"size": len(image), **_runs(image)}
    return json.dumps(written).encode()


def decode(line: bytes) -> Case:
    """Read a case that `encode` wrote.

    Raises:
        ValueError: not such a line; the message says what is wrong with it.

    >>> decode(b'{"instruction": "xgetbv", "index": "0x1", "setup": {"size": 4}}').index
    1
    """
    try:
        written = json.loads(line)
    except RecursionError:
        raise ValueError("a case is a JSON object") from None
    if not isinstance(written, dict):
        raise ValueError("a case is a JSON object")
    known = {*_TEXTS, *_NUMBERS, *_FLAGS, *_IMAGES}
    strays = sorted(set(written) - known)
    if strays:
        raise ValueError(f"a case has no {', '.join(map(repr, strays))}")
    if "instruction" not in written:
        raise ValueError("a case needs an 'instruction'")
    values: dict[str, str | int | bool | bytes] = {"setup": b""}
    for name, value in written.items():
        values[name] = _value(name, value)
    return Case(**values)  # type: ignore[arg-type]


def _value(name: str, value: object) -> str | int | bool | bytes:
    if name in _NUMBERS and isinstance(value, str):
        return int(value, 16)
    if name in _TEXTS and isinstance(value, str):
        return value
    if name in _FLAGS and isinstance(value, bool):
        return value
    if name in _IMAGES and isinstance(value, dict):
        return _image(value)
    raise ValueError(f"{name!r} cannot be {value!r}")


def _runs(image: bytes) -> dict[str, str]:
    """Map offsets to the bytes there, leaving out stretches of zeros."""
    runs: dict[str, str] = {}
    zeros = bytes(_GAP)
    start = 0
    while start < len(image):
        if not image[start]:
            start += 1
            continue
        end = image.find(zeros, start)
        end = len(image) if end < 0 else end
        runs[hex(start)] = image[start:end].rstrip(b"\0").hex()
        start = end
    return runs


def _image(written: dict[str, object]) -> bytes:
    size = written.get("size")
    if not isinstance(size, int) or not 0 <= size <= SPACE:
        raise ValueError(f"an image's size is a number up to {SPACE}, not {size!r}")
    image = bytearray(size)
    for place, digits in written.items():
        if place == "size":
            continue
        run, at = bytes.fromhex(str(digits)), int(place, 16)
        if at + len(run) > size:
            raise ValueError(f"bytes at {place} lie beyond an image of {size}")
        image[at : at + len(run)] = run
    return bytes(image)
