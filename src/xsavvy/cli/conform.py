# SPDX-License-Identifier: Apache-2.0
"""`xsavvy conform`: does this machine behave as the model says?"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from xsavvy.cli.option import as_json, readable_file
from xsavvy.cli.status import FOUND, HOLDS

__all__ = ["command"]


@click.command("conform")
@click.option("--silicon", is_flag=True, help="Ask this CPU.")
@click.option("--kvm", is_flag=True, help="Ask this machine's /dev/kvm.")
@click.option(
    "--kvm-upstream",
    metavar="VERSION",
    help="Ask an unmodified Debian kernel's KVM under QEMU: 6.1, 6.12.",
)
@click.option("--bochs", is_flag=True, help="Ask the processor that Bochs emulates.")
@click.option(
    "--maintainers",
    is_flag=True,
    help="Ask the model, and /dev/kvm, what kvm-unit-tests and the KVM selftests assert.",
)
@click.option("--cases", type=click.IntRange(min=1), metavar="N", help="How many cases.")
@click.option("--seed", type=int, metavar="N", help="Where the random cases start.")
@click.option(
    "--replay",
    type=readable_file,
    metavar="FILE",
    help="Judge a record of answers, or ask cases of a file again.",
)
@click.option(
    "--record",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Keep every answer of one oracle in a file, compressed if it is named .gz.",
)
@as_json
def command(
    *,
    silicon: bool,
    kvm: bool,
    kvm_upstream: str | None,
    bochs: bool,
    maintainers: bool,
    cases: int | None,
    seed: int | None,
    replay: Path | None,
    record: Path | None,
    as_json: bool,
) -> int:
    """Compare what a processor does with what the model says.

    With --silicon random cases of every instruction of the family are executed and compared to the
    last byte. With --kvm capabilities, CPUID, XCR0, images, MSRs and tiny guests are asked of
    /dev/kvm call by call, under the rules of its kernel; a difference is the model's mistake,
    another set of commits, or a backend of its own kind. With --bochs an emulated processor is asked
    what needs privilege: XSAVES, XRSTORS, XSETBV, MSRs, PKRU, every fault and its priority. With
    --maintainers the model, and /dev/kvm where it can, answer what the suites of the kernel's
    maintainers assert.
    """
    if not (silicon or kvm or kvm_upstream or bochs or maintainers or replay):
        raise click.UsageError(
            "nothing to ask: give --silicon, --kvm, --kvm-upstream VERSION, --bochs, --maintainers,"
            " or --replay FILE"
        )
    if record is not None and sum((silicon, kvm, bool(kvm_upstream), bochs)) > 1:
        raise click.UsageError("--record keeps the answers of one oracle: ask one at a time")
    if replay is not None and (record is not None or cases is not None or seed is not None):
        raise click.UsageError(
            "--replay takes its cases from the file: no --record, --cases, --seed"
        )
    from xsavvy import api
    from xsavvy.report.conform import bochs_lines, conform_lines, kvm_lines
    from xsavvy.report.json import encode
    from xsavvy.report.maintainers import maintainers_lines
    from xsavvy.report.progress import ProgressLine
    from xsavvy.report.screen import Screen

    results: list[Any] = []
    lines: list[Any] = []
    screen = Screen()
    captures: tuple[tuple[Callable[[Path], Any], Callable[..., Any]], ...] = (
        (api.replay_kvm, kvm_lines),
        (api.replay_bochs, bochs_lines),
        (api.replay_silicon, conform_lines),
    )
    for judge, draw in captures:
        kept = judge(replay) if replay is not None else None
        if kept is not None:
            results.append(kept)
            lines += draw(kept, screen.width)
            break
    again = replay is not None and not results
    with ProgressLine() as progress:
        if silicon or again:
            progress.start("silicon")
            found = api.conform_silicon(
                cases=cases,
                seed=seed,
                replay=replay if again else None,
                record=record,
                progress=progress.count,
            )
            results.append(found)
            lines += conform_lines(found, screen.width)
        for version in (*([None] if kvm else []), *([kvm_upstream] if kvm_upstream else [])):
            progress.start("kvm" if version is None else f"kvm-upstream {version}")
            asked = api.conform_kvm(
                upstream=version, seed=seed, record=record, progress=progress.count
            )
            results.append(asked)
            lines += kvm_lines(asked, screen.width)
        if bochs:
            progress.start("bochs")
            answered = api.conform_bochs(
                cases=cases, seed=seed, record=record, progress=progress.count
            )
            results.append(answered)
            lines += bochs_lines(answered, screen.width)
        if maintainers:
            progress.start("maintainers")
            theirs = api.conform_maintainers()
            results.append(theirs)
            lines += maintainers_lines(theirs, screen.width)
    if as_json:
        sys.stdout.write(encode("conform", [each.to_dict() for each in results]) + "\n")
    else:
        screen.show(lines)
    return HOLDS if all(each.holds for each in results) else FOUND
