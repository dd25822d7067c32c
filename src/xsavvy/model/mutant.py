# SPDX-License-Identifier: Apache-2.0
"""What a mutant is: a change that must break a property."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from xsavvy.checker import Program

__all__ = ["Mutant"]


@dataclass(frozen=True)
class Mutant:
    """One change: an edit of the program, or other choices, in one scenario on one platform.

    `choices` are set in both worlds, `changed` only with the mutant.
    """

    name: str
    scenario: str
    platform: str
    edit: Callable[[Program], Program] | None = None
    changed: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[str, str] = field(default_factory=dict)
    kernel: str = "v6.18+b45f72177594"
