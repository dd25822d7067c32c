# SPDX-License-Identifier: Apache-2.0
"""Protected guests: SEV-ES, SNP and TDX on the run loop's machine."""

from .part import PROTECTED

__all__ = ["PROTECTED"]
