# SPDX-License-Identifier: Apache-2.0
"""XML dumps: libvirt's `<cpudata>` and RJCP's `<cpuid>`.

    <cpuid eax_in='0x0d' ecx_in='0x01' eax='0xf' ebx='0xa08' ecx='0x100' edx='0x0'/>
    <register eax="0000000D" ecx="00000001">0000000F,00000340,00000000,00000000</register>

The parser is the standard library's expat with everything hostile refused: a document type (and so
every entity) ends the reading, and so does deep nesting. MSRs and comments are passed over.
"""

import re
from xml.parsers import expat

from xsavvy.cpuid.dump.intake import Collector, Source, not_asked
from xsavvy.cpuid.table import Leaf, Table

__all__ = ["read_xml", "recognises_xml"]

_SIGN = re.compile(r"<(?:cpudata|cpuid)[\s/>]")
_HEAD = 1 << 16
_DEPTH = 8
_NUMBERS = ("eax_in", "ecx_in", *Leaf._fields)


def recognises_xml(text: str) -> bool:
    """Tell whether a text is XML with a dump's element near its beginning."""
    head = text.lstrip()[:_HEAD]
    return head.startswith("<") and _SIGN.search(head) is not None


class _Reader:
    """Handles the events of one document; every refusal carries the parser's line."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.collector = Collector(source)
        self.depth = 0
        self.register: tuple[int, int] | None = None
        self.words: list[str] = []
        self.parser = expat.ParserCreate("utf-8")
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.characters
        self.parser.StartDoctypeDeclHandler = self.doctype

    @property
    def line(self) -> int:
        return self.parser.CurrentLineNumber

    def doctype(self, *_: object) -> None:
        self.source.refuse(self.line, "XML without a document type or entities", "<!DOCTYPE")

    def number(self, attributes: dict[str, str], name: str) -> int:
        if name not in attributes:
            self.source.refuse(self.line, f"the attribute {name}")
        return self.source.number(self.line, attributes[name], name)

    def start(self, element: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > _DEPTH:
            self.source.refuse(self.line, f"at most {_DEPTH} nested elements", element)
        if element == "cpuid" and (self.depth > 1 or "eax_in" in attributes):
            leaf, subleaf, *registers = (self.number(attributes, name) for name in _NUMBERS)
            self.collector.add(self.line, (leaf, subleaf), Leaf(*registers))
        elif element == "processor":
            self.collector.processor()
        elif element == "register":
            self.register = (self.number(attributes, "eax"), self.number(attributes, "ecx"))
            self.words = []

    def characters(self, text: str) -> None:
        if self.register is not None:
            self.words.append(text)

    def end(self, element: str) -> None:
        self.depth -= 1
        if element != "register" or self.register is None:
            return
        words = "".join(self.words).split(",")
        if len(words) != 4:
            self.source.refuse(self.line, "four registers with commas between", ",".join(words))
        numbers = (self.source.number(self.line, word.strip(), "a register") for word in words)
        registers, key, self.register = Leaf(*numbers), self.register, None
        # Converted from dumps without subleaves, which repeat the leaf: only the first can be told.
        again = key != (0, 0) and self.collector.find(key) not in {None, registers}
        if not again and not not_asked(key, registers):
            self.collector.add(self.line, key, registers)


def read_xml(source: Source) -> tuple[Table, ...]:
    """Read a libvirt or RJCP dump, one table per logical processor.

    Raises `UnreadableDump` for XML that is malformed, has a document type or misses an attribute.
    """
    reader = _Reader(source)
    try:
        reader.parser.Parse(source.text.encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        source.refuse(error.lineno, "well-formed XML", expat.ErrorString(error.code))
    return reader.collector.finish()
