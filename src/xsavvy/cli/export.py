# SPDX-License-Identifier: Apache-2.0
"""`xsavvy export`: a second opinion from another model checker."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from xsavvy.cli.option import as_json, which_world
from xsavvy.cli.status import HOLDS

__all__ = ["command"]


@click.command("export")
@click.argument("scenario")
@click.option(
    "--to",
    required=True,
    type=click.Choice(["murphi", "promela", "tla"]),
    help="Language: of rumur, of SPIN, or of TLC.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Write here, and TLC's configuration beside it. [default: standard output]",
)
@click.option(
    "--no-properties",
    is_flag=True,
    help="Leave the properties out, so that everything is explored.",
)
@which_world
@as_json
def command(
    scenario: str,
    *,
    to: str,
    output: Path | None,
    no_properties: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Write a scenario's model for another model checker.

    The model has the same states, transitions, properties and deadlocks, so rumur, SPIN and TLC
    give a second opinion on what 'xsavvy check' counts. Its first lines say how to run it.
    """
    from xsavvy import api
    from xsavvy.report.json import encode

    if output is not None and to == "tla":
        options["module"] = output.stem
    model = api.export(scenario, to=to, properties=not no_properties, **options)
    if output is not None:
        _write(output, model.text)
        if model.configuration:
            _write(output.with_suffix(".cfg"), model.configuration)
    if as_json:
        sys.stdout.write(encode("export", [model]) + "\n")
    elif output is None:
        sys.stdout.write(model.text)
    return HOLDS


def _write(path: Path, text: str) -> None:
    from xsavvy.api.file import writing

    with writing(path):
        path.write_text(text, encoding="utf-8")
