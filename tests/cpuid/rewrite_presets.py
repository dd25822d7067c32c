# SPDX-License-Identifier: Apache-2.0
"""Write src/xsavvy/cpuid/platforms/ again from the dumps in ../shared/data: run it as a script."""

from __future__ import annotations

from pathlib import Path

from xsavvy.cpuid.dump import read
from xsavvy.cpuid.presets import PRESETS, file_text

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
PLATFORMS = ROOT / "src" / "xsavvy" / "cpuid" / "platforms"


def main() -> None:
    """Replace every preset's file that has a dump."""
    for preset in PRESETS.values():
        if not preset.hypothetical:
            table = read((DATA / preset.origin).read_bytes(), preset.origin)
            text = file_text(preset, table)
            (PLATFORMS / f"{preset.name}.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
