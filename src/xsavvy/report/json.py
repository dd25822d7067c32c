# SPDX-License-Identifier: Apache-2.0
"""The result of a command as one JSON object; its lists stand under `results`.

Names are stable; sizes are in bytes, times in seconds.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from xsavvy.version import __version__

__all__ = ["encode"]


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
