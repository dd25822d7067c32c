# SPDX-License-Identifier: Apache-2.0
"""The parts of the model, in the order in which they are listed."""

from xsavvy.model.part import Part
from xsavvy.model.runpart import RUN

from .capabilities import CAPABILITIES
from .cet import CET
from .history import HISTORY
from .ioctls import IOCTLS
from .moves import MOVES
from .nested import NESTED
from .protected import PROTECTED
from .tasks import TASKS
from .trace import TRACE

__all__ = ["PARTS"]

PARTS: tuple[Part, ...] = (
    RUN,
    TRACE,
    NESTED,
    MOVES,
    TASKS,
    HISTORY,
    PROTECTED,
    IOCTLS,
    CET,
    CAPABILITIES,
)
