# SPDX-License-Identifier: Apache-2.0
"""`xsavvy fleet`: which guests could move to which of many hosts."""

from __future__ import annotations

from pathlib import Path

import click

from xsavvy.cli.hosts import host_words, kernel, show
from xsavvy.cli.option import as_json
from xsavvy.cli.status import HOLDS

__all__ = ["command"]

_out = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.command("fleet")
@click.argument("hosts", nargs=-1, metavar="[FILE|PRESET...]")
@click.option(
    "--hosts",
    "listed",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    metavar="CSV",
    help="A line for each host: preset or dump, kernel, words of its configuration.",
)
@click.option(
    "--from", "source", metavar="HOST", help="Where the guests come from. [default: the first host]"
)
@click.option(
    "--from-every", is_flag=True, help="From every kind of host: count those that take the guest."
)
@click.option(
    "--cluster",
    metavar="ADDRESS",
    help="With --from-every: let the workers of a Dask scheduler do it.",
)
@click.option(
    "--guest",
    "guests",
    multiple=True,
    metavar="G",
    help="A guest model (see migrate); may be repeated.",
)
@kernel
@host_words
@click.option(
    "--table", type=_out, metavar="FILE", help="The whole matrix: .parquet, .csv, or JSON lines."
)
@click.option(
    "--picture", type=_out, metavar="FILE.svg", help="The matrix of kinds of hosts as a picture."
)
@as_json
def command(
    hosts: tuple[str, ...],
    listed: str | None,
    source: str | None,
    cluster: str | None,
    guests: tuple[str, ...],
    kernel: str | None,
    words: tuple[str, ...],
    table: Path | None,
    picture: Path | None,
    *,
    from_every: bool,
    as_json: bool,
) -> int:
    """Say which guests could move to which hosts.

    Hosts with the same dump, kernel and configuration are one row, so that a hundred thousand take seconds.
    """
    from xsavvy import api
    from xsavvy.report.hosts import fleet_lines, pairs_lines

    if from_every:
        if source or table or picture:
            raise click.UsageError(
                "--from-every goes with neither --from nor --table nor --picture"
            )
        pairs = api.fleet_pairs(
            hosts,
            guests=guests or ("host",),
            kernel=kernel,
            words=words,
            listed=listed,
            cluster=cluster,
        )
        show("fleet", [pairs], lambda width: pairs_lines(pairs, width), as_json=as_json)
        return HOLDS
    if cluster:
        raise click.UsageError("--cluster goes with --from-every")
    found = api.fleet(
        hosts,
        source=source,
        guests=guests or ("host",),
        kernel=kernel,
        words=words,
        listed=listed,
        table=table,
        picture=picture,
    )
    show("fleet", [found], lambda width: fleet_lines(found, width), as_json=as_json)
    return HOLDS
