# SPDX-License-Identifier: Apache-2.0
"""`xsavvy migrate`: whether a guest can move from one host to another."""

from __future__ import annotations

import click

from xsavvy.cli.hosts import guest, show, vmm_list
from xsavvy.cli.option import as_json
from xsavvy.cli.status import FOUND, HOLDS, STOPPED

__all__ = ["command"]


@click.command("migrate")
@click.option(
    "--from",
    "source",
    metavar="HOST",
    required=True,
    help="Preset or CPUID dump; HOST@KERNEL, too.",
)
@click.option("--to", "destination", metavar="HOST", required=True, help="Likewise.")
@guest
@click.option("--from-kernel", metavar="K", help="[default: the newest modelled]")
@click.option("--to-kernel", metavar="K", help="[default: the newest modelled]")
@click.option(
    "--from-host",
    metavar="WORDS",
    multiple=True,
    help="How the source is configured (see exposes).",
)
@click.option(
    "--to-host", metavar="WORDS", multiple=True, help="How the destination is configured."
)
@click.option(
    "--image",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="The guest's saved state: a KVM blob, a core, a raw area.",
)
@click.option("--thread", type=int, metavar="N", help="Which thread's, if the file has many.")
@vmm_list
@click.option("--old-get-xsave", is_flag=True, help="The VMM knows KVM_GET_XSAVE alone.")
@as_json
def command(
    source: str,
    destination: str,
    guest: str,
    from_kernel: str | None,
    to_kernel: str | None,
    from_host: tuple[str, ...],
    to_host: tuple[str, ...],
    image: str | None,
    thread: int | None,
    vmm_list: str | None,
    *,
    old_get_xsave: bool,
    as_json: bool,
) -> int:
    """Say whether a guest can move, and what it loses.

    The guest is taken to use all that its model has. Exit status 0: it loads; 1: something is lost or refused; 3: a
    dump does not say enough, or the source cannot have such a guest.
    """
    from xsavvy import api
    from xsavvy.report.hosts import move_lines

    found = api.migrate(
        source,
        destination,
        guest=guest,
        from_kernel=from_kernel,
        to_kernel=to_kernel,
        from_host=from_host,
        to_host=to_host,
        image=image,
        thread=thread,
        vmm_list=vmm_list,
        xsave2=not old_get_xsave,
    )
    show("migrate", [found.document()], lambda width: move_lines(found, width), as_json=as_json)
    return {"loads": HOLDS, "unknown": STOPPED}.get(found.verdict, FOUND)
