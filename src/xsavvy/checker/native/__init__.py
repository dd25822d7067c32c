# SPDX-License-Identifier: Apache-2.0
"""The compiled search: machine code for the steps and for the search itself, made with llvmlite."""
