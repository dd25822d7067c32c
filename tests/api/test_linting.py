# SPDX-License-Identifier: Apache-2.0
"""`api.lint` and `api.cpu` on everything that CPUID comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cpuid import sample
from xsavvy import api
from xsavvy.cpuid.dump import write_raw
from xsavvy.cpuid.presets import PRESETS
from xsavvy.live.kvm import asker


def written(folder: Path, name: str, text: str) -> str:
    """The path of a file with some text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_presets_and_files(tmp_path: Path) -> None:
    """Presets and dumps are judged in the order given, each with its format."""
    log = written(tmp_path, "a.log", sample.LOG)
    sound, found = api.lint(["genoa", log])
    assert (sound.file, sound.format, sound.findings, sound.unknown) == ("genoa", "preset", (), ())
    assert (found.format, found.findings[0].rule) == ("log", "unaligned-size")


def test_guest_and_host_are_judged_apart(tmp_path: Path) -> None:
    """A log of VirtualBox has two results; only the guest is asked for KVM's objections."""
    path = written(tmp_path, "VBox.log", sample.VIRTUALBOX)
    guest, host = api.lint([path], kernel="v6.17")
    assert (guest.file, host.file) == (f"{path} (guest)", f"{path} (host)")
    assert (guest.kernel, host.kernel) == ("v6.17", "")
    assert (len(guest.findings), host.findings) == (1, ())
    assert api.cpu(path).role == "guest"


def test_a_processor_may_be_chosen(tmp_path: Path) -> None:
    """A dump's processors go by number, a log's two machines by role; others are wrong usage."""
    path = written(tmp_path, "VBox.log", sample.VIRTUALBOX)
    assert (api.cpu(path, processor="host").role, api.cpu(path, processor="host").xss) == (
        "host",
        0x1800,
    )
    two = written(
        tmp_path, "d.txt", write_raw(PRESETS["rome"].table) + write_raw(PRESETS["genoa"].table)
    )
    assert (api.cpu(two, processor="1").xcr0, api.cpu(two, processor="1").processor) == (0x2E7, 1)
    with pytest.raises(api.UsageError, match="no processor '2': expected 0 to 1"):
        api.cpu(two, processor="2")
    with pytest.raises(api.UsageError, match="no processor '0': expected guest, host"):
        api.cpu(path, processor="0")


def test_processors_that_differ_are_told(tmp_path: Path) -> None:
    """The first processor is judged; that the second differs is told and is no finding."""
    genoa = PRESETS["genoa"].table
    other = genoa.replaced({(13, 0): genoa.read(13)._replace(eax=0x7)})
    path = written(tmp_path, "d.txt", write_raw(genoa) + write_raw(other))
    (result,) = api.lint([path])
    assert (result.findings, result.processors) == ((), 2)
    assert [each.processor for each in result.differences] == [1]
    assert api.cpu(path).differences == result.differences


def test_a_whole_table_has_no_unknown_subleaf(tmp_path: Path) -> None:
    """With `whole` a subleaf that is not there is a finding; without, it is unknown."""
    cut = PRESETS["sapphire-rapids"].table.replaced({(13, 9): None})
    path = written(tmp_path, "d.txt", write_raw(cut))
    (open_,), (whole,) = api.lint([path]), api.lint([path], whole=True)
    assert [each.subleaf for each in open_.unknown] == [9]
    assert open_.findings == ()
    assert [each.rule for each in whole.findings] == ["missing-subleaf"]
    assert whole.unknown == ()


def test_a_c_header(tmp_path: Path) -> None:
    """A header that numbers components is judged as such."""
    path = written(
        tmp_path, "fpu.h", "enum x { XFEATURE_FP, XFEATURE_SSE, XFEATURE_YMM, XFEATURE_PT };"
    )
    (result,) = api.lint([path])
    assert result.format == "enumeration"
    assert [each.expected for each in result.findings] == ["8"]


def test_a_kvm_device(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A KVM is asked what it shows: the table is whole, and judged as any other."""
    entries = [[1, 0, 0, 0, 0, 0x81202000, 0], [13, 0, 1, 0xE7, 0x980, 0x980, 0]]
    monkeypatch.setattr(asker, "cpuid_entries", lambda *_: entries)
    (result,) = api.lint([written(tmp_path, "kvm", "")], form="kvm")
    assert (result.format, [each.rule for each in result.findings]) == ("kvm", ["xsave-hidden"])


@pytest.mark.parametrize(
    ("files", "options", "words"),
    [
        (["nosuch"], {}, "no CPU (preset, or file with a CPUID dump) 'nosuch'"),
        (["genoaa"], {}, "nearest: genoa"),
        (["genoa"], {"kernel": "v9"}, "kernel 'v9': expected a version"),
        (["README.md"], {"form": "rav"}, "no dump format 'rav'; nearest: raw"),
        (["README.md"], {}, "README.md: expected a CPUID dump"),
        (["x"], {"form": "preset"}, "no preset 'x'"),
        ([], {"form": "raw"}, "--from raw needs a file"),
        (["nosuch"], {"form": "kvm"}, "nosuch: cannot be opened"),
        (["src"], {}, "src: cannot be read"),
    ],
)
def test_wrong_usage_is_one_line(files: list[str], options: dict[str, Any], words: str) -> None:
    """What cannot be read or is not known ends in one line that says so."""
    with pytest.raises(api.UsageError) as caught:
        api.lint(files, **options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
