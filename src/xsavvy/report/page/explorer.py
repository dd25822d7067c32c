# SPDX-License-Identifier: Apache-2.0
"""The explorer's page: one file, which asks nothing of any network but the server that it came from."""

from __future__ import annotations

from collections.abc import Sequence

from .bundle import modules, policy

__all__ = ["KEYS", "explorer_page", "explorer_policy"]

KEYS: Sequence[tuple[Sequence[str], str]] = (
    (("↑", "↓"), "choose a move"),
    (("Enter",), "take the chosen move"),
    (("1", "…", "9"), "take the move with that number"),
    (("/",), "filter the moves; Esc clears the filter"),
    (("n", "Space"), "the host's next step"),
    (("g",), "run the host until the guest has the word"),
    (("e",), "run the host until something new can come"),
    (("t",), "run the host until a property turns"),
    (("←", "Backspace"), "undo: one step back on the path"),
    (("→",), "redo: one step forward on the path"),
    (("Home", "End"), "the start of the path, and its end"),
    (("p",), "go to the properties"),
    (("c",), "compare with a second world, or stop"),
    (("l",), "copy the link"),
    (("?",), "this list"),
)
"""Every key of the explorer, and what it does; `explore/keys.js` is where they are bound."""

_STYLES = ("style.css", "machine.css", "explore.css")
_ENTRY = "explore/main.js"


def explorer_page(token: str) -> str:
    """Return the page. `token` is what it has to send with every request that changes something."""
    from .html import render

    return render(
        "explore.html.j2",
        style=_STYLES,
        script=_ENTRY,
        data={"token": token},
        connect=True,
        keys=KEYS,
    )


def explorer_policy() -> str:
    """Return the page's Content-Security-Policy, for the header too."""
    return policy(modules(_ENTRY), connect=True)
