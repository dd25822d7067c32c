# SPDX-License-Identifier: Apache-2.0
"""From rows to Markdown: explore, write the table and the traces, put them into the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from xsavvy import api

from .row import Answer, Row

START, END = "<!-- generated: {} -->", "<!-- end of generated: {} -->"


def explore(row: Row, columns: Sequence[str]) -> list[api.CheckResult]:
    """Explore a row and return the results of its columns, in their order."""
    report = api.check(
        [row.scenario], kernel=row.kernel, platform=row.platform, choices=row.choices
    )
    found = {result.property: result for result in report.results}
    return [found[name] for name in columns]


def table(answer: Answer, found: Sequence[Sequence[api.CheckResult]]) -> Iterator[str]:
    """Yield a Markdown table: one design a row, one property a column, states at the end."""
    yield f"| design | {' | '.join(answer.columns.values())} | states |"
    yield f"|---|{'---|' * (len(answer.columns) + 1)}"
    for row, results in zip(answer.rows, found, strict=True):
        cells = [_cell(result) for result in results]
        yield f"| {row.label} | {' | '.join(cells)} | {results[0].states:,} |"


def _cell(result: api.CheckResult) -> str:
    return "holds" if result.verdict == "holds" else f"**{result.verdict}** in {result.depth}"


def traces(answer: Answer, found: Sequence[Sequence[api.CheckResult]]) -> Iterator[str]:
    """Yield the shortest trace of each violation, folded away; steps that change nothing are counted."""
    for row, results in zip(answer.rows, found, strict=True):
        for result in results:
            if result.trace:
                yield f"<details><summary>{row.label}: {result.sentence}</summary>"
                yield ""
                yield "```text"
                yield from trace_lines(result)
                yield "```"
                yield ""
                yield "</details>"
                yield ""


def trace_lines(result: api.CheckResult) -> Iterator[str]:
    """Yield a trace in short: the steps that change something, with their numbers."""
    quiet = 0
    for number, step in enumerate(result.trace, 1):
        if not step.changes and number < len(result.trace):
            quiet += 1
            continue
        if quiet:
            yield f"     ... {quiet} steps that change nothing here"
            quiet = 0
        chosen = " ".join(f"{name}={value}" for name, value in step.arguments.items())
        changes = "  ".join(f"{name}: {old} -> {new}" for name, (old, new) in step.changes.items())
        yield f"{number:4} {step.actor:9} {f'{step.step} {chosen}'.strip():44} {changes}".rstrip()
    yield f"     violated: {result.sentence}"


def blocks(answers: Mapping[str, Answer]) -> dict[str, str]:
    """Explore everything and return the generated blocks by name."""
    made: dict[str, str] = {}
    for name, answer in answers.items():
        found = [explore(row, list(answer.columns)) for row in answer.rows]
        made[name] = "\n".join(table(answer, found))
        made[f"{name}-traces"] = "\n".join(traces(answer, found)).rstrip()
    return made


def replaced(text: str, made: dict[str, str]) -> str:
    """Return a page with its generated blocks made anew."""
    for name, block in made.items():
        start, end = START.format(name), END.format(name)
        if start in text:
            before, _, rest = text.partition(start)
            _, _, after = rest.partition(end)
            text = f"{before}{start}\n\n{block}\n\n{end}{after}"
    return text
