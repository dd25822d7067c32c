# SPDX-License-Identifier: Apache-2.0
"""Export a bound system to other model checkers, for a second opinion on ours.

Read `form.py` first (what is exported), then `run.py` and `lower.py` (how step functions become
expressions: `node.py`, `forest.py`, `bound.py`, `fact.py`), then `text.py` and one language:
`murphi.py`, `promela.py` (both with `order.py`) or `tla.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from xsavvy.checker.bind import System
from xsavvy.checker.error import nearest
from xsavvy.checker.export.form import form
from xsavvy.checker.export.murphi import murphi
from xsavvy.checker.export.node import ExportError
from xsavvy.checker.export.promela import promela
from xsavvy.checker.export.tla import tla

__all__ = ["LANGUAGES", "Export", "ExportError", "export"]

# What follows the name of a file in each language.
LANGUAGES: Mapping[str, str] = {"murphi": ".m", "promela": ".pml", "tla": ".tla"}


@dataclass(frozen=True)
class Export:
    """A model as the text of a file; TLC wants a second one, `configuration` (else empty)."""

    language: str
    text: str
    configuration: str = ""


def export(
    system: System,
    language: str,
    *,
    title: str = "model",
    module: str = "model",
    properties: bool = True,
) -> Export:
    """Write a system in another language; the file of a TLA+ module must be named `module`.

    The model has the same states, transitions, properties and deadlocks. Without `properties`
    it has none of the system's properties, so that all of it is explored whatever they say.
    Raises ExportError when the language cannot express it.
    """
    if language not in LANGUAGES:
        raise ExportError(f"no language {language!r}; {nearest(language, LANGUAGES)}")
    model = form(system, title)
    if language == "murphi":
        return Export(language, murphi(model, properties))
    if language == "promela":
        return Export(language, promela(model, properties))
    return Export(language, *tla(model, properties, module))
