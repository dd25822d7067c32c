# SPDX-License-Identifier: Apache-2.0
"""QEMU's QMP replies: `query-cpu-model-expansion` and `query-cpu-definitions`; one or more in a file.

    {"return": {"model": {"name": "base", "props": {"pku": true, "family": 6, ...}}}}

A property that is true or false is a known bit; `family`, `model`, `stepping`, `level`, `xlevel` and
`vendor` are numbers of leaves 0, 1 and 0x80000000. Nothing of leaf 0xD but subleaf 1's flags is there.
Definitions say only what the host lacks for a model: `unavailable-features` are known to be clear.
"""

import json
from typing import Any

from xsavvy.cpuid.dump.intake import MAX_PROCESSORS, Source
from xsavvy.cpuid.names import named_bits
from xsavvy.cpuid.table import EVERY_BIT, Key, Leaf, Table

__all__ = ["read_qmp", "recognises_qmp"]

_SIGNS = ('"props"', '"unavailable-features"')
_WORD = EVERY_BIT.eax
_SIGNATURE = 0x0FFF_3FFF


def recognises_qmp(text: str) -> bool:
    """Tell whether a text is JSON with a CPU model's properties or definitions."""
    return text.lstrip()[:1] in {"{", "["} and any(sign in text for sign in _SIGNS)


def _documents(source: Source) -> list[Any]:
    """Return the JSON values of a text, one after the other."""
    decoder, text, at, found = json.JSONDecoder(), source.text, 0, []
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            line = text.count("\n", 0, at) + 1
            source.refuse(line, "JSON of QMP replies", str(error))
        found.append(value)
        if len(found) > MAX_PROCESSORS:
            source.refuse(0, f"at most {MAX_PROCESSORS} replies")
    return found


def _answer(document: Any) -> Any:
    """Return what a reply returns; a bare answer is one too."""
    if isinstance(document, dict) and "return" in document:
        return document["return"]
    return document


def _number(props: dict[str, Any], name: str, most: int) -> int | None:
    value = props.get(name)
    known = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most
    return value if known else None


def _numbers(props: dict[str, Any]) -> list[tuple[Key, Leaf, Leaf]]:
    """Return the entries that properties with numbers say."""
    found = []
    for name, leaf in (("level", 0), ("xlevel", 0x80000000)):
        value = _number(props, name, _WORD)
        if value:
            found.append(((leaf, 0), Leaf(value, 0, 0, 0), Leaf(_WORD, 0, 0, 0)))
    family, model = _number(props, "family", 0x10E), _number(props, "model", 0xFF)
    stepping = _number(props, "stepping", 0xF)
    if family and model is not None and stepping is not None:
        base, extended = min(family, 15), max(family - 15, 0)
        eax = extended << 20 | model >> 4 << 16 | base << 8 | (model & 0xF) << 4 | stepping
        found.append(((1, 0), Leaf(eax, 0, 0, 0), Leaf(_SIGNATURE, 0, 0, 0)))
    return found


def _model(props: dict[str, Any]) -> Table:
    features = {name: value for name, value in props.items() if isinstance(value, bool)}
    vendor = props.get("vendor")
    return named_bits(features, vendor if isinstance(vendor, str) else "", _numbers(props))


def _lacking(definitions: list[Any]) -> Table:
    """Return what the host lacks for one of the models."""
    missing: set[str] = set()
    for each in definitions:
        names = each.get("unavailable-features") if isinstance(each, dict) else None
        missing.update(name for name in names or () if isinstance(name, str))
    return named_bits(dict.fromkeys(missing, False))


def _table(answer: Any) -> Table | None:
    if isinstance(answer, list):
        return _lacking(answer)
    model = answer.get("model", answer) if isinstance(answer, dict) else None
    props = model.get("props") if isinstance(model, dict) else None
    return _model(props) if isinstance(props, dict) else None


def read_qmp(source: Source) -> tuple[Table, ...]:
    """Read QMP replies, one table for each that describes a CPU.

    Raises `UnreadableDump` for text that is no JSON and where no reply names a bit of CPUID.
    """
    tables = [_table(_answer(document)) for document in _documents(source)]
    found = tuple(table for table in tables if table)
    if not found:
        source.refuse(0, "a QMP reply with features of CPUID")
    return found
