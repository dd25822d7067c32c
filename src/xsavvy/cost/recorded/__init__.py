# SPDX-License-Identifier: Apache-2.0
"""Recorded traces of a real KVM: `line` cuts them up, `payload` reads each event, `result` is what they say.

`xsavvy.cost.trace` reads a file.
"""
