# SPDX-License-Identifier: Apache-2.0
"""`xsavvy save-set`: what a VMM must save for a guest."""

from __future__ import annotations

import click

from xsavvy.cli.hosts import guest, host_words, kernel, show, vmm_list
from xsavvy.cli.option import as_json
from xsavvy.cli.status import FOUND, HOLDS

__all__ = ["command"]


@click.command("save-set")
@click.argument("cpu", required=False, metavar="[FILE|PRESET]")
@kernel
@host_words
@guest
@vmm_list
@as_json
def command(
    cpu: str | None,
    kernel: str | None,
    words: tuple[str, ...],
    guest: str,
    vmm_list: str | None,
    *,
    as_json: bool,
) -> int:
    """List the MSRs and ioctls that hold a guest's extended state.

    With a VMM's own list, say what it lacks and what happens then; exit status 1 if it lacks something.
    """
    from xsavvy import api
    from xsavvy.report.hosts import save_lines

    found = api.save_set(cpu, kernel=kernel, host=words, guest=guest, vmm_list=vmm_list)
    show("save-set", [found], lambda width: save_lines(found, width), as_json=as_json)
    return FOUND if found.missing else HOLDS
