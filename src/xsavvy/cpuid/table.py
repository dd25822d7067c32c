# SPDX-License-Identifier: Apache-2.0
"""What CPUID answered: an immutable table from (leaf, subleaf) to four registers.

Every reader of a dump, every preset and the live machine end in a `Table`, so nothing above
this module knows where the numbers came from. An entry that a dump does not hold is *unknown*,
not zero: ask with `find()` where the difference matters and with `read()` where hardware's answer
for an absent entry, four zeros, is what is wanted.

Some sources say only some bits of a register (a template, a list of feature names): `known()` has
the mask of those, and `bit()` answers None for the others. A table can also be all that is answered
(an emulator's definition, what KVM was given): then it is `whole`, and an absent subleaf of a leaf that
it has *is* zero.

Left out: which numbers are legal (a lint) and what they mean (`processor.py`, `describe.py`).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeAlias, final

__all__ = ["EVERY_BIT", "ZERO", "Key", "Leaf", "Table", "registers_text"]

Key: TypeAlias = tuple[int, int]
"""A leaf (EAX on entry) and a subleaf (ECX on entry)."""

_LIMIT = 1 << 32


class Leaf(NamedTuple):
    """The four registers that CPUID returned for one leaf and subleaf, 32 bits each."""

    eax: int
    ebx: int
    ecx: int
    edx: int


ZERO = Leaf(0, 0, 0, 0)
"""What a processor answers for a subleaf that it does not have."""

EVERY_BIT = Leaf(_LIMIT - 1, _LIMIT - 1, _LIMIT - 1, _LIMIT - 1)
"""The mask of an entry that is known whole."""


def registers_text(a: int, b: int, c: int) -> str:
    """Spell three registers as the 12 characters that they hold, other bytes escaped.

    >>> registers_text(0x756E6547, 0x49656E69, 0x6C65746E)
    'GenuineIntel'
    >>> registers_text(0x0A000001, 0, 0)[:8]
    '\\\\x01\\\\x00'
    """
    raw = b"".join(register.to_bytes(4, "little") for register in (a, b, c))
    return "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in raw)


@final
class Table(Mapping[Key, Leaf]):
    """An immutable, ordered mapping from (leaf, subleaf) to a `Leaf`.

    Iteration is in order of leaf, then subleaf, whatever the order given. Two tables are equal when
    their entries, and what is known of them, are. `known` has the masks of entries that are known in
    part; their other bits must be 0 and say nothing. `whole` tells that an absent subleaf is zero.
    Raises ValueError for a leaf, subleaf or register outside 32 bits, and for a bit outside its mask.

    >>> table = Table({(0xD, 0): Leaf(7, 0x340, 0x340, 0)})
    >>> table.read(0xD).eax, table.read(0xD, 1), table.find(0xD, 1)
    (7, Leaf(eax=0, ebx=0, ecx=0, edx=0), None)
    """

    __slots__ = ("_entries", "_hash", "_known", "whole")

    def __init__(
        self,
        entries: Mapping[Key, Leaf] | Iterable[tuple[Key, Leaf]] = (),
        *,
        known: Mapping[Key, Leaf] | None = None,
        whole: bool = False,
    ) -> None:
        given: dict[Key, Leaf] = {}
        given.update(entries)
        for (leaf, subleaf), registers in given.items():
            for number in (leaf, subleaf, *registers):
                if not 0 <= number < _LIMIT:
                    raise ValueError(
                        f"CPUID leaf {leaf:#x} subleaf {subleaf:#x}: {number:#x} is not 32 bits"
                    )
        self._entries: dict[Key, Leaf] = {key: Leaf(*given[key]) for key in sorted(given)}
        self._known = _masks(self._entries, known or {})
        self.whole = whole
        self._hash: int | None = None

    def __getitem__(self, key: Key) -> Leaf:
        return self._entries[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((*self._entries.items(), *self._known.items()))
        return self._hash

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Table):
            return self._entries == other._entries and self._known == other._known
        return super().__eq__(other)

    def __repr__(self) -> str:
        return f"<Table {self.vendor!r}, {len(self)} entries>"

    def find(self, leaf: int, subleaf: int = 0) -> Leaf | None:
        """Return an entry, or None where the table does not hold it."""
        return self._entries.get((leaf, subleaf))

    def read(self, leaf: int, subleaf: int = 0) -> Leaf:
        """Return an entry, or four zeros where the table does not hold it."""
        return self._entries.get((leaf, subleaf), ZERO)

    def known(self, leaf: int, subleaf: int = 0) -> Leaf:
        """Return which bits of an entry the table knows: none of an absent one.

        A whole table knows the absent subleaves of its leaves: they are zero.
        """
        key = leaf, subleaf
        if key in self._entries:
            return self._known.get(key, EVERY_BIT)
        return EVERY_BIT if self.whole and self.subleaves(leaf) else ZERO

    def knows(self, leaf: int, subleaf: int, *registers: str) -> bool:
        """Tell whether every bit of some registers of an entry is known.

        >>> Table({(1, 0): ZERO}).knows(1, 0, "eax", "edx"), Table().knows(1, 0, "eax")
        (True, False)
        """
        mask = self.known(leaf, subleaf)
        return all(mask[Leaf._fields.index(name)] == EVERY_BIT.eax for name in registers)

    def bit(self, leaf: int, subleaf: int, register: str, bit: int) -> bool | None:
        """Return one bit, or None where the table does not know it.

        >>> table = Table({(7, 0): Leaf(0, 1, 0, 0)}, known={(7, 0): Leaf(0, 3, 0, 0)})
        >>> [table.bit(7, 0, "ebx", bit) for bit in (0, 1, 2)], table.bit(1, 0, "ecx", 26)
        ([True, False, None], None)
        """
        place = Leaf._fields.index(register)
        if not self.known(leaf, subleaf)[place] >> bit & 1:
            return None
        return bool(self.read(leaf, subleaf)[place] >> bit & 1)

    def subleaves(self, leaf: int) -> tuple[int, ...]:
        """Return the subleaves that the table holds for a leaf, ascending."""
        return tuple(sub for at, sub in self._entries if at == leaf)

    def replaced(self, changes: Mapping[Key, Leaf | None]) -> "Table":
        """Return a table with some entries set, or removed where the change is None."""
        entries = {**self._entries, **changes}
        return Table(
            {key: leaf for key, leaf in entries.items() if leaf is not None},
            known={key: mask for key, mask in self._known.items() if key not in changes},
            whole=self.whole,
        )

    def taken_whole(self) -> "Table":
        """Return the same table as all that is answered: absent subleaves of its leaves are zero."""
        return Table(self._entries, known=self._known, whole=True)

    def selected(self, leaves: Iterable[int]) -> "Table":
        """Return a table with only the entries of some leaves."""
        wanted = frozenset(leaves)
        return Table(
            {key: leaf for key, leaf in self._entries.items() if key[0] in wanted},
            known={key: mask for key, mask in self._known.items() if key[0] in wanted},
        )

    @property
    def vendor(self) -> str:
        """The 12-character vendor name of leaf 0, or an empty string where leaf 0 is absent."""
        leaf = self.find(0)
        return "" if leaf is None else registers_text(leaf.ebx, leaf.edx, leaf.ecx)

    @property
    def brand(self) -> str:
        """The processor's name in leaves 0x80000002..4, stripped; empty where one is absent."""
        parts = [self.find(leaf) for leaf in (0x80000002, 0x80000003, 0x80000004)]
        raw = b"".join(
            register.to_bytes(4, "little") for leaf in parts if leaf for register in leaf
        )
        text = raw.split(b"\0", 1)[0].decode("latin-1") if all(parts) else ""
        return "".join(c if " " <= c <= "~" else f"\\x{ord(c):02x}" for c in text).strip()


def _masks(entries: Mapping[Key, Leaf], known: Mapping[Key, Leaf]) -> dict[Key, Leaf]:
    """Return the masks of the entries that are known in part, in order."""
    masks = {key: Leaf(*known[key]) for key in sorted(known) if known[key] != EVERY_BIT}
    for key, mask in masks.items():
        leaf = entries.get(key)
        if leaf is None or any(value & ~bits for value, bits in zip(leaf, mask, strict=True)):
            raise ValueError(f"CPUID leaf {key[0]:#x} subleaf {key[1]:#x}: a bit outside its mask")
    return masks
