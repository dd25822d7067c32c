# SPDX-License-Identifier: Apache-2.0
"""What KVM decides, and which commit made it decide so.

`rules` are functions from masks to masks; `commits` is the table of upstream changes that the model knows;
`kernels` turns a version, or a version with commits added and taken away, into a set of them.
"""

from .commits import COMMITS, Commit
from .distributions import DISTRIBUTIONS, Distribution
from .kernels import NEWEST, OLDEST, RELEASES, Kernel, UnknownKernel, kernel

__all__ = [
    "COMMITS",
    "DISTRIBUTIONS",
    "NEWEST",
    "OLDEST",
    "RELEASES",
    "Commit",
    "Distribution",
    "Kernel",
    "UnknownKernel",
    "kernel",
]
