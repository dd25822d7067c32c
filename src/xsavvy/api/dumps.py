# SPDX-License-Identifier: Apache-2.0
"""CPUID from wherever it comes: this machine, /dev/kvm, a preset, or a dump in any of the formats."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from xsavvy.cpuid import Table, UnreadableDump
from xsavvy.cpuid.dump import FORMATS, Format, Source, UnknownFormat, detect, format_named
from xsavvy.cpuid.presets import PRESETS
from xsavvy.cpuid.table import Leaf
from xsavvy.live import Unreachable, read_cpuid
from xsavvy.live.kvm import asker

from .file import dump_bytes, file_bytes
from .usage import UsageError

__all__ = ["SOURCES", "Dump", "open_dump"]

SOURCES = (*(each.name for each in FORMATS), "machine", "kvm", "preset")
"""What `--from` takes."""


@dataclass(frozen=True)
class Dump:
    """Tables and where they came from; `roles` names them where they are not processors of one machine."""

    name: str
    form: str
    tables: tuple[Table, ...]
    roles: tuple[str, ...] = ()

    def place(self, wanted: str | None) -> int:
        """Return the place of a processor, by number or by role; the first by default. Raises UsageError."""
        known = self.roles[: len(self.tables)] or tuple(map(str, range(len(self.tables))))
        if wanted is None:
            return 0
        if wanted not in known:
            shown = ", ".join(known) if self.roles else f"0 to {len(known) - 1}"
            raise UsageError(f"{self.name}: no processor {wanted!r}: expected {shown}")
        return known.index(wanted)


def open_dump(name: str | None, form: str | None = None) -> Dump:
    """Return the tables of a dump, a preset, this machine (None) or a KVM (its device file).

    `form` is one of SOURCES; without it, what a file holds is told by its text. Raises UsageError.
    """
    if form == "machine" or (name is None and form is None):
        return _machine()
    if form == "kvm" or (form is None and name == asker.NAME):
        return _kvm(name or asker.NAME)
    if form == "preset" or (form is None and name in PRESETS and not Path(str(name)).exists()):
        if name is None or name not in PRESETS:
            raise UsageError(f"no preset {name!r}: see xsavvy list platforms")
        return Dump(name, "preset", (PRESETS[name].table,))
    if name is None:
        raise UsageError(f"--from {form} needs a file")
    return _file(name, form)


def _machine() -> Dump:
    try:
        return Dump("this machine", "machine", (read_cpuid(),))
    except Unreachable as error:
        raise UsageError(f"this machine's CPUID cannot be read: {error}") from None


def _kvm(name: str) -> Dump:
    """Ask KVM_GET_SUPPORTED_CPUID: all that it would show a guest."""
    try:
        device = os.open(name, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError(f"{name}: cannot be opened: {error.strerror}") from None
    try:
        entries = asker.cpuid_entries(device, asker.GET_SUPPORTED_CPUID)
    finally:
        os.close(device)
    if isinstance(entries, int):
        raise UsageError(f"{name}: KVM_GET_SUPPORTED_CPUID failed: {os.strerror(-entries)}")
    table = {(leaf, index): Leaf(*words) for leaf, index, _, *words in entries}
    return Dump(name, "kvm", (Table(table, whole=True),))


def _file(name: str, form: str | None) -> Dump:
    shown = "<stdin>" if name == "-" else name
    try:
        source = Source(file_bytes(name) if form else dump_bytes(name, "CPU"), shown)
        chosen: Format = detect(source) if form is None else format_named(form)
        return Dump(shown, chosen.name, chosen.reads(source), chosen.roles)
    except (UnreadableDump, UnknownFormat) as error:
        raise UsageError(str(error)) from None
