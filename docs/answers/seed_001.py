# SPDX-License-Identifier: Apache-2.0
"""Seed 001: XFD."""

from __future__ import annotations

from .row import VMX, Answer, Row


def _xfd(label: str, **choices: str) -> Row:
    return Row(label, "xfd-on-demand", "v6.19", VMX, choices)


def _failing(option: str, after: str) -> dict[str, str]:
    return {"xfd_intercept": option, "allocation": "may_fail", "after_failure": after}


XFD = Answer(
    "explanation/seed-001.md",
    (
        _xfd("upstream: first nonzero write"),
        _xfd("always intercepted", xfd_intercept="always"),
        _xfd("option 1, growth succeeds", xfd_intercept="option_1"),
        _xfd("option 1, growth may fail, VMM stops", **_failing("option_1", "stops")),
        _xfd("option 1, growth may fail, VMM re-enters", **_failing("option_1", "reenters")),
        _xfd("the same, saved without a mask", save_mask="all", **_failing("option_1", "reenters")),
        _xfd("option 2, growth succeeds", xfd_intercept="option_2"),
        _xfd("option 2, growth may fail, VMM re-enters", **_failing("option_2", "reenters")),
        _xfd("option 3, growth succeeds", xfd_intercept="option_3"),
        _xfd("option 3, growth may fail, VMM re-enters", **_failing("option_3", "reenters")),
        _xfd("upstream, synchronized after interrupts are on", xfd_sync="irqs_on"),
        _xfd("upstream, never synchronized", xfd_sync="never"),
        _xfd("upstream, XFD_ERR left in the register", xfd_err="not_cleared"),
        _xfd("upstream, XFD_ERR zeroed and forgotten", xfd_err="not_saved"),
    ),
    {
        "kernel_survives": "kernel survives",
        "enabled_state_has_room": "room for what is enabled",
        "guest_finds_its_registers": "guest finds its registers",
        "guest_runs_on_its_own_xfd": "guest's XFD",
        "xfd_cache_is_right": "XFD cache",
        "host_runs_without_guest_xfd_err": "host free of XFD_ERR",
        "guest_reads_its_own_xfd_err": "guest's XFD_ERR",
    },
)
