# SPDX-License-Identifier: Apache-2.0
"""Everything that the documents show has run, and comes out as shown."""

from __future__ import annotations

import doctest
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.arch.source import ROOT, project_files, short
from tests.docs.example import Example, Transcript, examples, matches, transcripts

DOCUMENTS = [path for path in project_files() if path.suffix == ".md"]
# Blocks in these languages are shown, not run; any other language is a mistake or a new kind.
SHOWN = {"text", "sh", "toml", "json", "diff", ""}
COMMAND = "from xsavvy.cli.main import main; main()"


def with_language(language: str) -> list[tuple[Path, Example]]:
    """The blocks of one language in all documents."""
    return [
        (path, example)
        for path in DOCUMENTS
        for example in examples(path.read_text(encoding="utf-8"))
        if example.language == language
    ]


def commands() -> list[tuple[Path, Transcript]]:
    """The commands of all console blocks."""
    blocks = with_language("console")
    return [(path, command) for path, block in blocks for command in transcripts(block)]


def spot(value: object) -> str:
    """The name of a case: the document, and the line where the example starts."""
    return short(value) if isinstance(value, Path) else str(getattr(value, "line", value))


@pytest.mark.parametrize("path", DOCUMENTS, ids=short)
def test_every_block_has_a_known_language(path: Path) -> None:
    """A document's blocks are run, or of a kind that is only shown."""
    for example in examples(path.read_text(encoding="utf-8")):
        known = example.language in SHOWN | {"python", "console"}
        assert known, f"{short(path)}:{example.line}: {example.language!r}"


@pytest.mark.parametrize(("path", "command"), commands(), ids=spot)
def test_a_command_prints_what_is_shown(path: Path, command: Transcript) -> None:
    """A command in a document prints what stands below it, but for times."""
    environment = {**os.environ, "NO_COLOR": "1", "PYTHONUTF8": "1"}
    environment.pop("COLUMNS", None)
    ran = subprocess.run(
        [sys.executable, "-c", COMMAND, *command.words[1:]],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    printed = ran.stderr if ran.returncode == 2 else ran.stdout
    assert matches(command.output, printed), f"{short(path)}:{command.line} prints:\n{printed}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=short)
def test_python_in_a_document_runs(path: Path) -> None:
    """The Python blocks of a document run in order, each after the other in one session."""
    session: dict[str, object] = {"__name__": "__example__"}
    for example in examples(path.read_text(encoding="utf-8")):
        if example.language != "python":
            continue
        if ">>>" in example.text:
            name, options = f"{short(path)}:{example.line}", doctest.ELLIPSIS
            test = doctest.DocTestParser().get_doctest(example.text, session, name, str(path), 0)
            printed: list[str] = []
            runner = doctest.DocTestRunner(optionflags=options | doctest.NORMALIZE_WHITESPACE)
            runner.run(test, out=printed.append, clear_globs=False)
            session = test.globs
            assert not runner.failures, "".join(printed)
        else:
            exec(compile(example.text, f"{short(path)}:{example.line}", "exec"), session)


@pytest.mark.parametrize("path", DOCUMENTS, ids=short)
def test_links_lead_somewhere(path: Path) -> None:
    """A link to a file of the project leads to one that exists."""
    import re

    for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), f"{short(path)}: {target}"


def test_a_wrong_example_is_found() -> None:
    """The comparison refuses another count, a missing line and an added line."""
    assert not matches("5 states", "6 states")
    assert not matches("a\nb", "a")
    assert not matches("a", "a\nb")
    assert matches("a\n...", "a\nb\nc")
    assert matches("a ... c", "a b b c")


@pytest.mark.parametrize(
    "text", ["```python\n1", "```console\nxsavvy\n```", "```console\n$ ls\n```"]
)
def test_a_malformed_example_is_found(text: str) -> None:
    """A block without an end, and a console block with something else than xsavvy, are refused."""
    with pytest.raises(ValueError, match="line"):
        [list(transcripts(example)) for example in examples(text)]
