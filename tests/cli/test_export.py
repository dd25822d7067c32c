# SPDX-License-Identifier: Apache-2.0
"""`xsavvy export`: what is written where, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from xsavvy import api

WORLD = ("--kernel", "v6.18", "--platform", "genoa")


def test_the_text_goes_to_standard_output(run: Run) -> None:
    """Without -o the model is printed, and nothing else."""
    ran = run("export", "pkru-xinuse", "--to", "murphi", *WORLD)
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert ran.stdout.startswith("-- pkru-xinuse, kernel v6.18, platform genoa\n")
    assert 'invariant "guest_sees_its_own_pkru"' in ran.stdout


def test_properties_can_be_left_out(run: Run) -> None:
    """With --no-properties none of them is in the model."""
    ran = run("export", "pkru-xinuse", "--to", "murphi", "--no-properties", *WORLD)
    assert 'invariant "guest_sees_its_own_pkru"' not in ran.stdout


def test_tlc_gets_a_configuration(run: Run, tmp_path: Path) -> None:
    """With -o the module has the file's name, and its configuration lies beside it."""
    path = tmp_path / "pkru.tla"
    assert run("export", "pkru-xinuse", "--to", "tla", "-o", str(path), *WORLD).exit_code == 0
    assert path.read_text().startswith("---- MODULE pkru ----")
    assert "INVARIANT guest_sees_its_own_pkru\n" in (tmp_path / "pkru.cfg").read_text()


def test_as_json(run: Run) -> None:
    """--json has the text and the world it is of."""
    ran = run("export", "pkru-xinuse", "--to", "promela", "--json", *WORLD)
    (found,) = json.loads(ran.stdout)["results"]
    assert (found["language"], found["kernel"]) == ("promela", "v6.18")
    assert "active proctype model()" in found["text"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pkru-xinuse", "--to", "alloy"], "'alloy' is not one of"),
        (["pkru-xinus", "--to", "tla"], "no scenario 'pkru-xinus'; nearest: pkru-xinuse"),
        (["pkru-xinuse", "--to", "tla", "-o", "1st.tla"], "module '1st': expected a letter"),
        (["pkru-xinuse", "--to", "tla", "-o", "no/such/a.tla"], "no/such/a.tla: cannot be written"),
        (["xfd", "--to", "tla"], "xfd: not applicable to genoa"),
    ],
)
def test_wrong_usage_is_one_line(run: Run, arguments: list[str], words: str) -> None:
    """A wrong name or file ends with status 2 and one line."""
    ran = run("export", *arguments, *WORLD)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert words in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_an_unknown_language_of_the_api() -> None:
    """The function names the languages there are."""
    with pytest.raises(api.UsageError, match="no language 'promelo'; nearest: promela"):
        api.export("pkru-xinuse", to="promelo")
