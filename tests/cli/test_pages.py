# SPDX-License-Identifier: Apache-2.0
"""Commands that write pages: where they write, what they say, and how they end; with hostile names, too."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.report.test_page import Reader

PATCH = '''
from xsavvy.checker import Property


def nobody_loads(s, k):
    """The vCPU is loaded nowhere, which breaks at once."""
    return s.vcpu_loaded == 0


def patch(program):
    return program.with_property(
        Property("</script><b>'\\"\\x1b\\u202e", "<i>&sentence</i>", nobody_loads, source="</style>")
    )
'''


@pytest.fixture
def world(tmp_path: Path) -> list[str]:
    """A platform from a file whose path is markup, and a patch whose property's name is."""
    folder = tmp_path / "'\"><script>x()<\u202e"
    folder.mkdir()
    dump = folder / "script>.txt"
    dump.write_bytes(files("xsavvy.cpuid").joinpath("platforms", "genoa.txt").read_bytes())
    patch = tmp_path / "patch.py"
    patch.write_text(PATCH, encoding="utf-8")
    return ["--kernel", "v6.18", "--platform", str(dump), "--patch", str(patch)]


def check_page(page: str) -> None:
    """Nothing of the names is markup, and all of them can be read."""
    read = Reader(page)
    scripts = [attributes for tag, attributes in read.elements if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "data"}, {"type": "module"}]
    assert not set("\x1b\u202e") & set(page)
    assert "</script><b>'\"\\x1b\\x202e" in "".join(read.texts["code"])
    assert "<i>&sentence</i>" in page.replace("&lt;", "<").replace("&gt;", ">").replace(
        "&amp;", "&"
    )
    assert any("><script>x()<\\x202e/script>.txt" in text for text in read.texts["dd"])
    (data,) = (text for text in read.texts["script"] if text.startswith("["))
    assert json.loads(data)[0]["property"] == "</script><b>'\"\\x1b\\x202e"


def test_trace_writes_a_page_beside_what_it_prints(
    run: Run, tmp_path: Path, world: list[str]
) -> None:
    """--html changes nothing of the output, and hostile names of platform and patch stay text."""
    name = "</script><b>'\"\x1b\u202e"
    path = tmp_path / "trace.html"
    plain = run("trace", "pkru-xinuse", "--property", name, *world)
    ran = run("trace", "pkru-xinuse", "--property", name, *world, "--html", str(path))
    assert (ran.stdout, ran.exit_code) == (plain.stdout, 1)
    check_page(path.read_text(encoding="utf-8"))


def test_report_writes_all_verdicts(run: Run, tmp_path: Path, world: list[str]) -> None:
    """The page has the property that is violated and those that hold; the last line counts them."""
    path = tmp_path / "report.html"
    ran = run("report", "pkru-xinuse", *world, "-o", str(path))
    assert ran.stdout == "1 scenario, 3 properties: 2 hold, 1 violated\n"
    assert ran.exit_code == 1
    page = path.read_text(encoding="utf-8")
    check_page(page)
    assert "guest_sees_its_own_pkru_inuse" in page


def test_a_report_of_what_holds_ends_well(run: Run, tmp_path: Path) -> None:
    """Without a violation the page has no story, and the exit status is 0."""
    path = tmp_path / "report.html"
    world = ("--kernel", "v6.18", "--platform", "genoa")
    ran = run("report", "pkru-xinuse", *world, "-o", str(path))
    assert (ran.stdout, ran.exit_code) == ("1 scenario, 2 properties: 2 hold\n", 0)
    assert 'class="story"' not in path.read_text(encoding="utf-8")


def test_a_report_says_the_same_to_programs(run: Run, tmp_path: Path) -> None:
    """With --json the results are those of check, as one object, and the page is written as well."""
    path = tmp_path / "report.html"
    world = ("pkru-xinuse", "--kernel", "v6.18", "--platform", "genoa", "--json")
    told = json.loads(run("report", *world, "-o", str(path)).stdout)
    checked = json.loads(run("check", *world).stdout)
    for each in (told, checked):
        for result in each["results"]:
            del result["seconds"]
    assert told | {"command": "check"} == checked
    assert path.exists()


def test_a_limit_is_told_on_the_page(run: Run, tmp_path: Path) -> None:
    """A search that a limit ended is incomplete on the page, and exits with 3."""
    path = tmp_path / "report.html"
    world = ("--kernel", "v6.18", "--platform", "genoa", "--max-states", "50")
    ran = run("report", "pkru-xinuse", *world, "-o", str(path))
    assert ran.exit_code == 3
    assert "2 incomplete" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("words", [("trace", "--html"), ("report", "-o")], ids=" ".join)
def test_a_page_that_cannot_be_written_is_one_line(
    run: Run, tmp_path: Path, words: tuple[str, str]
) -> None:
    """A folder that does not exist is wrong usage."""
    command, option = words
    path = tmp_path / "nowhere" / "page.html"
    world = ("--kernel", "v6.18", "--platform", "genoa")
    ran = run(command, "pkru-xinuse", *world, option, str(path))
    assert ran.exit_code == 2
    assert ran.stderr.splitlines()[-1].endswith(
        "page.html: cannot be written: No such file or directory"
    )


@pytest.mark.parametrize(
    "words",
    [("report", "-o"), ("check", "--junit"), ("check", "--sarif"), ("campaign", "--junit")],
    ids=" ".join,
)
def test_a_folder_that_is_not_there_is_told_of_before_anything_is_searched(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, str]
) -> None:
    """Hours of searching must not end in a page that has no place."""

    def search(*_: object, **__: object) -> None:
        raise AssertionError("it searched")

    monkeypatch.setattr("xsavvy.checker.search", search)
    monkeypatch.setattr("xsavvy.api.check", search)
    monkeypatch.setattr("xsavvy.api.campaign", search)
    command, option = words
    path = tmp_path / "nowhere" / "found.x"
    ran = run(command, "pkru-xinuse", "--platform", "genoa", option, str(path))
    assert ran.exit_code == 2
    assert ran.stderr == f"xsavvy: {path}: cannot be written: No such file or directory\n"


def test_a_report_needs_a_file(run: Run) -> None:
    """Without -o there is nowhere to write."""
    ran = run("report")
    assert ran.exit_code == 2
    assert "-o" in ran.stderr


def test_run_writes_a_page_with_the_programs_lines(run: Run, tmp_path: Path) -> None:
    """The steps stand below the line that they follow from, and the output is what it is without a page."""
    path = tmp_path / "run.html"
    world = ("--kernel", "v6.18", "--platform", "sapphire-rapids")
    plain = run("run", "pkru-nmi-vmx", *world)
    ran = run("run", "pkru-nmi-vmx", *world, "--html", str(path))
    assert (ran.stdout, ran.exit_code) == (plain.stdout, 0)
    page = path.read_text(encoding="utf-8")
    assert page.index("7: WRPKRU by guest") < page.index("8: fastpath exit")
    assert page.index("8: fastpath exit") < page.index('id="step-22"') < page.index("11: NMI at")
    assert "xsavvy run pkru-nmi-vmx --kernel v6.18 --platform sapphire-rapids" in page


def test_an_unmet_expectation_stands_on_the_page(run: Run, tmp_path: Path) -> None:
    """A program whose title is markup says so as text, with what was not as expected."""
    program = tmp_path / "own.guest"
    program.write_text(
        "title: <b>own</b>\nuntil vmx_vcpu_run.vmenter\nexpect hw_pkru[0] = guest2\n"
    )
    path = tmp_path / "run.html"
    ran = run("run", str(program), "--kernel", "v6.18", "--html", str(path))
    assert ran.exit_code == 1
    page = path.read_text(encoding="utf-8")
    assert "<b>own</b>" not in page
    assert "&lt;b&gt;own&lt;/b&gt;" in page
    assert "expected hw_pkru[0] = guest2, it is" in page
