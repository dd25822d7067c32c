# SPDX-License-Identifier: Apache-2.0
"""The explorer's page as it is served: one file, with the token of this session in it."""

from __future__ import annotations

__all__ = ["explorer_page"]

NO_FRAMES = "; frame-ancestors 'none'"


def explorer_page(token: str) -> tuple[bytes, str]:
    """Return the page and its Content-Security-Policy.

    `token` is what the page has to send with every request that changes something.
    """
    from xsavvy.report.page import explorer

    return explorer.explorer_page(token).encode(), explorer.explorer_policy() + NO_FRAMES
