# SPDX-License-Identifier: Apache-2.0
"""`xsavvy cost`: what workloads execute under each value of a choice."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from xsavvy.cli.option import as_json
from xsavvy.cli.recorded import measure_here, show_replay
from xsavvy.cli.status import FOUND, HOLDS

__all__ = ["command"]


@click.command("cost")
@click.argument("workloads", nargs=-1, metavar="[WORKLOAD]...")
@click.option(
    "--compare",
    metavar="CHOICE[=V1,V2]",
    help="What to compare: a choice's values, or kernel=K1,K2. [default: what the workload is for]",
)
@click.option("--kernel", metavar="K", help="Kernel version. [default: the workload's, or newest]")
@click.option("--platform", metavar="P", help="Preset or CPUID dump. [default: the workload's]")
@click.option(
    "--weights",
    metavar="CPU|FILE",
    help="What an event takes: a CPU that comes with xsavvy, or a file. [default: by the vendor]",
)
@click.option("--check", "judge", is_flag=True, help="Ask the checker whether each choice is safe.")
@click.option(
    "--max-states",
    type=click.IntRange(min=1),
    default=5_000_000,
    show_default=True,
    metavar="N",
    help="Let the checker stop after N states for one choice.",
)
@click.option(
    "--trace",
    metavar="FILE",
    help="Replay a recorded trace: text of ftrace, trace-cmd or perf; '-' is standard input.",
)
@click.option("--measure", is_flag=True, help="Measure what instructions take on this machine.")
@click.option("-o", "--output", metavar="FILE", help="Where --measure writes a file for --weights.")
@click.option(
    "--svg",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Write a picture of the cycles too.",
)
@click.option("--details", is_flag=True, help="Count each register and exit reason by itself.")
@as_json
def command(
    workloads: tuple[str, ...],
    *,
    compare: str | None,
    kernel: str | None,
    platform: str | None,
    weights: str | None,
    judge: bool,
    max_states: int,
    svg: Path | None,
    details: bool,
    trace: str | None,
    measure: bool,
    output: str | None,
    as_json: bool,
) -> int:
    """Count what each choice executes, and say from when on it pays.

    WORKLOAD is the name of one that comes with xsavvy ('xsavvy list workloads'), or a guest program
    with a 'repeat N:'. Counts are exact, and those of one turn of its loop. With --check a choice
    that the checker refutes is marked, and the exit status is 1.
    """
    if output is not None and not measure:
        raise click.UsageError("-o belongs to --measure")
    if measure and (workloads or trace):
        raise click.UsageError("--measure takes no workload and no trace")
    if svg is not None and (measure or trace):
        raise click.UsageError("--svg belongs to workloads")
    if trace is not None and workloads:
        raise click.UsageError("--trace takes no workload: the trace is one")
    if measure:
        return measure_here(output, as_json=as_json)
    if trace is not None:
        return show_replay(
            trace,
            details=details,
            as_json=as_json,
            compare=compare,
            kernel=kernel,
            platform=platform,
            weights=weights,
            judge=judge,
            max_states=max_states,
        )
    from xsavvy import api
    from xsavvy.report.cost import cost_lines
    from xsavvy.report.json import encode
    from xsavvy.report.screen import Screen, note

    report = api.cost(
        workloads,
        compare=compare,
        kernel=kernel,
        platform=platform,
        weights=weights,
        judge=judge,
        max_states=max_states,
    )
    for message in report.notes:
        note(message)
    if svg is not None:
        from xsavvy.api.file import writing
        from xsavvy.report.costpicture import cost_svg

        with writing(svg):
            svg.write_text(cost_svg(report), encoding="utf-8")
    if as_json:
        more = {
            "compare": report.compare,
            "titles": report.titles,
            "weights": report.weights,
            "break_even": report.break_even,
            "notes": report.notes,
        }
        sys.stdout.write(encode("cost", report.results, **more) + "\n")
    else:
        screen = Screen()
        screen.show(cost_lines(report, details=details))
    return FOUND if any(result.refuted for result in report.results) else HOLDS
