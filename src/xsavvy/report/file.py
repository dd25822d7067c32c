# SPDX-License-Identifier: Apache-2.0
"""Reports that go to files beside what is printed: JUnit, SARIF and pages."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from xsavvy.api.file import writing
from xsavvy.api.result import CheckResult, LeftOut

__all__ = ["expect_folder", "write_file", "write_reports"]


def expect_folder(*paths: Path | None) -> None:
    """Look for the folders of files to be written, before hours of searching. Raises UsageError if one is not there."""
    for path in paths:
        if path is not None:
            with writing(path):
                os.stat(f"{path.parent}/.")


def write_reports(
    results: Sequence[CheckResult],
    left_out: Sequence[LeftOut],
    *,
    junit: Path | None,
    sarif: Path | None,
) -> None:
    """Write the reports that were asked for. Raises UsageError for a file that cannot be written."""
    if junit is not None:
        from xsavvy.report.junit import junit as as_junit

        write_file(junit, as_junit(results, left_out))
    if sarif is not None:
        from xsavvy.report.sarif import sarif as as_sarif

        write_file(sarif, as_sarif(results, left_out))


def write_file(path: Path, text: str) -> None:
    """Write a file. Raises UsageError if it cannot be written."""
    with writing(path):
        path.write_text(text, encoding="utf-8")
