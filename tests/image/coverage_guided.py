# SPDX-License-Identifier: Apache-2.0
"""The same fuzzing guided by coverage, where atheris is installed (it is not needed for any test).

    python -m tests.image.coverage_guided FOLDER -runs=100000

FOLDER keeps what was found; it starts with the corpus of `mutate`. A crash ends the run with the input in a file.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any


def main() -> None:
    """Write the corpus and hand the bytes to `told`."""
    atheris: Any = import_module("atheris")
    with atheris.instrument_imports(include=["xsavvy.image", "xsavvy.kvm"]):
        from tests.image.mutate import corpus
        from tests.image.test_fuzz import told

    folder = Path(sys.argv[1])
    folder.mkdir(exist_ok=True)
    for number, data in enumerate(corpus()):
        (folder / f"corpus-{number:02}").write_bytes(data)

    def feed(data: bytes) -> None:
        told(data)

    atheris.Setup(sys.argv, feed)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
