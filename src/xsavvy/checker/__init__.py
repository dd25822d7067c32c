# SPDX-License-Identifier: Apache-2.0
"""The checker: it knows fields, steps, paths, events, properties; nothing of x86.

Read `reference.py` first: it is the whole meaning of a search, slow and obvious. Then
`program.py` (what a model is made of), `record.py` and `field.py` (its state), `dialect.py`
(what step functions may contain), `place.py` (paths, labels, contexts), `bind.py` (how a
program becomes a list of rules). `audit.py` says what is refused, `edit.py` how programs are
changed, `trace.py` how a trace is proven.

The packed engine answers tens of times faster (about 500,000 states a second on a small
protocol, 400,000 on the machine model). Read it from the top: `packed.py` (the search),
`generate.py` (which pieces of code), `effect.py` (one rule), `inline.py` and `expression.py`
(a function becomes text), `value.py` (what is known about an expression), `word.py` (bits).

>>> from typing import Annotated
>>> class Tank(Record):
...     level: Annotated[int, Below(4), Init(2), "litres"]
>>> def pour(s, k):
...     s.level += 1
>>> def room(s, k):
...     return s.level < k.limit
>>> def never_full(s, k):
...     return s.level < 3
>>> program = Program(
...     Tank, actors=(), events=(Event("rain", "sky", pour, source="-", when=room),),
...     properties=(Property("never_full", "The tank is never full.", never_full, source="-"),),
... )
>>> class Small:
...     limit = 3
>>> found = search(bind(program, Small))
>>> found.states, found.transitions, found.depth, found.deadlocks.count
(2, 1, 1, 1)
>>> found.verdict("never_full").trace.hops[0].changes
{'level': ('2', '3')}
"""

from xsavvy.checker.bind import System, bind
from xsavvy.checker.dialect import check as check_dialect
from xsavvy.checker.dialect import reads, writes
from xsavvy.checker.error import (
    CheckerError,
    DialectError,
    EditError,
    EngineError,
    ModelError,
    ResourceError,
)
from xsavvy.checker.exploration import Remainder
from xsavvy.checker.field import Below, Choice, Context, Each, Flag, Init, Kind, Location, Mask
from xsavvy.checker.outcome import (
    Deadlocks,
    FieldUse,
    Hop,
    Outcome,
    Sighting,
    Trace,
    Unreached,
    Verdict,
)
from xsavvy.checker.place import layout, listing
from xsavvy.checker.program import (
    REST,
    Actor,
    Event,
    Eventually,
    Path,
    Program,
    Property,
    Step,
    Witness,
)
from xsavvy.checker.record import Field, Record, fields
from xsavvy.checker.search import Resources, search

__all__ = [
    "REST",
    "Actor",
    "Below",
    "CheckerError",
    "Choice",
    "Context",
    "Deadlocks",
    "DialectError",
    "Each",
    "EditError",
    "EngineError",
    "Event",
    "Eventually",
    "Field",
    "FieldUse",
    "Flag",
    "Hop",
    "Init",
    "Kind",
    "Location",
    "Mask",
    "ModelError",
    "Outcome",
    "Path",
    "Program",
    "Property",
    "Record",
    "Remainder",
    "ResourceError",
    "Resources",
    "Sighting",
    "Step",
    "System",
    "Trace",
    "Unreached",
    "Verdict",
    "Witness",
    "bind",
    "check_dialect",
    "fields",
    "layout",
    "listing",
    "reads",
    "search",
    "writes",
]
