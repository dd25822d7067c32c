# SPDX-License-Identifier: Apache-2.0
"""Which changes of the package make a resumed campaign search again: tried on a copy of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import xsavvy

SCRIPT = """
import json, sys
from pathlib import Path
import xsavvy
from xsavvy.api.matrix.identity import code_identity
report = xsavvy.campaign(["pkru-xinuse", "xss"], kernels=["v6.18"], platforms=["sapphire-rapids"],
                         results=Path(sys.argv[1]))
steps = [step for each in report.results for step in each.trace if step.code]
for step in steps:
    file, _, line = step.code.partition(":")
    lines = (Path(xsavvy.__file__).parents[1] / file).read_text().splitlines()
    assert lines[int(line) - 1].startswith("def "), step.code
origins = {each.job.scenario: each.origin for each in report.jobs}
print(json.dumps([origins, code_identity(), xsavvy.__file__, len(steps)]))
"""
KEPT = {"pkru-xinuse": "kept", "xss": "kept"}


def run(copy: Path) -> tuple[dict[str, str], str]:
    """Where each scenario's answer comes from, and the identity of the code, in a copy."""
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(copy / "campaign.db")],
        env={**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    origins, code, where, steps = json.loads(ran.stdout)
    assert steps > 0
    assert Path(where).is_relative_to(copy)
    return origins, code


def edit(copy: Path, name: str, old: str, new: str) -> None:
    path = copy / "xsavvy" / name
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_exactly_what_a_change_touches_is_searched_again(tmp_path: Path) -> None:
    """A changed step changes the jobs that have it; a comment beside it and a report change none."""
    shutil.copytree(Path(xsavvy.__file__).parent, tmp_path / "xsavvy")
    first, code = run(tmp_path)
    assert set(first.values()) == {"searched"}
    assert run(tmp_path) == (KEPT, code)
    edit(tmp_path, "report/junit.py", '"""Return the XML', '"""Give the XML')
    assert run(tmp_path) == (KEPT, code)
    step = "def xrstors_cet("
    above = '"""'  # every function of the file goes down a line, and a kept trace says so
    path = tmp_path / "xsavvy" / "model" / "pkru.py"
    path.write_text(path.read_text().replace(above, f"# A comment.\n{above}", 1))
    origins, other = run(tmp_path)
    assert origins == KEPT
    assert other != code
    edit(tmp_path, "model/guest.py", f"{step}s: Machine", f"{step}s: 'Machine'")
    assert run(tmp_path)[0] == {"pkru-xinuse": "kept", "xss": "searched"}
    assert run(tmp_path)[0] == KEPT
