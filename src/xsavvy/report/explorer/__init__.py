# SPDX-License-Identifier: Apache-2.0
"""The explorer's server: the page and its answers, on 127.0.0.1 and for this page only.

`guard` says which requests come from the page itself, `answers` what each of them gets, `connection` reads one request
and writes one reply, `server` counts the connections. No request can name a file, and none writes one.
"""
