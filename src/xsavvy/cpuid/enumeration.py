# SPDX-License-Identifier: Apache-2.0
"""C enumerations and masks of state components, against the numbers that the processor gives them.

    enum xfeature { XFEATURE_FP, XFEATURE_SSE, ..., XFEATURE_PKRU, XFEATURE_HDC };
    #define XFEATURE_MASK_SUPERVISOR (XFEATURE_MASK_PT | XFEATURE_HDC)

Projects copy such lists from old kernels, and go on counting where the processor does not. Names are
those of Linux and of the manuals. A mask that has a component's number among its bits is found too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from xsavvy.cpuid.finding import Finding
from xsavvy.isa.components import COMPONENTS, component

__all__ = ["enumeration_findings", "recognises_enumeration"]

_ENUM: Final = re.compile(r"\benum\s+\w*\s*\{([^{}]{1,20000})\}")
_MEMBER: Final = re.compile(r"\s*(\w+)\s*(?:=\s*(0[xX][0-9a-fA-F]+|[0-9]+)\s*)?\Z")
_MASK: Final = re.compile(
    r"^[ \t]*#[ \t]*define[ \t]+(\w*MASK\w*)[ \t]+((?:[^\n\\]|\\\r?\n)+)", re.MULTILINE
)
_WORDS: Final = re.compile(r"\w+")
_PREFIX: Final = re.compile(r"(?:XFEATURE|XSTATE|X86_XSTATE|XCR0|XSS)_(\w+)\Z")
_LEAST: Final = 4
_MOST: Final = 1 << 20
_SOURCE: Final = "SDM XSAVE-Supported Features and State-Component Bitmaps"


def _bare(text: str) -> str:
    """Return C without its comments, and no more of it than is looked at."""
    kept, at, text = [], 0, text[:_MOST]
    while at < len(text):
        start = text.find("/*", at)
        kept.append(text[at:] if start < 0 else text[at:start])
        end = text.find("*/", start + 2) if start >= 0 else -1
        at = len(text) if end < 0 else end + 2
    return re.sub("//[^\n]*", " ", " ".join(kept))


def _names() -> dict[str, int]:
    """Return each name of a component, in capitals, and its number."""
    found = {each.name: each.index for each in COMPONENTS}
    found.update({each.kernel.upper(): each.index for each in COMPONENTS if each.kernel})
    return found


def _numbers(body: str) -> dict[str, int]:
    """Return the members of an enumeration with their values; empty if one is not a plain number."""
    found: dict[str, int] = {}
    value = 0
    for word in body.split(","):
        if not word.strip():
            continue
        member = _MEMBER.match(word)
        if member is None:
            return {}
        value = int(member[2], 0) if member[2] else value
        found[member[1]] = value
        value += 1
    return found


def _components(text: str) -> dict[str, tuple[int, int]]:
    """Return the members that name components: value in the text, the processor's number."""
    known, found = _names(), {}
    for body in _ENUM.findall(text):
        for name, value in _numbers(body).items():
            match = _PREFIX.match(name)
            if match and match[1].upper() in known:
                found[name] = (value, known[match[1].upper()])
    return found


def recognises_enumeration(text: str) -> bool:
    """Tell whether a text is C with an enumeration of at least four state components."""
    return "enum" in text and len(_components(_bare(text))) >= _LEAST


def enumeration_findings(text: str) -> Iterator[Finding]:
    """Find numbers that are not the processor's, and masks with a number where a bit should be.

    >>> text = "enum x { XFEATURE_PT = 8, XFEATURE_PKRU, XFEATURE_HDC };"
    >>> [(each.found, each.expected) for each in enumeration_findings(text)]
    [(10, '13')]
    """
    text = _bare(text)
    members = _components(text)
    for name, (value, right) in members.items():
        if value != right:
            known = component(right).title
            yield Finding(
                "component-number", 0xD, right, "", value, str(right),
                f"{name} is {value}: {known} is component {right}", _SOURCE,
            )  # fmt: skip
    for mask, words in _MASK.findall(text):
        wrong = (
            [word for word in _WORDS.findall(words) if word in members] if "<<" not in words else []
        )
        for word in wrong:
            value, right = members[word]
            yield Finding(
                "number-as-mask", 0xD, right, "", value, f"1 << {right}",
                f"{mask} has {word}, a component's number, among its bits", _SOURCE,
            )  # fmt: skip
