# SPDX-License-Identifier: Apache-2.0
"""Write the answers to seeds 002 and 001: `python docs/answers.py` explores every row and rewrites the pages.

The pages are generated from runs and nothing else; a test explores the rows again and compares. A finding on the
newest kernel that upstream has not fixed is left out (docs/decisions/0004): what is left out is said on the page.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xsavvy import api

HERE = Path(__file__).parent
START, END = "<!-- generated: {} -->", "<!-- end of generated: {} -->"


@dataclass(frozen=True)
class Row:
    """One design to explore, and what to call it."""

    label: str
    scenario: str
    kernel: str
    platform: str
    choices: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """One page: rows and the properties that are its columns."""

    page: str
    rows: tuple[Row, ...]
    columns: dict[str, str]


VMX, SVM = "sapphire-rapids", "genoa"


def _pkru(label: str, platform: str = VMX, kernel: str = "v6.18", **choices: str) -> Row:
    return Row(label, "pkru", kernel, platform, choices)


def _xfd(label: str, **choices: str) -> Row:
    return Row(label, "xfd-on-demand", "v6.19", VMX, choices)


def _failing(option: str, after: str) -> dict[str, str]:
    return {"xfd_intercept": option, "allocation": "may_fail", "after_failure": after}


SEED_002 = Answer(
    "seed-002.md",
    (
        _pkru("VMX, as v6.18 does it"),
        _pkru("SVM, as v6.18 does it", SVM),
        _pkru("VMX, as v6.19 does it", kernel="v6.19"),
        _pkru("switched if CR4.PKE", pkru_switch="pke"),
        _pkru("switched if XCR0[9]", pkru_switch="xcr0"),
        _pkru("switched always", pkru_switch="always"),
        _pkru("switched never", pkru_switch="never"),
        _pkru("before XCR0", pkru_order="before_xcr0"),
        _pkru("in the FPU swap, with the rest", pkru_home="with_xstate"),
        _pkru("by a VMCS field that does not exist", pkru_home="vmcs_field"),
        _pkru("NMIs masked in the window", nmi_window="masked"),
        _pkru("hidden RDPKRU kept", pkru_compare="rdpkru"),
        _pkru("the thread's hint", pkru_compare="hint"),
        _pkru("host value sampled at entry", pkru_sample="entry"),
        _pkru("written with XRSTOR", pkru_write="xrstor"),
    ),
    {
        "guest_sees_its_own_pkru": "guest sees its own",
        "host_runs_on_host_pkru": "host runs on its own",
        "nmi_reads_user_memory_under_host_pkru": "NMI reads under the host's",
    },
)

SEED_002_XINUSE = Answer(
    "seed-002.md",
    (
        Row("VMX, WRPKRU", "pkru-xinuse", "v6.18", VMX),
        Row("VMX, XRSTOR", "pkru-xinuse", "v6.18", VMX, {"pkru_write": "xrstor"}),
        Row("SVM, WRPKRU", "pkru-xinuse", "v6.18", SVM),
    ),
    {"guest_sees_its_own_pkru_inuse": "XINUSE[9] as the guest left it"},
)

SEED_001 = Answer(
    "seed-001.md",
    (
        _xfd("upstream: first nonzero write"),
        _xfd("always intercepted", xfd_intercept="always"),
        _xfd("option 1, growth succeeds", xfd_intercept="option_1"),
        _xfd("option 1, growth may fail, VMM stops", **_failing("option_1", "stops")),
        _xfd("option 1, growth may fail, VMM re-enters", **_failing("option_1", "reenters")),
        _xfd("the same, saved without a mask", save_mask="all", **_failing("option_1", "reenters")),
        _xfd("option 2, growth succeeds", xfd_intercept="option_2"),
        _xfd("option 2, growth may fail, VMM re-enters", **_failing("option_2", "reenters")),
        _xfd("option 3, growth succeeds", xfd_intercept="option_3"),
        _xfd("option 3, growth may fail, VMM re-enters", **_failing("option_3", "reenters")),
        _xfd("upstream, synchronized after interrupts are on", xfd_sync="irqs_on"),
        _xfd("upstream, never synchronized", xfd_sync="never"),
        _xfd("upstream, XFD_ERR left in the register", xfd_err="not_cleared"),
        _xfd("upstream, XFD_ERR zeroed and forgotten", xfd_err="not_saved"),
    ),
    {
        "kernel_survives": "kernel survives",
        "enabled_state_has_room": "room for what is enabled",
        "guest_finds_its_registers": "guest finds its registers",
        "guest_runs_on_its_own_xfd": "guest's XFD",
        "xfd_cache_is_right": "XFD cache",
        "host_runs_without_guest_xfd_err": "host free of XFD_ERR",
        "guest_reads_its_own_xfd_err": "guest's XFD_ERR",
    },
)

ANSWERS = {"pkru": SEED_002, "pkru-xinuse": SEED_002_XINUSE, "xfd": SEED_001}


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


def blocks() -> dict[str, str]:
    """Explore everything and return the generated blocks by name."""
    made: dict[str, str] = {}
    for name, answer in ANSWERS.items():
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


def main() -> None:
    """Rewrite the pages and the README."""
    made = blocks()
    for page in (HERE / "seed-002.md", HERE / "seed-001.md", HERE.parent / "README.md"):
        page.write_text(replaced(page.read_text(), made))
        sys.stderr.write(f"{page.name}\n")


if __name__ == "__main__":
    main()
