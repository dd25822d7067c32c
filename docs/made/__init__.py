# SPDX-License-Identifier: Apache-2.0
"""What the reference pages get when they are built: tables of what the program says of itself.

A line `<!-- made: NAME -->` in a page becomes what `MADE[NAME]()` returns, as Markdown (`extension`). Such tables are
not committed: they cannot be older than the code. What must explore, and so takes minutes, is committed and tested
instead: `docs.answers`.
"""

from __future__ import annotations

from collections.abc import Callable

from .commands import commands_block
from .kernels import changes_block, kernels_block
from .lists import choices_block, details_block, inferred_block, table_block
from .objects import answers_block, files_block, objects_block
from .sources import commits_block, files_of_linux_block, manuals_block, threads_block
from .steps import parts_block, steps_block
from .surface import surface_block
from .tracepage import link_block

__all__ = ["MADE"]

MADE: dict[str, Callable[[], str]] = {
    "commands": commands_block,
    "api": surface_block,
    "objects": objects_block,
    "answers": answers_block,
    "dump-formats": files_block,
    "trace-page": link_block,
    "steps-newest-vmx": lambda: steps_block("newest", "sapphire-rapids"),
    "steps-newest-svm": lambda: steps_block("newest", "genoa"),
    "steps-v6.18-vmx": lambda: steps_block("v6.18", "sapphire-rapids"),
    "steps-v6.18-svm": lambda: steps_block("v6.18", "genoa"),
    "steps-v5.10-vmx": lambda: steps_block("v5.10", "sapphire-rapids"),
    "steps-v4.14-vmx": lambda: steps_block("v4.14", "skylake-sp"),
    "steps-parts": parts_block,
    "kernels": kernels_block,
    "changes": changes_block,
    "components": lambda: table_block("components", ("index", "kind", "XFD")),
    "platforms": lambda: table_block("platforms", ("XCR0", "IA32_XSS", "virtualization")),
    "events": lambda: table_block("events", ("actor",)),
    "witnesses": lambda: table_block("witnesses", (), source=False),
    "scenarios": lambda: details_block("scenarios"),
    "choices": choices_block,
    "inferred": inferred_block,
    "commits": commits_block,
    "linux-files": files_of_linux_block,
    "manuals": manuals_block,
    "threads": threads_block,
}
"""Every block that is made while the site is built, by the name that a page gives it."""
