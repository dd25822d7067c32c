# SPDX-License-Identifier: Apache-2.0
"""How one instruction is executed and its fault caught, in machine code that can be read.

Read `stub`, then `native`. Nothing here knows XSAVE's rules.
"""
