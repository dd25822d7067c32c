# SPDX-License-Identifier: Apache-2.0
"""Curves of cost over a rate: they cross where the report says that a choice begins to pay."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import pytest

from xsavvy import api
from xsavvy.report.costcurve import curves
from xsavvy.report.costpanel import round_values
from xsavvy.report.costpicture import cost_svg

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def report() -> api.CostReport:
    """Return two workloads under three choices, of which two cost the same."""
    asked = "xfd_intercept=first_nonzero,always,option_1"
    return api.cost(["xfd-exits", "xfd-toggle"], compare=asked)


def test_curves_cross_where_the_report_says_that_it_pays(report: api.CostReport) -> None:
    """Low, mid and high of the dear choice pass through zero at the three bounds of the point."""
    point = report.break_even[0]
    cheap, dear = curves(report, point)
    assert cheap.names == ("first_nonzero", "option_1")
    assert dear.names == ("always",)
    assert dear.open == ("xsetbv",)
    low, mid, high = (
        dear.at(rate)[at] for rate, at in ((point.high, 0), (point.mid, 1), (point.low, 2))
    )
    assert all(math.isclose(each, 0, abs_tol=1e-6) for each in (low, mid, high))
    assert cheap.at(point.high) == (0, 0, 0)


def test_a_panel_names_each_line_and_marks_the_point(report: api.CostReport) -> None:
    """One line for each price; what has no price makes it dashed, and is named."""
    root = ET.fromstring(cost_svg(report))
    lines = [each for each in root.iter(f"{SVG}line") if each.get("class") == "curve"]
    texts = [each.text or "" for each in root.iter(f"{SVG}text")]
    strips = [each for each in root.iter(f"{SVG}rect") if each.get("class") == "pays"]
    assert sorted("stroke-dasharray" in each.attrib for each in lines) == [False, True]
    assert "always + xsetbv (no price)" in texts
    assert "XFD writes per exit" in texts
    assert len(strips) == 1


def test_no_point_no_panel() -> None:
    """Where nothing begins to pay, there are only bars."""
    alone = api.cost(["xfd-toggle"], compare="xfd_intercept=first_nonzero,always")
    assert 'class="curve"' not in cost_svg(alone)


@pytest.mark.parametrize(("least", "most"), [(0, 1e-9), (-3.5, 1e12), (7, 8), (-1, 0)])
def test_round_values_lie_between(least: float, most: float) -> None:
    """A few, in order, none outside."""
    values = round_values(least, most)
    assert 3 <= len(values) <= 9
    assert values == sorted(values)
    assert least <= values[0] <= values[-1] <= most
