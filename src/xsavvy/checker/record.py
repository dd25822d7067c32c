# SPDX-License-Identifier: Apache-2.0
"""The state record: small integer fields, declared by annotations.

    class Light(Record):
        colour: Annotated[int, Choice(Colour), Init(Colour.RED), "what the driver sees"]
        queues: Annotated[list[int], Each(4, Below(3)), "cars waiting, by direction"]

Records are ordinary objects with ordinary attributes (not slots, so that a record can be
put together from several base classes). A `Shape` turns a record into a tuple that can be
stored and compared (`freeze`, which checks every value) and back (`thaw`).
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, get_args, get_origin

from xsavvy.checker.error import ModelError, nearest
from xsavvy.checker.field import Context, Each, Init, Kind, Location

State = tuple[int, ...]


class Record:
    """Base class of a state record; a new record holds the initial values."""

    def __init__(self) -> None:
        for item in fields(type(self)):
            setattr(self, item.name, item.first)

    def __repr__(self) -> str:
        inner = ", ".join(f"{name}={value}" for name, value in vars(self).items())
        return f"{type(self).__name__}({inner})"


@dataclass(frozen=True)
class Field:
    """One declared field: its name, kind, initial values and meaning."""

    name: str
    kind: Kind
    init: tuple[int, ...]
    doc: str

    @property
    def length(self) -> int | None:
        """Number of elements of a list field, or None."""
        return self.kind.length if isinstance(self.kind, Each) else None

    @property
    def element(self) -> Kind:
        """Kind of one value of the field."""
        return self.kind.kind if isinstance(self.kind, Each) else self.kind

    def label(self, index: int) -> str:
        """Write the index of an element as people read it."""
        return self.kind.label(index) if isinstance(self.kind, Each) else str(index)

    @property
    def first(self) -> int | list[int]:
        """Initial value as the record holds it."""
        return list(self.init) if self.length is not None else self.init[0]


@dataclass(frozen=True)
class Slot:
    """One integer of a state: a plain field, or one element of a list field."""

    field: str
    index: int | None
    kind: Kind
    label: str = ""

    @property
    def name(self) -> str:
        """Name in traces and messages: `field` or `field[i]`."""
        return self.field if self.index is None else f"{self.field}[{self.label}]"


def fields(record: type[Record]) -> tuple[Field, ...]:
    """Read the declared fields of a record class, base classes first.

    Raises ModelError when an annotation has no kind, or an initial value is illegal.
    """
    known = _fields.get(record)
    if known is None:
        known = _fields[record] = _read(record)
    return known


_fields: dict[type[Record], tuple[Field, ...]] = {}


def _read(record: type[Record]) -> tuple[Field, ...]:
    hints = typing.get_type_hints(record, include_extras=True)
    return tuple(
        _field(record, name, hints[name])
        for name in dict.fromkeys(_declared(record))
        if get_origin(hints[name]) is not typing.ClassVar
    )


def _declared(record: type) -> Iterator[str]:
    for base in record.__bases__:
        yield from _declared(base)
    yield from inspect.get_annotations(record)


def _field(record: type, name: str, hint: object) -> Field:
    where = f"{record.__name__}.{name}"
    extras = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    kinds = [extra for extra in extras if isinstance(extra, Kind)]
    if len(kinds) != 1:
        raise ModelError(
            f"{where}: expected exactly one kind (Flag, Below, Choice, Mask, Each, Location, "
            f"Context) in the annotation, found {len(kinds)}"
        )
    inits = [extra for extra in extras if isinstance(extra, Init)]
    docs = [extra for extra in extras if isinstance(extra, str)]
    values = _initial(where, kinds[0], inits[0] if inits else None)
    return Field(name, kinds[0], values, " ".join(docs))


def _initial(where: str, kind: Kind, init: Init | None) -> tuple[int, ...]:
    count = kind.length if isinstance(kind, Each) else 1
    if init is None:
        values = [kind.default] * count
    elif isinstance(init.value, int):
        values = [int(init.value)] * count
    else:
        values = [int(value) for value in init.value]
    if len(values) != count:
        raise ModelError(f"{where}: Init has {len(values)} values, the field has {count}")
    element = kind.kind if isinstance(kind, Each) else kind
    for value in values:
        if isinstance(element, (Location, Context)):
            if init is not None:
                raise ModelError(f"{where}: {element.describe()} has no Init; see Actor.start")
        elif not element.legal(value):
            raise ModelError(f"{where}: Init({value}) is not {element.describe()}")
    return tuple(values)


@dataclass(frozen=True)
class Shape:
    """How records of one bound program become tuples and records again.

    `places` maps a location field to its kind with labels; `contexts` maps a context field
    to (slot number of the actor's location, context bits by location).
    """

    record: type[Record]
    slots: tuple[Slot, ...]
    contexts: Mapping[str, tuple[int, tuple[int, ...]]]
    spans: tuple[tuple[str, int, int | None], ...] = field(default=())

    @property
    def names(self) -> frozenset[str]:
        """Names of all fields, derived ones included."""
        return frozenset(name for name, _, _ in self.spans) | frozenset(self.contexts)

    def thaw(self, state: State) -> Record:
        """Make a record that holds the values of a state."""
        record = self.record.__new__(self.record)
        values = record.__dict__
        for name, start, length in self.spans:
            values[name] = state[start] if length is None else list(state[start : start + length])
        for name, (slot, bits) in self.contexts.items():
            values[name] = bits[state[slot]]
        return record

    def freeze(self, record: Record, where: str) -> State:
        """Make a state of a record, checking every value.

        Raises ModelError naming the field, the value and `where` it was written.
        """
        values = vars(record)
        if len(values) != len(self.spans) + len(self.contexts):
            self._stray(values, where)
        flat: list[int] = []
        for name, _, length in self.spans:
            if length is None:
                flat.append(values[name])
            else:
                flat.extend(values[name])
        for slot, value in zip(self.slots, flat, strict=True):
            if not slot.kind.legal(value):
                raise ModelError(
                    f"{where}: {slot.name} = {_shown(value)} is not {slot.kind.describe()}"
                )
        return tuple(map(int, flat))

    def _stray(self, values: Mapping[str, object], where: str) -> None:
        for name in values:
            if name not in self.names:
                raise ModelError(f"{where}: no field {name!r}; {nearest(name, self.names)}")


def _shown(value: object) -> str:
    return f"{int(value)} ({int(value):#x})" if isinstance(value, int) else repr(value)


def shape(
    record: type[Record],
    places: Mapping[str, Kind],
    contexts: Mapping[str, tuple[str, tuple[int, ...]]],
) -> Shape:
    """Lay out the slots of a record class.

    `places` gives the numbered kind of each location field, `contexts` the location field
    and the context bits by location of each context field.
    """
    slots: list[Slot] = []
    spans: list[tuple[str, int, int | None]] = []
    for item in fields(record):
        if isinstance(item.kind, Context):
            continue
        spans.append((item.name, len(slots), item.length))
        if item.length is None:
            slots.append(Slot(item.name, None, places.get(item.name, item.kind)))
        else:
            slots.extend(
                Slot(item.name, i, item.element, item.label(i)) for i in range(item.length)
            )
    starts = {name: start for name, start, _ in spans}
    derived = {name: (starts[at], bits) for name, (at, bits) in contexts.items()}
    return Shape(record, tuple(slots), derived, tuple(spans))
