# SPDX-License-Identifier: Apache-2.0
"""The commands: each parses arguments, calls one function of the API, renders what it returns.

Exit status of every command: 0 all holds, 1 something was found, 2 wrong usage or unreadable input,
3 stopped before the end (a limit, an interrupt, a closed pipe).
"""
