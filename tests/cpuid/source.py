# SPDX-License-Identifier: Apache-2.0
"""Where third-party dumps stand, beside the checkout, and tables as hypothesis makes them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import strategies as st

from xsavvy.cpuid.table import Leaf, Table

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
ABSENT = "no third-party data beside the checkout (../shared/data)"

register = st.integers(0, (1 << 32) - 1)
leaves = st.builds(Leaf, register, register, register, register)
# Leaf 0 comes once per processor, so it has no other subleaf.
keys = st.tuples(register, st.one_of(st.integers(0, 63), register)).filter(
    lambda key: key[0] != 0 or key[1] == 0
)
tables = st.dictionaries(keys, leaves, min_size=1, max_size=12).map(Table)


def dump(name: str) -> bytes:
    """The bytes of a third-party dump; skips the test where it is absent."""
    path = DATA / "cpuid" / name
    if not path.exists():
        pytest.skip(ABSENT)
    return path.read_bytes()


def dumps(folder: str, pattern: str = "*") -> list[object]:
    """One parameter per dump of a folder, or one that skips with the reason."""
    paths = sorted((DATA / "cpuid" / folder).glob(pattern))
    if not paths:
        return [pytest.param(Path(folder), marks=pytest.mark.skip(reason=ABSENT))]
    return [pytest.param(path, id=path.name) for path in paths]
