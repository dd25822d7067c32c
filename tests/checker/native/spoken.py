# SPDX-License-Identifier: Apache-2.0
"""The kernel's functions as Python, on the same memory, with a hook before each primitive."""

from __future__ import annotations

from types import FunctionType

from xsavvy.checker.native import collapse, hashing, kernel, primitive, seek


def spoken(words, before=lambda: None):
    """Copy the kernel for states of some words; `before` is called ahead of each primitive."""
    space = {"WORDS": words}
    for room in (hashing, collapse, kernel, seek):
        for name, item in vars(room).items():
            if isinstance(item, FunctionType) and item.__module__ == primitive.__name__:
                space[name] = hooked(item, before)
            elif isinstance(item, FunctionType) and item.__module__.startswith(kernel.__package__):
                space[name] = FunctionType(item.__code__, space, name)
            elif type(item) is int:
                space.setdefault(name, item)
    return space


def hooked(function, before):
    def call(*arguments):
        before()
        return function(*arguments)

    return call
