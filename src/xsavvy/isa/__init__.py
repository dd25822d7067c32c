# SPDX-License-Identifier: Apache-2.0
"""The processor: components, registers and their legal values, the instructions and their faults.

Read `components`, then `masks` (every rule, as functions of ints), then `save` and `restore`.
"""
