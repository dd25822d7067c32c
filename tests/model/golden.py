# SPDX-License-Identifier: Apache-2.0
"""States, transitions and depth of the scenarios, as counted, part by part; verdicts are pinned elsewhere."""

from __future__ import annotations

from tests.model.counts.cet import CET
from tests.model.counts.history import HISTORY
from tests.model.counts.ioctls import IOCTLS
from tests.model.counts.moves import MOVES
from tests.model.counts.nested import NESTED
from tests.model.counts.protected import PROTECTED
from tests.model.counts.row import Row
from tests.model.counts.run import LARGE, RUN
from tests.model.counts.tasks import TASKS
from tests.model.counts.trace import TRACE

__all__ = ["GOLDEN", "LARGE", "Row"]

GOLDEN = (*RUN, *IOCTLS, *MOVES, *TRACE, *NESTED, *TASKS, *PROTECTED, *HISTORY, *CET)
