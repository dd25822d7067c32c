# SPDX-License-Identifier: Apache-2.0
"""A state as one Python integer: which bits hold which slot, and the code that reads them.

Locations and the small fields that index lists lie lowest (the key), then the other slots in
order of declaration; a constant slot takes no bits. A mask is stored without its gaps: each
run of neighbouring bits keeps its order.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from xsavvy.checker.field import Choice, Kind, Mask, Place
from xsavvy.checker.record import Shape, Slot, State

KEY_FIELD = 2  # widest field, in bits, that can be part of a state's key


def width(kind: Kind) -> int:
    """Count the bits that a value of a kind takes in a packed state.

    >>> width(Mask(0x207, always=1)), width(Place(("rest", "a.x", "a.y", "a.z", "b.x")))
    (3, 3)
    """
    if isinstance(kind, Mask):
        return max(1, kind.free.bit_count())
    if isinstance(kind, Choice):
        return max(1, (len(kind.values) - 1).bit_length())
    return max(1, kind.top.bit_length())


@dataclass(frozen=True)
class Run:
    """Neighbouring bits of a mask: from bit `low` of the value to bit `at` of the word."""

    low: int
    length: int
    at: int

    @property
    def bits(self) -> int:
        """The bits as a mask of the value."""
        return ((1 << self.length) - 1) << self.low


@lru_cache(maxsize=4096)
def runs(free: int, at: int) -> tuple[Run, ...]:
    """Split a mask into runs of neighbouring bits, packed from bit `at` on."""
    found = []
    low = 0
    while free >> low:
        while not free >> low & 1:
            low += 1
        length = 0
        while free >> (low + length) & 1:
            length += 1
        found.append(Run(low, length, at))
        at += length
        low += length
    return tuple(found)


def order(shape: Shape, slots: Iterable[int], indexes: Container[str]) -> list[int]:
    """Order slots from the least to the most significant: first those of the key.

    States are compared by their slots in this order, in every engine.
    """
    return sorted(slots, key=lambda slot: not _is_key(shape.slots[slot], indexes))


def _is_key(slot: Slot, indexes: Container[str]) -> bool:
    small = slot.field in indexes and width(slot.kind) <= KEY_FIELD
    return isinstance(slot.kind, Place) or (small and slot.index is None)


class Word:
    """The bit layout of one bound program."""

    def __init__(
        self, shape: Shape, fixed: Mapping[int, int], indexes: Container[str] = ()
    ) -> None:
        self.shape = shape
        self.fixed = dict(fixed)
        self.kinds = tuple(slot.kind for slot in shape.slots)
        slots = order(shape, (i for i in range(len(self.kinds)) if i not in fixed), indexes)
        self.key_slots = tuple(slot for slot in slots if _is_key(shape.slots[slot], indexes))
        self.offsets: dict[int, int] = {}
        at = 0
        for slot in slots:
            self.offsets[slot] = at
            at += width(self.kinds[slot])
        self.bits = at
        self.masks = {
            slot: ((1 << width(self.kinds[slot])) - 1) << start
            for slot, start in self.offsets.items()
        }
        self.key_mask = sum(self.mask(slot) for slot in self.key_slots)
        self.full = (1 << at) - 1
        self.runs = {
            slot: runs(kind.free, self.offsets[slot])
            for slot, kind in enumerate(self.kinds)
            if isinstance(kind, Mask) and slot in self.offsets
        }

    def mask(self, slot: int) -> int:
        """Bits of the word that hold a slot."""
        return self.masks[slot]

    def place(self, slot: int, value: int) -> int:
        """Bits of the word that a legal value of a slot sets."""
        kind = self.kinds[slot]
        if isinstance(kind, Mask):
            word = 0
            for run in self.runs[slot]:
                word |= (value & run.bits) >> run.low << run.at
            return word
        if isinstance(kind, Choice):
            value = kind.values.index(value)
        return value << self.offsets[slot]

    def value(self, slot: int, word: int) -> int:
        """Value of a slot in a word."""
        if slot in self.fixed:
            return self.fixed[slot]
        kind = self.kinds[slot]
        if isinstance(kind, Mask):
            found = kind.always
            for run in self.runs[slot]:
                found |= (word >> run.at << run.low) & run.bits
            return found
        raw = (word & self.mask(slot)) >> self.offsets[slot]
        return kind.values[raw] if isinstance(kind, Choice) else raw

    def pack(self, state: State) -> int:
        """Make the word of a state."""
        word = 0
        for slot in self.offsets:
            word |= self.place(slot, state[slot])
        return word

    def unpack(self, word: int) -> State:
        """Make the state of a word."""
        return tuple(self.value(slot, word) for slot in range(len(self.kinds)))

    # code

    def tables(self) -> dict[str, object]:
        """Tables that the generated code names, for choices with gaps."""
        found: dict[str, object] = {}
        for slot, kind in enumerate(self.kinds):
            if isinstance(kind, Choice) and not kind.dense:
                found[f"V{slot}"] = kind.values
                found[f"I{slot}"] = {value: i for i, value in enumerate(kind.values)}
        return found

    def read(self, slot: int) -> str:
        """Expression for the value of a slot in the word `w`, in parentheses."""
        kind = self.kinds[slot]
        if isinstance(kind, Mask):
            parts = [_run_read(run) for run in self.runs[slot]]
            if kind.always:
                parts.append(str(kind.always))
            return "(" + " | ".join(parts or ["0"]) + ")"
        bits = (1 << width(kind)) - 1
        text = f"(w >> {self.offsets[slot]} & {bits})" if self.offsets[slot] else f"(w & {bits})"
        if isinstance(kind, Choice) and not kind.dense:
            return f"V{slot}[{text}]"
        return text

    def nonzero(self, slot: int, bits: int | None = None) -> int | None:
        """Mask of the word of which any bit is set when a slot (or `bits` of it) is not zero.

        None when there is no such mask.
        """
        kind = self.kinds[slot]
        wanted = self.most(slot) if bits is None else bits & self.most(slot)
        if isinstance(kind, Mask):
            return None if wanted & kind.always else self.place(slot, wanted)
        if isinstance(kind, Choice) and not kind.dense:
            return None
        return wanted << self.offsets[slot]

    def most(self, slot: int) -> int:
        """The only bits that can be set in a value of a slot."""
        kind = self.kinds[slot]
        if isinstance(kind, Mask):
            return kind.top
        if isinstance(kind, Choice):
            most = 0
            for value in kind.values:
                most |= value
            return most
        return (1 << kind.top.bit_length()) - 1

    def edit(self, slot: int, edit: tuple[int, int, int] | None) -> tuple[int, int] | None:
        """Masks of the word to clear and to set, if a slot's value is edited by legal constants.

        `edit` is the slot that the value comes from, the bits that it keeps, the bits it gets.
        """
        kind = self.kinds[slot]
        if edit is None or edit[0] != slot or not isinstance(kind, Mask):
            return None
        _, keep, put = edit
        if put & ~kind.top or kind.always & ~(keep | put):
            return None
        set_bits = self.place(slot, put)
        return self.place(slot, kind.top & ~keep) | set_bits, set_bits

    def copy(self, slot: int, origin: int) -> str:
        """Expression for the bits of a slot, copied from another one of the same kind in `w`."""
        shift = self.offsets[slot] - self.offsets[origin]
        text = "w" if shift == 0 else f"w << {shift}" if shift > 0 else f"w >> {-shift}"
        return f"({text} & {self.mask(slot)})"

    def store(self, slot: int, text: str) -> str:
        """Expression for the bits of the word that a legal value, given as text, sets."""
        kind = self.kinds[slot]
        if isinstance(kind, Mask):
            parts = [_run_store(text, run, kind) for run in self.runs[slot]]
            return " | ".join(parts) or "0"
        if isinstance(kind, Choice) and not kind.dense:
            text = f"I{slot}[{text}]"
        offset = self.offsets[slot]
        return f"{text} << {offset}" if offset else text

    def illegal(self, slot: int, text: str, known: Kind | None, most: int | None) -> str | None:
        """Expression that is true for an illegal value; None when it is known to be legal.

        `known` is the kind of the field that the value was copied from, `most` a mask of the
        only bits that can be set in it.
        """
        kind = self.kinds[slot]
        if known == kind:
            return None
        if isinstance(kind, Mask):
            if not kind.always and most is not None and not most & ~kind.top:
                return None
            if not kind.always:
                return f"{text} & {~kind.top}"
            return f"{text} & {~kind.free} != {kind.always}"
        if isinstance(kind, Choice) and not kind.dense:
            return f"{text} not in I{slot}"
        if most is not None and most <= kind.top:
            return None
        if kind.top & (kind.top + 1) == 0:
            return f"{text} & {~kind.top}"
        return f"not 0 <= {text} <= {kind.top}"


def _run_read(run: Run) -> str:
    shift = run.at - run.low
    if shift == 0:
        return f"w & {run.bits}"
    return f"w >> {shift} & {run.bits}" if shift > 0 else f"w << {-shift} & {run.bits}"


def _run_store(text: str, run: Run, kind: Mask) -> str:
    shift = run.at - run.low
    part = text if run.bits == kind.top else f"({text} & {run.bits})"
    if shift == 0:
        return part
    return f"{part} << {shift}" if shift > 0 else f"{part} >> {-shift}"
