# SPDX-License-Identifier: Apache-2.0
"""Hosts by name: a preset or a file with a CPUID dump, a kernel, and words for the host's configuration."""

from __future__ import annotations

import os
from collections.abc import Sequence

from xsavvy.cpuid import Table, UnreadableDump, read
from xsavvy.cpuid.presets import PRESETS
from xsavvy.kvm import UnknownKernel
from xsavvy.kvm import kernel as kernel_named
from xsavvy.kvm.configuration import BadWord, configuration
from xsavvy.live import Unreachable, read_cpuid
from xsavvy.migrate import BadGuest, Guest, Host, guest_of

from .file import LIMIT, dump_bytes, file_bytes
from .imagefile import named_kernel
from .usage import UsageError

__all__ = ["guest_data", "named_guest", "named_host", "named_table", "read_text"]


def named_table(name: str | None) -> tuple[str, Table]:
    """Return a CPUID table by name: a preset, a file, standard input (`-`), or this machine. Raises UsageError."""
    if name is None:
        try:
            return "this machine", read_cpuid()
        except Unreachable as error:
            raise UsageError(f"this machine's CPUID cannot be read: {error}") from None
    if name in PRESETS:
        return name, PRESETS[name].table
    try:
        return name, read(dump_bytes(name, "host"), name)
    except UnreadableDump as error:
        raise UsageError(str(error)) from None


def read_text(path: str, limit: int = LIMIT) -> str:
    """Read a file of a VMM's or of an operator's, all of it or nothing. Raises UsageError."""
    data = file_bytes(path, limit)
    if len(data) > limit:
        raise UsageError(f"{path}: expected at most {limit:,} bytes")
    return data.decode("utf-8", "replace")


def named_host(name: str | None, kernel: str | None = None, words: Sequence[str] = ()) -> Host:
    """Return a host; `NAME@KERNEL` overrides the kernel. Raises UsageError."""
    if name is not None and "@" in name and not os.path.exists(name):
        name, _, kernel = name.rpartition("@")
    try:
        rules = named_kernel(None) if kernel is None else kernel_named(kernel)
        found = configuration(word for each in words for word in each.split(",") if word)
    except (UnknownKernel, BadWord) as error:
        raise UsageError(str(error)) from None
    shown, table = named_table(name)
    return Host(shown, table, rules, found)


def named_guest(text: str, host: Host) -> Guest:
    """Return a guest model: words, or a file with one. Raises UsageError."""
    try:
        return guest_of(text, host, guest_data(text))
    except BadGuest as error:
        raise UsageError(str(error)) from None


def guest_data(text: str) -> bytes | None:
    """Return the bytes of a guest model's file, None if it is words. Raises UsageError."""
    # What a shell's <(...) names is no regular file, and Path.exists() raises for words that are too long for a name.
    named = text == "-" or (os.path.exists(text) and not os.path.isdir(text))
    return file_bytes(text) if named else None
