# SPDX-License-Identifier: Apache-2.0
"""The answers to the threads: `python -m docs.answers [NAME...]` explores every row and rewrites the pages.

The pages are generated from runs and nothing else; a test explores the rows again and compares. A finding on the
newest kernel that upstream has not fixed is left out (docs/decisions/0004): what is left out is said on the page.
"""

from __future__ import annotations

from collections.abc import Callable

from .cost import cet_block, pkru_block, protected_block, trace_block, xfd_block
from .gallery import gallery_block
from .keys import keys_block
from .row import Answer
from .seed_000 import OFFERED, TRACE
from .seed_001 import XFD
from .seed_002 import PKRU, XINUSE
from .seed_003 import CAPABILITIES, SWITCHING, derivation_block, hosts_block, partners_block
from .seed_004 import CHECKS, RESTORE, WARNING
from .sentences import sentences_block
from .systems import systems_block

ANSWERS: dict[str, Answer] = {
    "trace": TRACE,
    "trace-offered": OFFERED,
    "xfd": XFD,
    "pkru": PKRU,
    "pkru-xinuse": XINUSE,
    "cet-capabilities": CAPABILITIES,
    "cet-switching": SWITCHING,
    "protected": RESTORE,
    "protected-checks": CHECKS,
    "protected-warnings": WARNING,
}
"""Every answer by the name of its block in a page."""

TABLES: dict[str, Callable[[], str]] = {
    "gallery": gallery_block,
    "keys": keys_block,
    "sentences": sentences_block,
    "cet-derivation": derivation_block,
    "cet-partners": partners_block,
    "cet-hosts": hosts_block,
    "cost-trace": trace_block,
    "cost-xfd": xfd_block,
    "cost-pkru": pkru_block,
    "cost-cet": cet_block,
    "cost-protected": protected_block,
}
"""Blocks that need no exploration."""

SLOW: dict[str, Callable[[], str]] = {"systems": systems_block}
"""Blocks that take minutes: made when they are named."""
