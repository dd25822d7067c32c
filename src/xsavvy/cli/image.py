# SPDX-License-Identifier: Apache-2.0
"""`xsavvy image`: what is in saved state, who would take it, and the same state in another form."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from xsavvy.cli.option import as_json
from xsavvy.cli.status import FOUND, HOLDS

__all__ = ["command"]


def mask(context: click.Context, parameter: click.Parameter, text: str | None) -> int | None:
    """Turn a mask in decimal or hexadecimal into a number of 63 bits."""
    if text is None:
        return None
    try:
        number = int(text, 0)
    except ValueError:
        number = -1
    if not 0 <= number < 1 << 63:
        message = f"{text!r}: expected a mask of bits 0 to 62, such as 0x2e7"
        raise click.BadParameter(message, context, parameter)
    return number


image_file = click.Path(exists=True, dir_okay=False, allow_dash=True)
kind = click.option(
    "--from", "kind", metavar="KIND", help="Read as elf, kvm, criu or raw, whatever it looks like."
)
thread = click.option("--thread", type=int, metavar="TID", help="This thread of a core alone.")


@click.group("image")
def command() -> None:
    """Read, judge, convert and compare saved state.

    FILE is an ELF core of Linux or FreeBSD, what KVM_GET_XSAVE or KVM_GET_XSAVE2 gave, a CRIU core
    image (or what 'crit decode' prints of it), or the bytes of an XSAVE area; '-' is standard
    input. CPU is a preset ('xsavvy list platforms') or a file with a CPUID dump.
    """


@command.command("show")
@click.argument("file", type=image_file)
@click.option("--cpu", metavar="CPU", help="The CPU that made it. [default: what fits]")
@click.option(
    "--lanes", default="", metavar="KIND", help="Vectors by lane: i8 to i64, u8 to u64, f16 to f64."
)
@click.option("--stale", is_flag=True, help="Show bytes that are left over, marked as such.")
@kind
@thread
@as_json
def show(
    file: str,
    *,
    cpu: str | None,
    lanes: str,
    stale: bool,
    kind: str | None,
    thread: int | None,
    as_json: bool,
) -> int:
    """Show what is inside, register by register.

    Where the layout is not stated it is recovered, and how certain that is stands beside it. A
    component that XSTATE_BV does not name is in its initial configuration, whatever lies there.
    """
    from xsavvy import api
    from xsavvy.report.image import area_lines
    from xsavvy.report.json import encode
    from xsavvy.report.screen import Screen

    areas = api.show_image(file, kind=kind, cpu=cpu, lanes=lanes, thread=thread)
    if as_json:
        sys.stdout.write(encode("image show", areas) + "\n")
    else:
        screen = Screen()
        screen.show(area_lines(areas, screen.width, stale=stale))
    return HOLDS


@command.command("check")
@click.argument("file", type=image_file)
@click.option("--cpu", metavar="CPU", help="Who is to load it. [default: this machine]")
@click.option("--from-cpu", metavar="CPU", help="The CPU that made it. [default: what fits]")
@click.option("--kernel", metavar="K", help="KVM of this kernel. [default: the newest modelled]")
@click.option(
    "--by", metavar="JUDGE", multiple=True, help="Ask xrstor, xrstors or kvm; may be repeated."
)
@click.option(
    "--xcr0",
    callback=mask,
    metavar="MASK",
    help="XCR0 in force. [default: all that the CPU supports]",
)
@click.option(
    "--xss",
    callback=mask,
    metavar="MASK",
    help="IA32_XSS in force. [default: all that the CPU supports]",
)
@click.option(
    "--xfd", callback=mask, metavar="MASK", default="0", help="IA32_XFD in force. [default: 0]"
)
@click.option(
    "--guest-xcr0",
    callback=mask,
    metavar="MASK",
    help="The guest's CPUID (0xD,0). [default: all that KVM supports]",
)
@kind
@thread
@as_json
def check(
    file: str,
    *,
    cpu: str | None,
    from_cpu: str | None,
    kernel: str | None,
    by: tuple[str, ...],
    xcr0: int | None,
    xss: int | None,
    xfd: int,
    guest_xcr0: int | None,
    kind: str | None,
    thread: int | None,
    as_json: bool,
) -> int:
    """Say who would take an image, and if not, why.

    XRSTOR and XRSTORS of a CPU and KVM_SET_XSAVE of a kernel are asked, and what each would do with
    every component. By default those are asked that take the image's format. The status is 1 if one
    refuses, or takes something else than was saved.
    """
    from xsavvy import api
    from xsavvy.report.image import verdict_lines
    from xsavvy.report.json import encode
    from xsavvy.report.screen import Screen

    verdicts = api.check_image(
        file, cpu=cpu, from_cpu=from_cpu, kernel=kernel, by=by, xcr0=xcr0, xss=xss, xfd=xfd,
        guest_xcr0=guest_xcr0, kind=kind, thread=thread,
    )  # fmt: skip
    if as_json:
        sys.stdout.write(encode("image check", verdicts) + "\n")
    else:
        screen = Screen()
        screen.show(verdict_lines(verdicts, screen.width))
    return HOLDS if all(each.sound for each in verdicts) else FOUND


@command.command("convert")
@click.argument("file", type=image_file)
@click.option("--to", required=True, type=click.Choice(["standard", "compacted"]), help="Format.")
@click.option("--cpu", metavar="CPU", help="Whose layout. [default: this machine]")
@click.option("--from-cpu", metavar="CPU", help="The CPU that made it. [default: what fits]")
@click.option("--drop", multiple=True, metavar="COMPONENT", help="Leave it out, whatever it holds.")
@click.option(
    "--default", multiple=True, metavar="COMPONENT", help="Make it initial, whatever it holds."
)
@click.option(
    "-o", "--output", required=True, metavar="FILE",
    type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Where the area goes.",
)  # fmt: skip
@kind
@thread
@as_json
def convert(
    file: str,
    *,
    to: str,
    cpu: str | None,
    from_cpu: str | None,
    drop: tuple[str, ...],
    default: tuple[str, ...],
    output: Path,
    kind: str | None,
    thread: int | None,
    as_json: bool,
) -> int:
    """Write the same state in another form.

    That is another format, or another CPU's layout. Every component that XSTATE_BV names stays the
    same byte for byte. What the target cannot hold is refused if it is not initial; --drop and
    --default give it up by name, where MXCSR is a name, too.
    """
    from xsavvy import api
    from xsavvy.api.file import writing
    from xsavvy.report.image import converted_lines
    from xsavvy.report.json import encode
    from xsavvy.report.screen import Screen

    done = api.convert_image(
        file,
        to=to,
        cpu=cpu,
        from_cpu=from_cpu,
        drop=drop,
        default=default,
        kind=kind,
        thread=thread,
    )
    with writing(output):
        output.write_bytes(done.area)
    if as_json:
        result = {
            "file": str(output), "size": len(done.area), "format": done.format, "cpu": done.cpu,
            "components": done.components, "saved": done.saved, "notes": done.notes,
        }  # fmt: skip
        sys.stdout.write(encode("image convert", [result]) + "\n")
    else:
        screen = Screen()
        screen.show(converted_lines(done, str(output), screen.width))
    return HOLDS


@command.command("diff")
@click.argument("one", metavar="FILE", type=image_file)
@click.argument("other", metavar="FILE", type=image_file)
@click.option(
    "--cpu", metavar="CPU", multiple=True, help="The CPU that made them; twice: one for each."
)
@click.option(
    "--thread", type=int, metavar="TID", multiple=True, help="This thread; twice: one for each."
)
@kind
@as_json
def diff(
    one: str,
    other: str,
    *,
    cpu: tuple[str, ...],
    thread: tuple[int, ...],
    kind: str | None,
    as_json: bool,
) -> int:
    """Show what two images say differently.

    Register by register, by meaning: a component whose bit is clear equals one that was saved in its initial
    configuration; formats, layouts and left-over bytes do not count. The status is 1 if they differ.
    """
    from xsavvy import api
    from xsavvy.report.image import difference_lines
    from xsavvy.report.json import encode
    from xsavvy.report.screen import Screen

    if len(cpu) > 2 or len(thread) > 2:
        raise click.UsageError("--cpu and --thread: expected at most two, one for each file")
    if one == other == "-":
        raise click.UsageError("standard input can be read once: give a file for the other image")
    found = api.diff_images(
        one,
        other,
        kind=kind,
        cpus=(cpu[0], cpu[-1]) if cpu else (None, None),
        threads=(thread[0], thread[-1]) if thread else (None, None),
    )
    if as_json:
        sys.stdout.write(encode("image diff", found, one=one, other=other) + "\n")
    else:
        screen = Screen()
        screen.show(difference_lines(found, screen.width))
    return FOUND if found else HOLDS
