# SPDX-License-Identifier: Apache-2.0
"""Which kvm-unit-tests were read."""

NAME = "kvm-unit-tests"
REVISION = "1da1819e49fc (2026-06-26)"
