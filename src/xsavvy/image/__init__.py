# SPDX-License-Identifier: Apache-2.0
"""Bytes: registers, XSAVE areas, and the instructions' plans applied to them.

Read `registers`, then `apply`; `legacy` holds what is peculiar to the x87 part.
"""
