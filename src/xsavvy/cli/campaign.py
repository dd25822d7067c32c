# SPDX-License-Identifier: Apache-2.0
"""`xsavvy campaign`: every combination of kernels, platforms, choices and scenarios."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xsavvy.cli.option import as_json, reports, size
from xsavvy.cli.status import USAGE, of_verdicts

if TYPE_CHECKING:
    from xsavvy.api import CampaignReport

__all__ = ["command"]


def _choices(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, list[str]]:
    """Turn CHOICE=V1,V2 arguments into a mapping."""
    chosen: dict[str, list[str]] = {}
    for text in values:
        name, equals, settings = (part.strip() for part in text.partition("="))
        wanted = [part.strip() for part in settings.split(",")]
        if not (name and equals and all(wanted)):
            message = f"{text!r}: expected CHOICE=V1,V2 or CHOICE=all ('xsavvy list choices')"
            raise click.BadParameter(message, context, parameter)
        chosen.setdefault(name, []).extend(wanted)
    return chosen


@click.command("campaign")
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]...")
@click.option("--kernel", "kernels", metavar="K", multiple=True,
              help="Version, range FROM..TO, or all; may be repeated. [default: the newest]")  # fmt: skip
@click.option("--platform", "platforms", metavar="P", multiple=True,
              help="Preset, CPUID dump, or all; may be repeated. [default: this machine's CPUID]")  # fmt: skip
@click.option("--set", "choices", metavar="CHOICE=V1,V2", multiple=True, callback=_choices,
              help="Each of these designs, or CHOICE=all; may be repeated.")  # fmt: skip
@click.option("--engine", default="auto", show_default=True, metavar="E",
              help="How to search, as of 'xsavvy check'; the numbers are the same.")  # fmt: skip
@click.option("--max-states", type=click.IntRange(min=1), metavar="N",
              help="Stop each search after N states.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(min=1), metavar="N",
              help="Searches at a time. [default: one per core]")  # fmt: skip
@click.option("--memory", metavar="SIZE", callback=size,
              help="For all searches together, such as 8G. [default: most of what is free]")  # fmt: skip
@click.option("-o", "--results", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Keep every answer here, and go on from what is there.")  # fmt: skip
@click.option("--show", is_flag=True, help="Print what the file of results has; search nothing.")
@click.option("--cluster", metavar="ADDRESS", help="Search on the workers of a Dask scheduler.")
@reports
@as_json
def command(
    scenarios: tuple[str, ...],
    *,
    results: Path | None,
    show: bool,
    junit: Path | None,
    sarif: Path | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Check every combination of kernels, designs and scenarios.

    The results go into one SQLite file (-o), each as soon as it is there; the same command again
    searches only what is missing or has another model now. Combinations with equal models are
    searched once. What cannot be (a platform without the component, choices that contradict each
    other) is not applicable, and no failure.
    """
    if show:
        given = [name for name, value in options.items() if value and value != "auto"]
        if results is None or scenarios or given:
            raise click.UsageError("--show takes -o FILE, prints all that it has, and runs nothing")
    if options["cluster"] and options["jobs"]:
        raise click.UsageError("--jobs is for this machine; a cluster has the workers it has")
    from xsavvy import api
    from xsavvy.report.file import expect_folder, write_reports

    expect_folder(junit, sarif)
    if show:
        assert results is not None
        report = api.campaign_results(results)
    else:
        report = _run(scenarios, results, options)
    write_reports(report.results, report.left_out, junit=junit, sarif=sarif)
    _print(report, as_json=as_json)
    verdicts = [each.verdict for each in report.jobs]
    if not report.interrupted and set(verdicts) <= {"not applicable"}:
        return USAGE
    cut = ["incomplete" for each in report.jobs if each.reason and each.results]
    return of_verdicts([*verdicts, *cut], interrupted=report.interrupted)


def _run(
    scenarios: tuple[str, ...], results: Path | None, options: dict[str, Any]
) -> CampaignReport:
    from xsavvy import api
    from xsavvy.report.campaign import CampaignProgress

    with CampaignProgress() as progress:
        return api.campaign(
            scenarios,
            results=results,
            on_result=progress.show,
            progress=progress.count,
            **options,
        )


def _print(report: CampaignReport, *, as_json: bool) -> None:
    from xsavvy.report.campaign import campaign_lines, campaign_summary
    from xsavvy.report.json import encode
    from xsavvy.report.screen import Screen

    if as_json:
        jobs = [
            {
                "scenario": each.job.scenario,
                "kernel": each.job.kernel,
                "platform": each.job.platform,
                "set": each.job.set,
                "verdict": each.verdict,
                "reason": each.reason,
                "digest": each.digest,
                "origin": each.origin,
            }
            for each in report.jobs
        ]
        more = {"interrupted": report.interrupted, "jobs": jobs}
        sys.stdout.write(encode("campaign", report.results, **more) + "\n")
        return
    screen = Screen()
    screen.show(campaign_lines(report, screen.width))
    screen.show([campaign_summary(report)])
