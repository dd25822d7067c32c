# SPDX-License-Identifier: Apache-2.0
"""The properties as a page: the sentences P1 to P29, and what asks them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xsavvy.checker import Eventually, Property
from xsavvy.kvm import NEWEST, kernel
from xsavvy.model.build import World, assembled, resolve
from xsavvy.model.platforms import preset
from xsavvy.model.registry import PARTS

from .row import SVM, VMX

Item = Property | Eventually


def sentences_block() -> str:
    """Return a table of all properties, by number where they have one."""
    rows = sorted(_rows().values())
    head = ["| | property | sentence | witness | mutant | parts |", "|---|---|---|---|---|---|"]
    return "\n".join([*head, *(line for _, line in rows)])


def _rows() -> dict[str, tuple[tuple[int, str], str]]:
    parts: dict[str, list[str]] = {}
    items: dict[str, Item] = {}
    for part, each in _all():
        items.setdefault(each.name, each)
        if part not in parts.setdefault(each.name, []):
            parts[each.name].append(part)
    return {name: _row(item, parts[name]) for name, item in items.items()}


def _all() -> Iterator[tuple[str, Item]]:
    newest = kernel(NEWEST)
    for part in PARTS:
        asked = {
            name for each in part.scenarios for name in (*each.properties, *each.eventualities)
        }
        for platform in (VMX, SVM):
            program = assembled(
                World(part.scenarios[0], newest, preset(platform), resolve(newest, {}), {})
            )
            items: tuple[Item, ...] = (*program.properties, *program.eventualities)
            for item in items:
                if item.name in asked:
                    yield part.name, item


def _row(item: Item, parts: list[str]) -> tuple[tuple[int, str], str]:
    numbers = sorted({int(each) for each in re.findall(r"\bP(\d+)\b", item.source)})
    told = ", ".join(f"P{number}" for number in numbers)
    cells = (told, f"`{item.name}`", item.sentence, item.witness, item.mutant, ", ".join(parts))
    line = " | ".join(cell.replace("|", "or") for cell in cells)
    return (numbers[0] if numbers else 100, item.name), f"| {line} |"
