# SPDX-License-Identifier: Apache-2.0
"""Seed 004: who restores the host's state after a protected guest."""

from __future__ import annotations

from .row import SVM, VMX, Answer, Row

FAKE = {"protected_restore": "fake_state"}


def _td(label: str, kernel: str = "v6.18", **choices: str) -> Row:
    return Row(label, "td-ioctls", kernel, VMX, choices)


def _fake(label: str, values: str, xfam: str = "without_amx", **choices: str) -> Row:
    return _td(label, td_xfam=xfam, fake_values=values, **FAKE, **choices)


RESTORE = Answer(
    "explanation/seed-004.md",
    (
        _td("dedicated code, XFAM less than the host's"),
        _td("dedicated code, XFAM as the host's", td_xfam="host"),
        _td("dedicated code, XFAM without PKRU", td_xfam="without_pku"),
        _td("dedicated code, v6.19's order", kernel="v6.19"),
        _fake("fake values: XFAM's", "xfam"),
        _fake("fake values: XFAM's, without CR4.PKE", "xfam_without_pke"),
        _fake("fake values: what CPUID could offer, XFAM less than the host's", "cpuid"),
        _fake("fake values: what CPUID could offer, XFAM as the host's", "cpuid", "host"),
        _fake("fake values: none (reset)", "reset"),
        _fake("fake values: XFAM's, ioctls silent", "xfam", protected_ioctl="silent"),
        _td("dedicated code, ioctls silent", protected_ioctl="silent"),
    ),
    {
        "kernel_survives": "kernel survives",
        "host_runs_on_host_features": "host's XCR0 and XSS",
        "host_runs_on_host_pkru": "host's PKRU",
    },
)


def _checked(label: str, platform: str, kernel: str, scenario: str, **choices: str) -> Row:
    return Row(label, scenario, kernel, platform, choices)


CHECKS = Answer(
    "explanation/seed-004.md",
    (
        _checked("SEV-ES, the helper returns early, silently", SVM, "v6.19", "protected-run"),
        _checked(
            "SEV-ES, the helper warns and returns",
            SVM,
            "v6.19",
            "protected-run",
            protected_warn="warn",
        ),
        _checked(
            "SEV-ES, the caller checks, the helper would warn",
            SVM,
            "v6.19",
            "protected-run",
            protected_warn="warn",
            protected_check="caller",
        ),
        _checked(
            "SEV-ES, the check was forgotten",
            SVM,
            "v6.19",
            "protected-run",
            protected_check="nobody",
        ),
        _checked(
            "SEV-ES, forgotten, the GHCB's XCR0 unchecked (v6.17)",
            SVM,
            "v6.17",
            "sev-ghcb",
            protected_check="nobody",
        ),
        _checked(
            "SEV-ES, forgotten, the GHCB's XCR0 checked",
            SVM,
            "v6.17+4135a9a8ccba",
            "sev-ghcb",
            protected_check="nobody",
        ),
    ),
    {
        "kernel_survives": "kernel survives",
        "host_runs_on_host_features": "host's XCR0 and XSS",
    },
)

WARNING = Answer(
    "explanation/seed-004.md",
    (
        *(row for row in CHECKS.rows if row.scenario == "protected-run"),
        _checked(
            "TDX, the helper would warn, v6.18 (helpers in the vendor's function)",
            VMX,
            "v6.18",
            "protected-run",
            protected_warn="warn",
        ),
        _checked(
            "TDX, the helper would warn, v6.19 (helpers around the loop)",
            VMX,
            "v6.19",
            "protected-run",
            protected_warn="warn",
        ),
    ),
    {"no_warning_about_protected_state": "no warning fires"},
)
