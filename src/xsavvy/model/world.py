# SPDX-License-Identifier: Apache-2.0
"""Everything that one check is about."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from xsavvy.kvm import Kernel

from .platforms import Platform
from .scenario import Scenario

__all__ = ["World"]


@dataclass(frozen=True)
class World:
    """A scenario on a kernel and a platform, with an answer to every design question.

    `choices` answers every question of the registry; `extra` holds the answers to those that a patch adds.
    """

    scenario: Scenario
    kernel: Kernel
    platform: Platform
    choices: Mapping[str, IntEnum]
    extra: Mapping[str, int]
