# SPDX-License-Identifier: Apache-2.0
"""A group whose commands are modules that load when they are asked for, and one set of exits."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from xsavvy.cli.status import STOPPED, USAGE

__all__ = ["LazyGroup", "one_line"]


LONGEST = 2000
"""Characters of a message; more is what a file made of it."""


def one_line(message: str) -> str:
    """Return a message without line breaks, with other control characters spelled out, and not endless."""
    words = " ".join(message.split())
    if len(words) > LONGEST:
        half = LONGEST // 2
        words = f"{words[:half]} [... {len(words) - 2 * half:,} characters ...] {words[-half:]}"
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in words)


class LazyGroup(click.Group):
    """Commands found by name: command `x-y` is the attribute `command` of module `PACKAGE.x_y`.

    A command returns its exit status. Every other way to end has one here: a usage error, or output
    that cannot be written, is one line on standard error and status 2; an interrupt, a closed pipe,
    or no memory left is status 3.
    """

    def __init__(self, *args: Any, commands_in: str, names: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._package = commands_in
        self._names = tuple(names)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Name the commands in the order in which one learns them."""
        return list(self._names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Load one command's module."""
        if cmd_name not in self._names:
            return None
        found: click.Command = import_module(
            f"{self._package}.{cmd_name.replace('-', '_')}"
        ).command
        return found

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse what is no text, such as a file name of other bytes: no JSON and no XML can repeat it."""
        for each in args:
            if not each.isprintable() and any("\ud800" <= char <= "\udfff" for char in each):
                raise click.UsageError(f"{each!a}: expected an argument in UTF-8", ctx)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of an argument list, or name the nearest there is."""
        if args and args[0] not in self._names and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], self._names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"expected {', '.join(self._names)}"
            raise click.UsageError(f"no command {args[0]!r}: {hint}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command and what it left in the buffers."""
        status = super().invoke(ctx)
        sys.stdout.flush()
        return status

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Run the command line and exit; never returns."""
        kwargs["standalone_mode"] = False
        _prepare_streams()
        sys.exit(_status_of(lambda: super(LazyGroup, self).main(*args, **kwargs)))


def _prepare_streams() -> None:
    """Let the streams that the caller closed (`>&-`) be empty ones, and no letter be one that cannot be written.

    Python has None in the place of a closed stream, and raises for a letter that a terminal's encoding does not have.
    A caller's own text stream, such as StringIO, has no encoding and takes every letter.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
        elif mode == "w" and (stream.encoding or "utf-8").lower() not in {"utf-8", "utf8"}:
            stream.reconfigure(errors="backslashreplace")


def _status_of(run: Callable[[], Any]) -> int:
    try:
        return int(run() or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return USAGE
    except click.ClickException as error:
        return _usage(error)
    except (click.Abort, KeyboardInterrupt):
        return _say("interrupted", STOPPED)
    except SystemExit:
        # Outside its standalone mode click exits for one reason: nobody reads the output.
        return STOPPED
    except OSError as error:
        # Files have their own words where they are opened; what is left is mostly a full disk behind a `>`.
        return _say(f"{error.filename or 'output'}: {error.strerror or error}", USAGE)
    except MemoryError:
        return _say("no memory left", STOPPED)
    except Exception as error:
        # Only a command that loaded the API can meet its errors, so nothing is imported for this.
        api = sys.modules.get("xsavvy.api")
        if api is None or not isinstance(error, api.UsageError):
            raise
        return _say(str(error), USAGE)


def _usage(error: click.ClickException) -> int:
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "xsavvy"
    return _say(f"{error.format_message()} (see {path} --help)", USAGE)


def _say(message: str, status: int) -> int:
    click.echo(f"xsavvy: {one_line(message)}", err=True)
    return status
