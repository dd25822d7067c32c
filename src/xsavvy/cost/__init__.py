# SPDX-License-Identifier: Apache-2.0
"""What a choice costs: what each step executes, what that takes on a CPU, and how choices compare."""
