# SPDX-License-Identifier: Apache-2.0
"""What the public API returns, as people and programs read it: text, JSON, a progress line.

A renderer takes a typed result and gives lines (`rich.text.Text`), so it needs no terminal and is
easy to test; `screen` alone knows where they go.
"""
