# SPDX-License-Identifier: Apache-2.0
"""The public API: what a command does is a function here that returns typed objects.

`check` and `trace` explore scenarios, `listing` says what the model knows, `cpu` describes a processor,
`conform_silicon` asks this machine. Every name that a caller may get wrong raises UsageError, whose message is one
line with the nearest valid names.
"""

from .lists import KINDS, ListItem, listing
from .machine import conform_silicon, cpu
from .result import CheckReport, CheckResult, LeftOut, Progress, TraceStep
from .run import check, default_scenarios, trace
from .usage import UsageError

__all__ = [
    "KINDS",
    "CheckReport",
    "CheckResult",
    "LeftOut",
    "ListItem",
    "Progress",
    "TraceStep",
    "UsageError",
    "check",
    "conform_silicon",
    "cpu",
    "default_scenarios",
    "listing",
    "trace",
]
