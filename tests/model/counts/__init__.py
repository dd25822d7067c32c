# SPDX-License-Identifier: Apache-2.0
"""Golden counts, part by part."""
