# SPDX-License-Identifier: Apache-2.0
"""This machine: its CPUID, its XSAVE instructions, and whether they do what the model says."""
