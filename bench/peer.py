# SPDX-License-Identifier: Apache-2.0
"""Build and run other model checkers on exported models, and read what they counted.

rumur, SPIN (with gcc) and java are found on the PATH; TLC's jar where TLA2TOOLS says, else
under the user's cache. Each run is one child process, whose time and peak memory are its own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["JAR", "Count", "Failed", "missing", "rumur", "spin", "tlc"]

_cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
JAR = Path(os.environ.get("TLA2TOOLS") or _cache / "xsavvy" / "tla2tools.jar")
BUILDING = 600.0  # seconds after which a compiler is given up
NEEDS: Mapping[str, tuple[str, ...]] = {
    "rumur": ("rumur", "gcc"),
    "spin": ("spin", "gcc"),
    "tlc": ("java",),
}


class Failed(Exception):
    """A tool ended without the counts that it was run for; the message holds its last words."""


@dataclass(frozen=True)
class Count:
    """What one run counted: transitions without those that only set up a start state.

    `verdict` is "holds", "violated", "deadlock" or another error in the tool's words. `seconds`
    and `kilobytes` are wall time and peak memory of the search's process, `building` the time
    to make it, `search` the seconds of the search alone, where the tool tells them.
    """

    states: int
    transitions: int
    verdict: str
    seconds: float
    kilobytes: int
    building: float
    search: float | None = None


def missing(tool: str) -> str:
    """Say what keeps a tool from running here, or nothing."""
    for program in NEEDS[tool]:
        if shutil.which(program) is None:
            return f"{tool}: no program {program!r} on the PATH"
    if tool == "tlc" and not JAR.is_file():
        return f"tlc: no {JAR.name} (set TLA2TOOLS to it, or 'make oracles')"
    return ""


def run(
    command: Sequence[str], folder: Path, limit: float, log: Path | None = None
) -> tuple[str, float, int]:
    """Run a program; return its output (which `log` keeps), wall seconds and peak kilobytes."""
    with (log or folder / "output").open("w+b") as output:
        began = time.perf_counter()
        with subprocess.Popen(  # noqa: S603 (the tools that this file is about)
            command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        ) as child:
            usage = _waited(child, command[0], began + limit)
        seconds = time.perf_counter() - began
        output.seek(0)
        return output.read().decode(errors="replace"), seconds, usage


def _waited(child: subprocess.Popen[bytes], name: str, end: float) -> int:
    """Wait for a program; return the last peak of its memory that was seen.

    The peak that the kernel hands over at the end includes that of the process which started
    the program, so it is read while the program runs.
    """
    peak, pause = 0, 0.001
    while child.poll() is None:
        peak = max(peak, _peak(child.pid))
        if time.perf_counter() > end:
            child.kill()
            raise Failed(f"{name}: stopped after its time limit")
        time.sleep(pause)
        pause = min(pause * 1.3, 0.01)
    return peak


def _peak(process: int) -> int:
    try:
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) if found else 0


def _build(commands: Sequence[Sequence[str]], folder: Path, name: str, text: str) -> float:
    """Write a model and run the commands that make its verifier; return their seconds.

    What was made by the same commands of the same text is used again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / "built.json"
    asked = [text, [list(command) for command in commands]]
    if record.exists():
        known = json.loads(record.read_text())
        if known["asked"] == asked:
            return float(known["seconds"])
        record.unlink()
    (folder / name).write_text(text)
    total = 0.0
    for command in commands:
        made = folder / _made(command)
        made.unlink(missing_ok=True)
        output, seconds, _ = run(command, folder, BUILDING)
        total += seconds
        if not made.exists():
            raise Failed(f"{command[0]}: {_tail(output)}")
    record.write_text(json.dumps({"asked": asked, "seconds": total}))
    return total


def _made(command: Sequence[str]) -> str:
    return command[command.index("-o") + 1] if "-o" in command else "pan.c"


def _tail(output: str) -> str:
    error = re.search(r"#error (.+)", output)
    if error:
        return error[1]
    return " / ".join(output.strip().splitlines()[-6:])[-600:] or "no output"


def rumur(
    text: str,
    folder: Path,
    *,
    threads: int = 1,
    pack: bool = True,
    deadlocks: bool = False,
    optimise: str = "-O3",
    limit: float = 3600,
) -> Count:
    """Run rumur on a Murphi model."""
    generate = ["rumur", "--output-format", "human-readable", "--threads", str(threads)]
    generate += ["--pack-state", "on" if pack else "off", "--value-type", "int32_t"]
    generate += ["--deadlock-detection", "stuck" if deadlocks else "off", "-o", "model.c"]
    compile_ = ["gcc", "-std=c11", optimise, "-march=native", "-mcx16", "-w"]
    compile_ += ["-o", "model", "model.c", "-lpthread"]
    building = _build([[*generate, "model.m"], compile_], folder, "model.m", text)
    output, seconds, kilobytes = run(["./model"], folder, limit)
    found = re.search(r"(\d+) states, (\d+) rules fired", output)
    if found is None:
        raise Failed(f"rumur: {_tail(output)}")
    verdict = "holds" if "No error found" in output else "violated"
    if re.search(r"deadlock", output):
        verdict = "deadlock"
    return Count(int(found[1]), int(found[2]), verdict, seconds, kilobytes, building)


def spin(
    text: str,
    folder: Path,
    *,
    starts: int = 1,
    deadlocks: bool = False,
    defines: Sequence[str] = ("-DSAFETY", "-DNOREDUCE"),
    depth: int = 1_000_000,
    slots: int = 22,
    optimise: str = "-O2",
    limit: float = 3600,
) -> Count:
    """Run SPIN on a Promela model; what only leads to a start state is not counted."""
    compile_ = ["gcc", optimise, "-w", "-DMEMLIM=16000", *defines, "-o", "pan", "pan.c"]
    commands = [["spin", "-a", "-o2", "model.pml"], compile_]
    building = _build(commands, folder, "model.pml", text)
    command = ["./pan", f"-m{depth}", f"-w{slots}", *([] if deadlocks else ["-E"])]
    output, seconds, kilobytes = run(command, folder, limit)
    states = re.search(r"([\d.e+]+) states, stored", output)
    transitions = re.search(r"([\d.e+]+) transitions", output)
    errors = re.search(r"errors: (\d+)", output)
    if states is None or transitions is None or errors is None:
        raise Failed(f"spin: {_tail(output)}")
    if "e+" in states[1] + transitions[1]:
        raise Failed(f"spin: rounds its counts to {states[1]} and {transitions[1]}")
    if "max search depth too small" in output:
        raise Failed(f"spin: a depth of {depth} is too small")
    verdict = "violated" if int(errors[1]) else "holds"
    if re.search(r"^pan:\d+: invalid end state", output, re.MULTILINE):
        verdict = "deadlock"
    choosing = (1, 1 + starts) if starts > 1 else (0, 1)
    stored = int(states[1]) - choosing[0]
    taken = int(transitions[1]) - choosing[1]
    clock = re.search(r"elapsed time ([\d.]+) seconds", output)
    search = float(clock[1]) if clock and float(clock[1]) >= 0.1 else None
    return Count(stored, taken, verdict, seconds, kilobytes, building, search)


def tlc(
    text: str,
    configuration: str,
    folder: Path,
    *,
    starts: int = 1,
    workers: int = 1,
    deadlocks: bool = False,
    memory: str = "4g",
    limit: float = 3600,
) -> Count:
    """Run TLC on a TLA+ module named model; the generated start states are not counted."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.tla").write_text(text)
    (folder / "model.cfg").write_text(configuration)
    command = ["java", "-XX:+UseParallelGC", f"-Xmx{memory}", "-cp", str(JAR), "tlc2.TLC"]
    command += ["-workers", str(workers), "-metadir", "states", "-config", "model.cfg"]
    command += [] if deadlocks else ["-deadlock"]
    output, seconds, kilobytes = run([*command, "model.tla"], folder, limit)
    found = re.findall(r"([\d,]+) states generated, ([\d,]+) distinct states found", output)
    if not found:
        raise Failed(f"tlc: {_tail(output)}")
    verdict = "holds" if "No error has been found" in output else "violated"
    if "Deadlock reached" in output:
        verdict = "deadlock"
    elif verdict == "violated" and not re.search(r"Invariant \w+ is violated", output):
        verdict = _tail(output)
    generated, distinct = (int(part.replace(",", "")) for part in found[-1])
    return Count(distinct, generated - starts, verdict, seconds, kilobytes, 0.0)
