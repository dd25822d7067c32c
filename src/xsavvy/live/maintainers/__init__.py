# SPDX-License-Identifier: Apache-2.0
"""The maintainers' own cases: what kvm-unit-tests and the KVM selftests assert, as tables.

A table is a function of what a KVM offers, as the tests are. `answers` says what the rules answer; a machine is asked
the same by `xsavvy.live.kvm`. The decision is docs/decisions/0012.
"""

from .case import Case, Explored, OneOf, Step, Table
from .features import Features, offered
from .kut import TABLES as KUT
from .selftest import TABLES as SELFTESTS
from .vcpu import answers

__all__ = [
    "TABLES",
    "Case",
    "Explored",
    "Features",
    "OneOf",
    "Step",
    "Table",
    "answers",
    "offered",
]

TABLES = (*KUT, *SELFTESTS)
"""Every file that was transcribed."""
