# SPDX-License-Identifier: Apache-2.0
"""Readers of files that hold XSAVE areas, one module per format, behind `read()`."""

from .format import read, read_bytes
from .saved import Kind, Saved, UnreadableImage

__all__ = ["Kind", "Saved", "UnreadableImage", "read", "read_bytes"]
