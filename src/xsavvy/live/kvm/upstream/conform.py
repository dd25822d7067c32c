# SPDX-License-Identifier: Apache-2.0
"""Ask an unmodified Debian kernel's KVM, on SVM that QEMU emulates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xsavvy.live.kvm.conform import KvmConformance, judge

from .machine import Machine
from .package import kernel_files

__all__ = ["conform_upstream"]

SECONDS = 120.0


def conform_upstream(
    version: str,
    *,
    seed: int = 1,
    images: int = 300,
    masks: int = 600,
    progress: Callable[[int, int], None] | None = None,
    record: list[Any] | None = None,
) -> KvmConformance:
    """Boot Debian's kernel of a version and ask its KVM. Raises Unreachable.

    The kernel is fetched once (35 MB); a run takes about half a minute and leaves nothing behind but the cached
    package.
    """
    files = kernel_files(version)
    with Machine(files, SECONDS) as machine:
        return judge(
            f"kvm-upstream {version}",
            machine.ask,
            seed,
            progress,
            record,
            images=images,
            masks=masks,
        )
