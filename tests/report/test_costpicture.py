# SPDX-License-Identifier: Apache-2.0
"""The picture of what choices cost."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

from click.testing import CliRunner

from xsavvy import api
from xsavvy.cli.cost import command
from xsavvy.report.costpicture import cost_svg

SVG = "{http://www.w3.org/2000/svg}"


def test_a_picture_has_a_bar_for_each_choice_and_marks_the_refuted(tmp_path: Path) -> None:
    """It is one well-formed file; a refuted choice has a cross; standard output stays what it was."""
    path = tmp_path / "cost.svg"
    arguments = ["pt-on", "--compare", "pt_switch=trace_en,xss_fpstate", "--check"]
    result = CliRunner().invoke(command, [*arguments, "--svg", str(path), "--json"])
    assert json.loads(result.stdout)["command"] == "cost"
    root = ET.fromstring(path.read_text(encoding="utf-8"))
    texts = [each.text or "" for each in root.iter(f"{SVG}text")]
    assert "trace_en" in texts
    assert "\u2715 xss_fpstate" in texts
    assert len(list(root.iter(f"{SVG}rect"))) == 1 + 2 * 2


def test_a_title_cannot_break_the_picture(tmp_path: Path) -> None:
    """A workload of a user's has any title and any file name: what XML cannot hold is spelled out."""
    path = tmp_path / "a\x1b<b>.guest"
    path.write_text("title: <script>\x07&\nrepeat 2:\n    exit to userspace\n")
    root = ET.fromstring(cost_svg(api.cost([str(path)], compare="kernel=v6.18,v6.19")))
    texts = "".join(each.text or "" for each in root.iter(f"{SVG}text"))
    assert "<script>\\x07&" in texts
    assert not [each for each in root.iter() if each.tag.endswith("script")]
