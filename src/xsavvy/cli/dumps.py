# SPDX-License-Identifier: Apache-2.0
"""The option of commands that read CPUID dumps."""

from __future__ import annotations

import click

__all__ = ["as_form"]

as_form = click.option(
    "--from",
    "form",
    metavar="FORMAT",
    help="Take the dump's format as given: raw, aida, xml, cpu-model, firecracker, qmp, kcpuid, sde,"
    " libcpuid, virtualbox, log; or machine, kvm, preset. [default: told by the text]",
)
