# SPDX-License-Identifier: Apache-2.0
"""Know exactly what happens to XSAVE state between a guest and its KVM host."""
