# SPDX-License-Identifier: Apache-2.0
"""The process that searches for the explorer: it can be ended at any moment, and stepping goes on meanwhile.

Nothing imports this module; it is run.
"""

import os

from xsavvy.api.explorer.seeker import answer
from xsavvy.api.process import answer_lines

NICENESS = 10
"""How far a search stands back behind the process that answers the page."""

if __name__ == "__main__":
    os.nice(NICENESS)
    answer_lines(answer)
