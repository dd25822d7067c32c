# SPDX-License-Identifier: Apache-2.0
"""Rules that every file keeps."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest

from tests.arch.source import SRC, modules, project_files, python_tests, short, text_files

SPDX = "# SPDX-License-Identifier: Apache-2.0"
WARN_LINES, MOST_LINES = 300, 400
TEST_LINES = 400
# A file may be longer for a reason that its readers would accept.
LONG: dict[str, str] = {}

# A bracket around one letter, so that these lines do not find themselves.
MACHINE = re.compile(r"/w[o]rk/|/r[o]ot/|/h[o]me/\w|/t[m]p/xs\b")
REGISTRY = re.compile(
    r"p[y]pi[.]org|python[h]osted[.]org|re[g]istry[.]npmjs|d[e]b[.]debian[.]org|c[r]ates[.]io|index-[u]rl"
)
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc"}


@pytest.mark.parametrize("path", [*modules(), *python_tests()], ids=short)
def test_first_line_is_the_licence(path: Path) -> None:
    """A Python file starts with its licence and nothing else."""
    assert path.read_text(encoding="utf-8").partition("\n")[0] == SPDX


@pytest.mark.parametrize("path", modules(), ids=short)
def test_a_module_fits_on_a_few_screens(path: Path) -> None:
    """A source file has at most 400 lines, and one above 300 is pointed out."""
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MOST_LINES or short(path) in LONG, f"{lines} lines: split it by purpose"
    if lines > WARN_LINES:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.warn(f"{short(path)} has {lines} lines", stacklevel=1)


@pytest.mark.parametrize("path", python_tests(), ids=short)
def test_a_test_file_fits_on_a_few_screens(path: Path) -> None:
    """A test file has at most 400 lines."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= TEST_LINES or short(path) in LONG


def test_exemptions_are_needed() -> None:
    """A file on the list of long files exists and is long."""
    for name in LONG:
        assert len((SRC.parents[1] / name).read_text(encoding="utf-8").splitlines()) > MOST_LINES


@pytest.mark.parametrize("path", text_files(), ids=short)
def test_no_file_names_one_machine(path: Path) -> None:
    """No path of one machine and no host of a registry is written down."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        assert not MACHINE.search(line), f"{short(path)}:{number}: a path of one machine"
        assert not REGISTRY.search(line), f"{short(path)}:{number}: a registry's address"


@pytest.mark.parametrize("path", modules(), ids=short)
def test_a_module_says_what_it_is_about(path: Path) -> None:
    """No module has a name that could hold anything."""
    assert path.stem not in VAGUE


def test_no_empty_room() -> None:
    """Every folder of the package with modules in it is a package with an __init__."""
    folders = {path.parent for path in modules()}
    assert all((folder / "__init__.py").exists() for folder in folders)


def test_one_licence_in_the_tree() -> None:
    """No file carries another licence tag, as third-party code would."""
    for path in project_files():
        if path.suffix in {".py", ".js", ".css", ".c", ".h", ".sh"}:
            for line in path.read_text(encoding="utf-8").splitlines()[:5]:
                if re.match(r"\W*SPDX-License-Identifier:", line):
                    assert line.rstrip("*/ ").endswith("Apache-2.0"), short(path)
