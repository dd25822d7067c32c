# SPDX-License-Identifier: Apache-2.0
"""Commands run in this process, on an API with known answers."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click.testing
import pytest

import xsavvy
from tests.cli.fake import Api
from xsavvy.cli.main import xsavvy as group

Run = Callable[..., click.testing.Result]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    """The API with known answers, in the place of the real one."""
    fake = Api()
    monkeypatch.setitem(sys.modules, "xsavvy.api", fake)
    monkeypatch.setattr(xsavvy, "api", fake, raising=False)
    return fake


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line; its output is that of a pipe without colours."""
    monkeypatch.delenv("COLUMNS", raising=False)

    def invoke(*arguments: str, stdin: str | None = None) -> click.testing.Result:
        return click.testing.CliRunner().invoke(
            group, list(arguments), prog_name="xsavvy", input=stdin, catch_exceptions=False
        )

    return invoke
