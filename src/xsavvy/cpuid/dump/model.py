# SPDX-License-Identifier: Apache-2.0
"""libvirt's CPU XML: lists of feature names, alone or in capabilities of a host or of a domain.

    <cpu><model>Icelake-Server</model><vendor>Intel</vendor><feature policy='require' name='pku'/></cpu>

`require` and `force` set a bit, and so does a feature without a policy; `disable` and `forbid` clear it;
`optional` leaves it open. What the named model implies is in libvirt's own map and is not known here.
Of domain capabilities the host's model counts. Each `<cpu>` and each `<model name=...>` is one table.
"""

import re
from xml.parsers import expat

from xsavvy.cpuid.dump.intake import MAX_PROCESSORS, Source
from xsavvy.cpuid.names import named_bits
from xsavvy.cpuid.table import Table

__all__ = ["read_model", "recognises_model"]

_SIGN = re.compile(r"<(?:cpu|cpus|cpuTest|capabilities|domainCapabilities|domain|mode)[\s/>]")
_OTHER = re.compile(r"<(?:cpudata|cpuid)[\s/>]")
_HEAD = 1 << 16
_DEPTH = 16
_SET = {"require", "force", ""}
_CLEAR = {"disable", "forbid"}
_NAMES = 4096


def recognises_model(text: str) -> bool:
    """Tell whether a text is XML with one of libvirt's CPU elements and without raw CPUID."""
    head = text.lstrip()[:_HEAD]
    if not head.startswith("<") or _OTHER.search(head):
        return False
    return _SIGN.search(head) is not None


class _Reader:
    """Handles the events of one document."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.tables: list[Table] = []
        self.features: dict[str, bool] = {}
        self.vendor = ""
        self.path: list[str] = []
        self.passed_over = 0
        self.parser = expat.ParserCreate("utf-8")
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.characters
        self.parser.StartDoctypeDeclHandler = self.doctype

    def doctype(self, *_: object) -> None:
        line = self.parser.CurrentLineNumber
        self.source.refuse(line, "XML without a document type or entities", "<!DOCTYPE")

    def start(self, element: str, attributes: dict[str, str]) -> None:
        self.path.append(element)
        if len(self.path) > _DEPTH:
            line = self.parser.CurrentLineNumber
            self.source.refuse(line, f"at most {_DEPTH} nested elements", element)
        if self.passed_over or self._is_another_mode(element, attributes):
            self.passed_over += 1
        elif element == "vendor":
            self.vendor = attributes.get("name", "")
        elif element == "feature" and "name" in attributes:
            self._take(attributes["name"], attributes.get("policy", ""))

    def _is_another_mode(self, element: str, attributes: dict[str, str]) -> bool:
        """Tell whether this begins a list of what domains could have, not what one has."""
        return element == "mode" and attributes.get("name") != "host-model"

    def _take(self, name: str, policy: str) -> None:
        if len(self.features) >= _NAMES:
            line = self.parser.CurrentLineNumber
            self.source.refuse(line, f"at most {_NAMES} features of one CPU")
        if policy in _SET or policy in _CLEAR:
            self.features[name] = policy in _SET

    def characters(self, text: str) -> None:
        if self.path[-1] == "vendor" and not self.passed_over:
            self.vendor += text.strip()

    def end(self, element: str) -> None:
        self.path.pop()
        if self.passed_over:
            self.passed_over -= 1
        elif element in {"cpu", "mode"} or (element == "model" and self.path[-1:] == ["cpus"]):
            self._finish()

    def _finish(self) -> None:
        table = named_bits(self.features, self.vendor)
        self.features, self.vendor = {}, ""
        if len(self.tables) >= MAX_PROCESSORS:
            self.source.refuse(0, f"at most {MAX_PROCESSORS} CPUs")
        if table:
            self.tables.append(table)


def read_model(source: Source) -> tuple[Table, ...]:
    """Read libvirt CPU XML, one table for each CPU in it that names a vendor or a known feature.

    Raises `UnreadableDump` for XML that is malformed, has a document type or describes no CPU.
    """
    reader = _Reader(source)
    try:
        reader.parser.Parse(source.text.encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        source.refuse(error.lineno, "well-formed XML", expat.ErrorString(error.code))
    if not reader.tables:
        source.refuse(0, "a <cpu> with a vendor or with features of CPUID")
    return tuple(reader.tables)
