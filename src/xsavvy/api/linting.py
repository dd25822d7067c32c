# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a CPUID table: `lint`."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from xsavvy.cpuid import Table
from xsavvy.cpuid.differing import ProcessorDifference, differences
from xsavvy.cpuid.enumeration import enumeration_findings, recognises_enumeration
from xsavvy.cpuid.finding import Finding, Unknown
from xsavvy.cpuid.lint import lint as judge
from xsavvy.kvm import UnknownKernel
from xsavvy.kvm import kernel as kernel_named
from xsavvy.kvm.kernels import Kernel
from xsavvy.kvm.objection import objections

from .dumps import Dump, open_dump
from .file import dump_bytes
from .usage import UsageError

__all__ = ["LintResult", "lint"]


class LintResult(msgspec.Struct, frozen=True):
    """What a lint found in one table.

    `file` is what the caller gave, with the role where a dump holds several machines. `processors`
    counts those of the dump; the first one is judged, `differences` are those of the others from it.
    """

    file: str
    format: str
    findings: tuple[Finding, ...]
    unknown: tuple[Unknown, ...]
    processors: int = 1
    differences: tuple[ProcessorDifference, ...] = ()
    kernel: str = ""


def lint(
    files: Sequence[str] = (),
    *,
    form: str | None = None,
    kernel: str | None = None,
    whole: bool = False,
) -> tuple[LintResult, ...]:
    """Judge CPUID tables: of files, presets, '-' or /dev/kvm; without any, this machine's.

    `form` forces a format. `kernel` takes each table for a guest's and adds what the KVM of that kernel
    offers to no guest. `whole` says that a table is all that is answered: a subleaf that it lacks is then
    zero, not unknown. Raises UsageError.

    >>> [result.findings for result in lint(["sapphire-rapids", "genoa"])]
    [(), ()]
    """
    rules = _kernel(kernel)
    results: list[LintResult] = []
    for name in files or (None,):
        text = _enumeration(name) if form is None else None
        if name is not None and text is not None:
            results.append(LintResult(name, "enumeration", tuple(enumeration_findings(text)), ()))
        else:
            results += _judged(open_dump(name, form), rules, whole)
    return tuple(results)


def _kernel(name: str | None) -> Kernel | None:
    try:
        return None if name is None else kernel_named(name)
    except UnknownKernel as error:
        raise UsageError(str(error)) from None


def _enumeration(name: str | None) -> str | None:
    """Return a C header's text, or None for what is none; standard input holds a dump."""
    if name is None or not name.endswith((".h", ".c")):
        return None
    text = dump_bytes(name, "CPU").decode("utf-8", "replace")
    return text if recognises_enumeration(text) else None


def _judged(dump: Dump, kernel: Kernel | None, whole: bool) -> list[LintResult]:
    if not dump.roles:
        others = differences(dump.tables)
        return [_result(dump, dump.name, dump.tables[0], kernel, whole, len(dump.tables), others)]
    named = zip(dump.roles, dump.tables, strict=False)
    return [
        _result(dump, f"{dump.name} ({role})", table, kernel if role == "guest" else None, whole)
        for role, table in named
    ]


def _result(
    dump: Dump,
    file: str,
    table: Table,
    kernel: Kernel | None,
    whole: bool,
    processors: int = 1,
    others: tuple[ProcessorDifference, ...] = (),
) -> LintResult:
    if whole and not table.whole:
        table = table.taken_whole()
    verdict = judge(table)
    more = () if kernel is None else objections(table, kernel)
    name = "" if kernel is None else kernel.name
    return LintResult(
        file, dump.form, (*verdict.findings, *more), verdict.unknown, processors, others, name
    )
