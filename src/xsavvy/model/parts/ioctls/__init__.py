# SPDX-License-Identifier: Apache-2.0
"""The ioctl surface of one vCPU, composed with KVM_RUN."""

from .part import IOCTLS

__all__ = ["IOCTLS"]
