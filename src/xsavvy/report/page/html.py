# SPDX-License-Identifier: Apache-2.0
"""Fill the templates of pages. Whatever a page says is escaped twice: for HTML, and so that no character is unseen."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from xsavvy.report.page import bundle
from xsavvy.report.text import duration, escape, number, plural

__all__ = ["readable", "render"]


def render(
    template: str,
    *,
    style: Sequence[str],
    script: str,
    data: object,
    connect: bool = False,
    **context: Any,
) -> str:
    """Return a page: a template of this folder with its style sheets, its module and its data inline.

    The module finds the data as JSON in the element `data`; with `connect` it may ask its own server.
    """
    module = bundle.modules(script)
    return (
        _environment()
        .get_template(template)
        .render(
            style=Markup(bundle.styles(style)),  # noqa: S704 (our own files)
            script=Markup(module),  # noqa: S704 (our own files)
            # The template sets the script between its tags as it is, so the hash is of exactly this text.
            policy=bundle.policy(module, connect=connect),
            data=Markup(bundle.json_text(readable(data))),  # noqa: S704 (no character of it can end the element)
            **context,
        )
    )


def readable(value: Any) -> Any:
    r"""Return data with every text in it spelled as a page shows it: no character moves, hides or turns another.

    >>> readable({"na\u202eme": ["\x1b[2J", 1]})
    {'na\\x202eme': ['\\x1b[2J', 1]}
    """
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, dict):
        return {readable(key): readable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [readable(each) for each in value]
    return value


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("xsavvy.report", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    made.filters.update(number=number, plural=plural, duration=duration)
    return made


def _shown(value: object) -> object:
    """Spell out what a text must not do to a page; markup is our own and stays."""
    return escape(value) if isinstance(value, str) and not isinstance(value, Markup) else value
