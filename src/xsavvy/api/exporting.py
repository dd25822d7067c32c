# SPDX-License-Identifier: Apache-2.0
"""`export`: write the model of a scenario in the language of another model checker."""

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from xsavvy.checker.export import LANGUAGES, ExportError
from xsavvy.checker.export import export as written
from xsavvy.model.build import World

from .checking import bound_system, patch_of
from .usage import UsageError, unknown
from .world import find_scenario, setting, world

__all__ = ["LANGUAGES", "ExportedModel", "export"]

MODULE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class ExportedModel(msgspec.Struct, frozen=True):
    """A model as the text of a file; its first comment says how to run it.

    `language` is one of LANGUAGES. TLC reads a second file, `configuration`, which is empty for the others.
    """

    scenario: str
    kernel: str
    platform: str
    language: str
    text: str
    configuration: str


def export(
    scenario: str,
    *,
    to: str,
    kernel: str | None = None,
    platform: str | None = None,
    choices: Mapping[str, str] | None = None,
    patch: Path | None = None,
    properties: bool = True,
    module: str = "model",
) -> ExportedModel:
    """Write the model of a scenario for rumur ("murphi"), SPIN ("promela") or TLC ("tla").

    It has the states, the transitions, the properties and the deadlocks that `check` explores; those checkers stop at
    the first violation, so without `properties` they explore everything. `module` names a TLA+ module, whose file must
    have the same name. Raises UsageError.

    >>> model = export("pkru-xinuse", to="promela", kernel="v6.18", platform="genoa")
    >>> model.text.splitlines()[1]
    ' * pkru-xinuse, kernel v6.18, platform genoa'
    """
    if to not in LANGUAGES:
        raise unknown("language", to, LANGUAGES)
    if not MODULE.fullmatch(module):
        raise UsageError(f"module {module!r}: expected a letter, then letters, digits and '_'")
    loaded = patch_of(patch)
    shared = setting(kernel, platform, choices or {}, loaded.choices if loaded else ())
    target, note = world(find_scenario(scenario), shared)
    if target is None:
        raise UsageError(note)
    system = bound_system(target, loaded)
    try:
        model = written(system, to, title=_title(target), module=module, properties=properties)
    except ExportError as error:
        raise UsageError(f"{scenario}: {error}") from None
    return ExportedModel(
        scenario, target.kernel.name, target.platform.name, to, model.text, model.configuration
    )


def _title(target: World) -> str:
    names = target.scenario.name, target.kernel.name, target.platform.name
    return "{}, kernel {}, platform {}".format(*names)
