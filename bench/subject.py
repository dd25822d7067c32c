# SPDX-License-Identifier: Apache-2.0
"""The models that are measured, by name: `fx-K-B` and real scenarios."""

from __future__ import annotations

from dataclasses import dataclass

from tests.checker.fx import Size, budget, program
from tests.model.world import system as real
from xsavvy.checker import System, bind

__all__ = ["SUBJECTS", "Subject", "system"]


@dataclass(frozen=True)
class Subject:
    """A model whose counts are known.

    fx is the benchmark protocol: K components, B writes from outside (tests/checker/fx.py).
    A real scenario is named scenario/kernel/platform. `holds` tells whether its properties do.
    """

    name: str
    states: int
    transitions: int
    holds: bool = True


SUBJECTS = (
    Subject("pkru-xinuse/v6.18/sapphire-rapids", 389, 473, holds=False),
    Subject("fx-1-0", 27_616, 65_792),
    Subject("fpu/v5.18/sapphire-rapids", 473_415, 571_477),
    Subject("fx-2-1", 1_355_456, 3_415_840),
    Subject("fpu-xcr0/v7.3/sapphire-rapids", 2_432_578, 2_987_777),
    Subject("fx-3-0", 12_831_360, 33_289_152),
    Subject("fx-3-7", 113_819_520, 310_483_776),
)


def system(name: str) -> System:
    """Bind a model by its name."""
    if name.startswith("fx-"):
        components, amount = map(int, name.split("-")[1:])
        return bind(program(components), Size(components), [budget(amount)])
    scenario, kernel, platform = name.split("/")
    return real(scenario, kernel, platform)
