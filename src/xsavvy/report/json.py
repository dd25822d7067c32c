# SPDX-License-Identifier: Apache-2.0
"""The result of a command as one JSON object; its lists stand under `results`.

Names are stable; sizes are in bytes, times in seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from xsavvy.version import __version__

if TYPE_CHECKING:
    from xsavvy.api import CheckReport

__all__ = ["encode", "encode_check"]


def encode(command: str, results: Iterable[object], **more: object) -> str:
    """Return the object of one command: what ran, what it found, and what belongs to all of it.

    >>> print(encode("list", [], kind="kernels"))
    {
      "command": "list",
      "version": "...",
      "kind": "kernels",
      "results": []
    }
    """
    whole = {"command": command, "version": __version__, **more, "results": list(results)}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode()


def encode_check(command: str, reports: Sequence[CheckReport], *, interrupted: bool) -> str:
    """Return the object of a command that checked scenarios: all results, and which machine they are about."""
    return encode(
        command,
        [result for report in reports for result in report.results],
        machine=reports[0].machine if reports else "",
        notes=list(dict.fromkeys(note for report in reports for note in report.notes)),
        interrupted=interrupted,
    )
