# SPDX-License-Identifier: Apache-2.0
"""An archive in the form that Linux unpacks as its first root (newc).

Source: Documentation/driver-api/early-userspace/buffer-format.rst.
"""

from __future__ import annotations

import gzip
from pathlib import PurePosixPath

__all__ = ["Archive"]

FILE, DIRECTORY, LINK = 0o100000, 0o40000, 0o120000


class Archive:
    """Files by name; directories come by themselves."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[int, bytes]] = {}

    def add(self, name: str, data: bytes, *, executable: bool = False) -> None:
        """Add a file under an absolute name."""
        for parent in reversed(PurePosixPath(name).parents):
            if str(parent) != "/":
                self._entries.setdefault(str(parent)[1:], (DIRECTORY | 0o755, b""))
        self._entries[name[1:]] = (FILE | (0o755 if executable else 0o644), data)

    def directory(self, name: str) -> None:
        """Add an empty directory."""
        self._entries.setdefault(name[1:], (DIRECTORY | 0o755, b""))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name[1:] in self._entries

    def packed(self) -> bytes:
        """Return the archive, compressed."""
        out = bytearray()
        for number, (name, (mode, data)) in enumerate(
            [*self._entries.items(), ("TRAILER!!!", (0, b""))], 1
        ):
            fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
            head = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
            out += head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)
        return gzip.compress(bytes(out), 1)
