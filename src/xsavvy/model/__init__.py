# SPDX-License-Identifier: Apache-2.0
"""The machine under check: state, guest, run loop, interrupts, scheduler, properties, scenarios."""
