# SPDX-License-Identifier: Apache-2.0
"""Pages for a browser: one file each, which asks nothing of any network."""
