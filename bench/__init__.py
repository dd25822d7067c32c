# SPDX-License-Identifier: Apache-2.0
"""What is measured, and the other model checkers that it is measured against."""
