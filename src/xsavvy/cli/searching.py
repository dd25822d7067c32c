# SPDX-License-Identifier: Apache-2.0
"""Search scenarios one after the other, so that a command can show each as soon as it is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xsavvy.api import CheckReport, LeftOut
    from xsavvy.report.progress import ProgressLine

__all__ = ["searched", "stopped_early"]


def searched(
    scenarios: tuple[str, ...],
    progress: ProgressLine,
    options: dict[str, Any],
    left_out: dict[str, LeftOut],
) -> Iterator[CheckReport]:
    """Give one report after the other, so that each is shown as soon as it is there.

    `left_out` holds the scenarios without one: those still to come, and those that do not apply.
    """
    from xsavvy import api

    known = {item.name for item in api.listing("scenarios")} if scenarios else set()
    # A name that nobody knows comes first, so that it is an error before anything is searched.
    wanted = sorted(dict.fromkeys(scenarios), key=known.__contains__) or api.default_scenarios(
        options["patch"]
    )
    left_out.update({name: _left_out(name, options) for name in wanted})
    for scenario in wanted:
        progress.start(scenario)
        try:
            report = api.check([scenario], progress=progress, **options)
        except api.UsageError as error:
            # One of several scenarios may ask for what the platform lacks; that ends nothing.
            if len(wanted) == 1 or not str(error).startswith(f"{scenario}: "):
                raise
            report = api.CheckReport([], [str(error)], "")
            left_out[scenario] = _left_out(scenario, options, str(error))
        else:
            del left_out[scenario]
        yield report
        if stopped_early([report]):
            return


def _left_out(scenario: str, options: dict[str, Any], unfit: str = "") -> LeftOut:
    from xsavvy.api import LeftOut
    from xsavvy.kvm import NEWEST

    return LeftOut(
        scenario=scenario,
        kernel=options["kernel"] or NEWEST,
        platform=options["platform"] or "this machine",
        verdict="not applicable" if unfit else "incomplete",
        reason=unfit or "the check was interrupted before this scenario was searched",
        set=dict(options["choices"]),
    )


def stopped_early(reports: list[CheckReport]) -> bool:
    """Tell whether the user ended a search."""
    return any(result.ended == "stopped" for report in reports for result in report.results)
