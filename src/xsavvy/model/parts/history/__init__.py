# SPDX-License-Identifier: Apache-2.0
"""What old bugs of the run loop needed around it: machine checks, CPU hotplug, the emulator, images that VMMs read.

All of it is as true of today's kernels; what the run loop itself was, tells `model.history`. Read `machine`, then
`mce`, `hotplug`, `emulator`, `images` and `bounds`, each a few steps and events, then `kernels`.
"""

from .part import HISTORY

__all__ = ["HISTORY"]
