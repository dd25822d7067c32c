# SPDX-License-Identifier: Apache-2.0
"""The kinds of value that a field of a state record can hold.

A kind knows which integers are legal, which one a field starts with, and how a value is
shown in a trace. Kinds are written in annotations, see `record.py`:

    pending: Annotated[int, Flag(), "an interrupt is waiting"]
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import cached_property

from xsavvy.checker.error import ModelError

MOST_BITS = 63  # of one value, so that it fits a machine word with a bit to spare


@dataclass(frozen=True)
class Kind:
    """Base of all kinds; a kind is immutable and compares by its parameters."""

    @property
    def default(self) -> int:
        """Value of a field that has no `Init`."""
        return 0

    @property
    def top(self) -> int:
        """Greatest legal value."""
        raise NotImplementedError

    def legal(self, value: int) -> bool:
        """Tell whether a field of this kind may hold `value`."""
        return 0 <= value <= self.top

    def show(self, value: int) -> str:
        """Write a value as people read it in a trace."""
        return str(value)

    def describe(self) -> str:
        """Say in a few words which values are legal."""
        return f"0..{self.top}"


@dataclass(frozen=True)
class Flag(Kind):
    """Zero or one.

    >>> Flag().legal(1), Flag().legal(2)
    (True, False)
    """

    @property
    def top(self) -> int:
        return 1


@dataclass(frozen=True)
class Below(Kind):
    """An integer from 0 up to, but without, `limit`.

    >>> Below(5).describe()
    '0..4'
    """

    limit: int

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise ModelError(f"Below({self.limit}): the limit must be at least 1")
        if self.top >> MOST_BITS:
            raise ModelError(f"Below({self.limit}): values must stay below 2**{MOST_BITS}")

    @property
    def top(self) -> int:
        return self.limit - 1


@dataclass(frozen=True)
class Choice(Kind):
    """A member of an `IntEnum` class, held as its integer and shown by its name.

    `more` is a second class whose members the field may hold too, for a record that extends another's choice.

    >>> class Light(enum.IntEnum):
    ...     RED = 0
    ...     GREEN = 1
    >>> class Fault(enum.IntEnum):
    ...     DARK = 2
    >>> Choice(Light).show(1), Choice(Light, Fault).show(2)
    ('green', 'dark')
    """

    members: type[enum.IntEnum]
    more: type[enum.IntEnum] | None = None

    def __post_init__(self) -> None:
        if not self.values:
            raise ModelError(f"Choice({self.members.__name__}): the enum has no members")
        if self.values[0] < 0:
            raise ModelError(f"Choice({self.members.__name__}): members must not be negative")
        if self.more is not None and len(self.values) < len(self.members) + len(self.more):
            raise ModelError(
                f"Choice({self.members.__name__}, {self.more.__name__}): a value is in both"
            )

    @cached_property
    def _names(self) -> dict[int, str]:
        every = (*self.members, *(self.more or ()))
        return {int(member): member.name.lower() for member in every}

    @cached_property
    def values(self) -> tuple[int, ...]:
        """Every legal value, ascending."""
        return tuple(sorted(self._names))

    @property
    def dense(self) -> bool:
        """Tell whether the values are 0, 1, 2, ... without a gap."""
        return self.values == tuple(range(len(self.values)))

    @property
    def default(self) -> int:
        return 0 if 0 in self.values else self.values[0]

    @property
    def top(self) -> int:
        return self.values[-1]

    def legal(self, value: int) -> bool:
        return value in self.values

    def show(self, value: int) -> str:
        return self._names.get(value, str(value))

    def describe(self) -> str:
        return "one of " + ", ".join(self.show(value) for value in self.values)


@dataclass(frozen=True)
class Mask(Kind):
    """The bits `always`, plus any subset of `bits`.

    >>> Mask(0x206, always=1).legal(0x205), Mask(0x206, always=1).legal(0x204)
    (True, False)
    >>> Mask(0x206, always=1).show(0x205)
    '0x205'
    """

    bits: int
    always: int = 0

    def __post_init__(self) -> None:
        if self.bits < 0 or self.always < 0:
            raise ModelError("Mask: bits and always must not be negative")
        if self.top >> MOST_BITS:
            raise ModelError(f"Mask({self.bits:#x}): values must stay below 2**{MOST_BITS}")

    @property
    def default(self) -> int:
        return self.always

    @property
    def free(self) -> int:
        """The bits that can differ between two values."""
        return self.bits & ~self.always

    @property
    def top(self) -> int:
        return self.bits | self.always

    def legal(self, value: int) -> bool:
        return value & ~self.top == 0 and value & self.always == self.always

    def show(self, value: int) -> str:
        return hex(value)

    def describe(self) -> str:
        fixed = f", always with {self.always:#x}" if self.always else ""
        return f"a subset of {self.bits:#x}{fixed}"


@dataclass(frozen=True)
class Each(Kind):
    """A list of `length` values of one kind; its elements are shown as `field[i]`.

    With an enum as `names`, they are shown by the name of the member that has the index.

    >>> class Side(enum.IntEnum):
    ...     LEFT = 0
    ...     RIGHT = 1
    >>> Each(2, Flag(), Side).label(1)
    'right'
    """

    length: int
    kind: Kind
    names: type[enum.IntEnum] | None = None

    def __post_init__(self) -> None:
        if self.length < 1:
            raise ModelError(f"Each({self.length}, ...): the length must be at least 1")
        if isinstance(self.kind, (Each, Location, Context)):
            raise ModelError("Each: the elements must be Flag, Below, Choice or Mask")

    def label(self, index: int) -> str:
        """Write an index as people read it in a trace."""
        known = self.names is not None and index in {int(member) for member in self.names}
        return self.names(index).name.lower() if self.names is not None and known else str(index)

    @property
    def default(self) -> int:
        return self.kind.default

    @property
    def top(self) -> int:
        return self.kind.top

    def describe(self) -> str:
        return f"{self.length} times {self.kind.describe()}"


@dataclass(frozen=True)
class Location(Kind):
    """Where an actor is in its paths; only the checker writes it."""

    actor: str

    @property
    def top(self) -> int:
        raise ModelError(f"the locations of {self.actor} are numbered when a program is bound")

    def describe(self) -> str:
        return f"a location of {self.actor}"


@dataclass(frozen=True)
class Context(Kind):
    """The context bits at an actor's location; derived, read-only, takes no bits."""

    actor: str

    @property
    def top(self) -> int:
        raise ModelError(f"the context of {self.actor} is known when a program is bound")

    def describe(self) -> str:
        return f"the context bits where {self.actor} is"


@dataclass(frozen=True)
class Place(Kind):
    """A numbered location of a bound program: 0 is rest, then one number for each label."""

    labels: tuple[str, ...]

    @property
    def top(self) -> int:
        return len(self.labels) - 1

    def show(self, value: int) -> str:
        return self.labels[value] if 0 <= value < len(self.labels) else str(value)

    def describe(self) -> str:
        return f"one of {len(self.labels)} locations"


@dataclass(frozen=True)
class Init:
    """The value a field starts with: one integer, or one for each element of a list."""

    value: int | list[int] | tuple[int, ...]

    def __hash__(self) -> int:
        return hash(self.value if isinstance(self.value, int) else tuple(self.value))
