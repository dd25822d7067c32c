# SPDX-License-Identifier: Apache-2.0
"""The other commands, and what all of them share."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.cli.conftest import Run
from tests.cli.fake import VIOLATED, Api, result
from xsavvy import api as real_api
from xsavvy.api import TraceStep
from xsavvy.cli.group import one_line
from xsavvy.cli.list import KINDS
from xsavvy.cli.main import main
from xsavvy.cli.main import xsavvy as group
from xsavvy.version import __version__

COMMANDS = group.list_commands(click.Context(group))
RUN = ["-c", "from xsavvy.cli.main import main; main()"]
SUBCOMMANDS = [["image", name] for name in ("show", "check", "convert", "diff")]


def test_help_names_every_command(run: Run) -> None:
    """The help lists the commands in the order in which one learns them."""
    ran = run("--help")
    places = [ran.stdout.index(f"\n  {name} ") for name in COMMANDS]
    assert places == sorted(places)
    assert ran.exit_code == 0


def test_no_command_is_wrong_usage_with_help(run: Run) -> None:
    """`xsavvy` alone shows the help as a message, and exits with 2."""
    ran = run()
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr.startswith("Usage: xsavvy ")


def test_no_line_of_the_help_is_cut(run: Run) -> None:
    """Each command's line in the help is a whole sentence."""
    assert "..." not in run("--help").stdout.partition("Commands:")[2].partition("Exit")[0]


@pytest.mark.parametrize(
    "name", [*([name] for name in COMMANDS if name != "image"), *SUBCOMMANDS], ids=" ".join
)
def test_every_command_explains_itself(run: Run, name: list[str]) -> None:
    """Every command has a help with its options, and a usage that no line break cuts in a word."""
    ran = run(*name, "--help")
    assert ran.exit_code == 0
    # What is walked in a browser has its JSON there.
    assert ("--json" in ran.stdout) == (name != ["explore"])
    usage = ran.stdout.partition("\n\n")[0]
    assert usage.startswith(f"Usage: xsavvy {' '.join(name)} ")
    assert "\n" not in usage
    assert not re.search(r"'\s*\n", ran.stdout)


def test_version(run: Run) -> None:
    """`--version` prints the name and the release, nothing else."""
    assert run("--version").stdout == f"xsavvy {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["chekc"], "no command 'chekc': did you mean 'check'?"),
        (
            ["zzz"],
            "no command 'zzz': expected check, trace, ",
        ),
        (["list", "scenario"], "'scenario' is not one of 'scenarios', "),
        (["list"], "Missing argument"),
        (["trace"], "Missing argument 'SCENARIO'"),
        (["trace", "window", "--property", "a", "--witness", "b"], "exclude each other"),
        (["cpu", "no/such/file"], "no/such/file"),
    ],
)
def test_wrong_usage_is_one_line(run: Run, arguments: list[str], words: str) -> None:
    """Wrong usage of any command is one line on standard error and status 2."""
    ran = run(*arguments)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert words in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_a_trace_is_shown(api: Api, run: Run) -> None:
    """`trace` prints the world, the steps, and the sentence that is violated."""
    ran = run("trace", "window", "--property", "no_fault")
    assert ran.stdout.splitlines()[0] == "window  kernel v6.12  platform preset"
    assert ran.stdout.splitlines()[-1] == "  No XRSTOR faults."
    assert ran.exit_code == 1
    assert api.calls[-1]["property"] == "no_fault"


def test_a_trace_of_what_holds(api: Api, run: Run) -> None:
    """Where the property holds, `trace` says in how many states, and exits with 0."""
    ran = run("trace", "calm")
    assert "holds  1,234 states  depth 21" in ran.stdout
    assert ran.exit_code == 0


def test_a_witness_is_reached(api: Api, run: Run) -> None:
    """A witness that was reached is good news: the trace says so, and the status is 0."""
    api.answers["calm"] = [result(trace=VIOLATED.trace)]
    ran = run("trace", "calm", "--witness", "host_pkru_is_host")
    assert "  reached: host_pkru_is_host after 2 steps\n" in ran.stdout
    assert ran.exit_code == 0


def test_an_inferred_step_is_marked(api: Api, run: Run) -> None:
    """A step that no source states has a mark, and the mark is explained."""
    guess = TraceStep("vcpu", "guess", "", "", {}, inferred=True)
    api.answers["calm"] = [result(verdict="violated", trace=[guess])]
    ran = run("trace", "calm")
    assert "  1  vcpu  guess ?\n" in ran.stdout
    assert "xsavvy list inferred" in ran.stdout


def test_a_trace_as_json(api: Api, run: Run) -> None:
    """`trace --json` has the one result in its list."""
    whole = json.loads(run("trace", "window", "--json").stdout)
    assert [step["actor"] for step in whole["results"][0]["trace"]] == ["vcpu", "irq"]


def test_the_kinds_are_those_of_the_api() -> None:
    """The command names every kind that the API lists; it has a copy so that help stays light."""
    assert KINDS == real_api.KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_listed(api: Api, run: Run, kind: str) -> None:
    """Every kind is asked of the API under its own name."""
    assert run("list", kind).exit_code == 0
    assert api.calls == [{"kind": kind}]


def test_a_list_is_aligned(api: Api, run: Run) -> None:
    """An item is its name and summary, with details and source below."""
    assert run("list", "components").stdout == (
        "one  First of its kind.\n     bit: 9\n     SDM\ntwo\n"
    )


def test_a_list_as_json(api: Api, run: Run) -> None:
    """`list --json` has name, summary and source of each item."""
    whole = json.loads(run("list", "steps", "--json").stdout)
    assert whole["kind"] == "steps"
    assert whole["results"][0]["name"] == "one"


def test_messages_cannot_move_the_cursor() -> None:
    """A message is one line without control characters, whatever a file name holds."""
    assert one_line("a\nb \x1b[2J") == "a b \\x1b[2J"


def test_a_message_is_not_endless() -> None:
    """What a file made of a message is cut in its middle; the start says which file, the end what was expected."""
    cut = one_line(f"file.csv: {'x' * 1_000_000}; expected a host")
    assert len(cut) < 2100
    assert cut.startswith("file.csv: xxx")
    assert cut.endswith("xxx; expected a host")
    assert "characters" in cut


@pytest.mark.parametrize(
    ("arguments", "closed", "status"),
    [
        (["list", "components"], 1, 0),
        (["cpu", "-"], 0, 2),
        (["image", "show", "-"], 0, 2),
        (["list", "nothing"], 2, 2),
    ],
)
def test_a_stream_that_was_closed_is_an_empty_one(
    arguments: list[str], closed: int, status: int
) -> None:
    """`<&-`, `>&-` and `2>&-` leave no stream; the command does what it can and ends as always."""
    command = [sys.executable, *RUN, *arguments]
    code = f"import os; os.close({closed}); os.execv({sys.executable!r}, {command!r})"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == status
    assert "Traceback" not in ran.stderr
    assert ran.stderr.count("\n") == (1 if closed == 0 else 0)


@pytest.mark.parametrize("arguments", [["cpu", "bad\udcff.txt"], ["list", "\udcffsteps"]])
def test_an_argument_that_is_no_text_is_refused(run: Run, arguments: list[str]) -> None:
    """A file name that is not UTF-8 can stand in no JSON, so it is wrong usage from the start."""
    ran = run(*arguments, "--json")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "\\udcff" in ran.stderr
    assert "expected an argument in UTF-8" in ran.stderr


def test_a_letter_that_the_terminal_lacks_is_spelled_out(tmp_path: Path) -> None:
    """Where output is ASCII, a name in other letters ends nothing."""
    path = tmp_path / "k\u00fchl.txt"
    path.write_text("CPU:\n   0x0000000d 0x00: eax=0x7 ebx=0x340 ecx=0x340 edx=0x0\n")
    ran = subprocess.run(
        [sys.executable, *RUN, "lint", str(path)],
        capture_output=True, check=False, env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert ran.returncode == 0
    assert b"k\\xfchl.txt  raw  nothing wrong" in ran.stdout


def test_output_may_go_to_a_string(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that calls the command line and keeps what it prints has a stream without an encoding."""
    kept = io.StringIO()
    monkeypatch.setattr(sys, "stdout", kept)
    with pytest.raises(SystemExit) as ended:
        main(["list", "components"])
    assert ended.value.code == 0
    assert "PKRU" in kept.getvalue()


def test_no_memory_left_is_a_limit(api: Api, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit is said in one line, and the status is that of a limit."""

    def full(kind: str) -> list[object]:
        raise MemoryError(kind)

    monkeypatch.setattr(api, "listing", full)
    ran = run("list", "steps")
    assert (ran.exit_code, ran.stdout, ran.stderr) == (3, "", "xsavvy: no memory left\n")


def test_a_closed_pipe_is_quiet() -> None:
    """A reader that goes away ends the command without a traceback, and with status 3."""
    reader, writer = os.pipe()
    os.close(reader)
    code = "from xsavvy.cli.main import main; main(['list', '--help'])"
    ran = subprocess.run(
        [sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    assert (ran.stderr, ran.returncode) == ("", 3)
