# SPDX-License-Identifier: Apache-2.0
"""`xsavvy exposes`: what a KVM shows guests of extended state, and why."""

from __future__ import annotations

import click

from xsavvy.cli.hosts import host_words, kernel, show
from xsavvy.cli.option import as_json
from xsavvy.cli.status import HOLDS

__all__ = ["command"]


@click.command("exposes")
@click.argument("cpu", required=False, metavar="[FILE|PRESET]")
@kernel
@host_words
@as_json
def command(cpu: str | None, kernel: str | None, words: tuple[str, ...], *, as_json: bool) -> int:
    """Say what KVM would show a guest.

    That is what KVM_GET_SUPPORTED_CPUID says in leaf 0xD, XCR0, IA32_XSS, the features around them and the MSRs to
    save, each with the reason why it is shown or hidden. FILE is a CPUID dump, or '-'; without it, this machine's.
    """
    from xsavvy import api
    from xsavvy.report.hosts import exposure_lines

    found = api.exposes(cpu, kernel=kernel, host=words)
    show("exposes", [found], lambda width: exposure_lines(found, width), as_json=as_json)
    return HOLDS
