# SPDX-License-Identifier: Apache-2.0
"""Directed questions to a processor: `table` lists them, `probe` says what one is."""
