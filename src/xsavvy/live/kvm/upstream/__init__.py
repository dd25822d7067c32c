# SPDX-License-Identifier: Apache-2.0
"""The same survey inside an unmodified Debian kernel, in a machine of its own under QEMU.

`package` fetches the kernel, `initramfs` packs it with Python and `asker`, `machine` boots and talks to it.
"""

from .conform import conform_upstream
from .package import VERSIONS

__all__ = ["VERSIONS", "conform_upstream"]
