# SPDX-License-Identifier: Apache-2.0
"""Say what is wrong with a state at which generated code gave up."""

from __future__ import annotations

from typing import NoReturn

from xsavvy.checker.bind import System
from xsavvy.checker.error import EngineError, ModelError
from xsavvy.checker.record import State
from xsavvy.checker.rule import successor


def explain(system: System, state: State, failure: BaseException | str) -> NoReturn:
    """Run the model's own functions on a state; they say what is wrong.

    Raises ModelError; EngineError when these functions see nothing wrong.
    """
    record = system.shape.thaw(state)
    program = system.program
    guards = [(item.name, item.holds) for item in program.properties]
    guards += [(witness.name, witness.seen) for witness in program.witnesses]
    if program.terminal is not None:
        guards.append(("terminal", program.terminal))
    for name, guard in guards:
        try:
            guard(record, system.constants)
        except Exception as bad:
            raise ModelError(f"{name}: {type(bad).__name__}: {bad}") from bad
    for rule in system.rules:
        successor(system.shape, rule, state, system.constants)
    error = EngineError(f"generated code failed where the model's functions do not: {failure!r}")
    raise error from (failure if isinstance(failure, BaseException) else None)
