# SPDX-License-Identifier: Apache-2.0
"""Every command with its arguments and options, as click knows them."""

from __future__ import annotations

from collections.abc import Iterator

import click

from xsavvy.cli.main import EPILOG, xsavvy

from .markdown import code, plain, table

__all__ = ["commands_block"]


def commands_block() -> str:
    """Return a section for each command, in the order in which one learns them."""
    context = click.Context(xsavvy, info_name="xsavvy")
    lines = [plain(EPILOG), ""]
    for name in xsavvy.list_commands(context):
        command = xsavvy.get_command(context, name)
        if command is not None:
            lines += _section(command, context, name, "##")
    return "\n".join(lines)


def _section(command: click.Command, parent: click.Context, name: str, mark: str) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent)
    yield f"{mark} {context.command_path}"
    yield ""
    pieces = " ".join(command.collect_usage_pieces(context))
    yield from ("```text", f"{context.command_path} {pieces}", "```", "")
    for paragraph in (command.help or "").split("\n\n"):
        yield plain(paragraph.replace("\b", ""))
        yield ""
    rows = list(_options(command, context))
    if rows:
        yield from table(("option", "meaning"), rows)
        yield ""
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            inner = command.get_command(context, each)
            if inner is not None:
                yield from _section(inner, context, each, f"{mark}#")


def _options(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and "--help" not in parameter.opts:
            yield code(record[0]), plain(record[1])
