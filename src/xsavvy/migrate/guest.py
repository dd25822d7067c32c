# SPDX-License-Identifier: Apache-2.0
"""A guest model: the masks of leaf 0xD and the features that a VMM puts into a guest's CPUID.

It is written as words (`avx,pku,amx`, `-mpx`, `xcr0=0x207`), as QEMU's `-cpu` text, as libvirt's `<cpu>`, as a
Firecracker template, or as a dump that was taken inside a guest. A model's *name* is not looked up: features are named.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from xml.parsers import expat

from xsavvy.cpuid.feature import feature, has
from xsavvy.cpuid.processor import xcr0_supported, xss_supported
from xsavvy.cpuid.table import Leaf, Table
from xsavvy.isa.components import AMX, AVX, AVX512, CET_S, CET_U, MPX, PKRU, SSE, X87
from xsavvy.kvm.capabilities import FEATURES
from xsavvy.kvm.exposed import leaf_d

from .host import Host

__all__ = ["NAMES", "PARTS", "BadGuest", "Guest", "guest_of", "guest_of_table", "offered_guest"]

BASE: Final = X87 | SSE
PARTS: Final[Mapping[str, tuple[int, int, tuple[str, ...]]]] = {
    "xsave": (BASE, 0, ("xsave",)),
    "xsaveopt": (BASE, 0, ("xsave", "xsaveopt")),
    "xsavec": (BASE, 0, ("xsave", "xsavec")),
    "xgetbv1": (BASE, 0, ("xsave", "xgetbv1")),
    "xsaves": (BASE, 0, ("xsave", "xsaves")),
    "avx": (BASE | AVX, 0, ("xsave", "avx")),
    "avx512f": (BASE | AVX | AVX512, 0, ("xsave", "avx", "avx512f")),
    "mpx": (BASE | MPX, 0, ("xsave", "mpx")),
    "pku": (BASE | PKRU, 0, ("xsave", "pku")),
    "xfd": (BASE, 0, ("xsave", "xfd")),
    "amx_tile": (BASE | AMX, 0, ("xsave", "xfd", "amx_tile")),
    "cet_ss": (BASE, CET_U | CET_S, ("xsave", "xsaves", "cet_ss")),
    "cet_ibt": (BASE, CET_U | CET_S, ("xsave", "xsaves", "cet_ibt")),
    "pt": (0, 0, ("pt",)),
}
"""What a feature brings: components of XCR0 and IA32_XSS, and features (itself and what it needs)."""
_OWN: Final = {"avx": AVX, "avx512f": AVX512, "mpx": MPX, "pku": PKRU, "amx_tile": AMX}
NAMES: Final = {
    **{name: name for name in FEATURES},
    "amx-tile": "amx_tile", "amx": "amx_tile", "avx512": "avx512f", "shstk": "cet_ss", "cet-ss": "cet_ss",
    "ibt": "cet_ibt", "cet-ibt": "cet_ibt", "cet": "cet_ss", "pkru": "pku", "intel-pt": "pt",
}  # fmt: skip
"""What QEMU, libvirt and people call these features."""
_MASK: Final = re.compile(r"(xcr0|xss)=(0x[0-9a-f]+|\d+)\Z", re.IGNORECASE)

_WITHOUT_XSAVE: Final = re.compile(
    r"((qemu|kvm)(32|64)|Conroe|Penryn|Nehalem|Westmere)(-IBRS)?(-v\d+)?"
)
"""Models without XSAVE: libvirt src/cpu_map/x86_*.xml, where every later one has it."""


class BadGuest(ValueError):
    """A guest model that cannot be read; `str()` says why."""


@dataclass(frozen=True)
class Guest:
    """A guest model: what its CPUID says of XCR0 and IA32_XSS, and which features."""

    name: str
    xcr0: int
    xss: int = 0
    features: frozenset[str] = frozenset()

    @property
    def mask(self) -> int:
        """Components of either register."""
        return self.xcr0 | self.xss

    def has(self, *names: str) -> bool:
        """Tell whether the guest has any of some features."""
        return any(name in self.features for name in names)


def offered_guest(host: Host) -> Guest:
    """Return the guest that has all that a host's KVM offers."""
    caps = host.caps
    return Guest(f"all of {host.name}", caps.xcr0, caps.xss, frozenset(caps.features))


def guest_of_table(name: str, table: Table) -> Guest:
    """Return the guest that has this CPUID."""
    found = frozenset(each for each in FEATURES if has(table, each))
    return Guest(name, xcr0_supported(table), xss_supported(table), found)


def guest_of(text: str, host: Host, data: bytes | None = None) -> Guest:
    """Return the guest that words or a file describe, on the host where it starts. Raises BadGuest.

    >>> from xsavvy.cpuid.presets import PRESETS
    >>> from xsavvy.kvm import kernel
    >>> host = Host("genoa", PRESETS["genoa"].table, kernel("v6.18"))
    >>> hex(guest_of("avx,pku", host).xcr0), hex(guest_of("host,-pku,-cet", host).xcr0)
    ('0x207', '0xe7')
    """
    if data is not None:
        return _of_file(text, data, host)
    words = [word.strip() for word in text.removeprefix("-cpu ").split(",") if word.strip()]
    if not words:
        raise BadGuest("an empty guest model; expected words such as avx,pku or a file")
    if words[0] in {"host", "max", "exposes"}:
        return _changed(offered_guest(host), words[1:], text)
    return _changed(Guest(text, 0), words, text)


def _changed(guest: Guest, words: Iterable[str], name: str) -> Guest:
    xcr0, xss, features = guest.xcr0, guest.xss, set(guest.features)
    for word in words:
        mask = _MASK.match(word)
        off = word.startswith("-") or word.endswith("=off")
        plain = word.lstrip("+-").removesuffix("=on").removesuffix("=off").lower().replace("_", "-")
        known = NAMES.get(plain, NAMES.get(plain.replace("-", "_")))
        if mask is not None:
            value = int(mask[2], 0)
            if value >> 64:
                raise BadGuest(f"{word!r}: expected a mask of 64 bits")
            xcr0, xss = (value, xss) if mask[1].lower() == "xcr0" else (xcr0, value)
            features |= _features_of(value)
        elif plain in {"none", "plain", "x87", "sse"}:
            continue
        elif known is None:
            raise BadGuest(f"{word!r} is no feature around extended state; expected {', '.join(PARTS)}, host,"
                           " xcr0=MASK or xss=MASK; other features of a CPU model do not matter here")  # fmt: skip
        elif off:
            xcr0, xss = _without(xcr0, xss, features, known, plain == "cet")
        else:
            user, supervisor, brings = PARTS[known]
            xcr0, xss, features = xcr0 | user, xss | supervisor, features | set(brings)
    return Guest(name, xcr0, xss, frozenset(features))


def _features_of(mask: int) -> set[str]:
    found = {name for name, bits in _OWN.items() if mask & bits == bits}
    if found & {"amx_tile"}:
        found.add("xfd")
    if mask & (CET_U | CET_S):
        found |= {"xsaves", "cet_ss"}
    return found | {"xsave"} if mask else found


def _without(xcr0: int, xss: int, features: set[str], name: str, all_cet: bool) -> tuple[int, int]:
    """Take a feature, what needs it, and the components that are left without one."""
    gone = {name} | ({"cet_ibt"} if all_cet else set())
    gone |= {each for each, (_, _, needs) in PARTS.items() if gone & set(needs)}
    features -= gone
    for each in gone & set(_OWN):
        xcr0 &= ~_OWN[each]
    if "xsave" in gone:
        xcr0 = 0
    if not features & {"cet_ss", "cet_ibt"}:
        xss &= ~(CET_U | CET_S)
    return xcr0, xss


def _of_file(path: str, data: bytes, host: Host) -> Guest:
    text = data.decode("utf-8", "replace").lstrip()
    if text.startswith("{") and '"cpuid_modifiers"' in text and re.search(r'"0b[01_]*x', text):
        return _of_template(path, text, host)
    if text.startswith("<") and re.search(r"<cpu[\s>]", text):
        return _of_libvirt(path, text, host)
    from xsavvy.cpuid import UnreadableDump, read

    try:
        return guest_of_table(path, read(data, path))
    except UnreadableDump as error:
        raise BadGuest(str(error)) from None


def _of_libvirt(path: str, text: str, host: Host) -> Guest:
    """Read `<cpu>`: its features on top of nothing, or of the host's with a mode that says so.

    A running guest's `<cpu>` names a model and what differs from it, and models are not looked up: to take such a guest
    for one without AVX would let it move anywhere. Whoever writes the features out writes xsave, too.
    """
    modes: list[str] = []
    words: list[str] = []
    model: list[str] = []
    inside: list[str] = []

    def start(element: str, attributes: dict[str, str]) -> None:
        inside.append(element)
        if element == "cpu":
            modes.append(attributes.get("mode", "custom"))
        name = attributes.get("name", "")
        if element == "feature" and name.lower() in NAMES:
            off = attributes.get("policy", "require") in {"disable", "forbid"}
            words.append(f"-{name}" if off else name)

    def text_of(data: str) -> None:
        if inside and inside[-1] == "model":
            model.append(data)

    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: inside.pop()
    parser.CharacterDataHandler = text_of
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise BadGuest(f"{path}:{error.lineno}: {expat.ErrorString(error.code)}") from None
    whole = bool(modes) and modes[0] in {"host-model", "host-passthrough", "maximum"}
    name = "".join(model).strip()
    if (
        not whole
        and name
        and not _WITHOUT_XSAVE.fullmatch(name)
        and not {"xsave", "-xsave"} & set(words)
    ):
        raise BadGuest(
            f"{path}: the features of model {name[:40]!r} are not known here: expected each as a <feature>,"
            " xsave first, as `virsh hypervisor-cpu-baseline --features` writes them"
        )
    return _changed(offered_guest(host) if whole else Guest(path, 0), words, path)


def _of_template(path: str, text: str, host: Host) -> Guest:
    """Apply a Firecracker template to what KVM offers: `x` leaves a bit, 0 and 1 set it."""
    try:
        document: Any = json.loads(text)
        entries = document.get("guest_cpu_config", document).get("cpuid_modifiers", [])
        changes = [_modified(entry) for entry in entries]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadGuest(f"{path}: expected a Firecracker CPU template: {error}") from None
    offered = leaf_d(host.table, host.caps, host.kernel)
    table = host.table.replaced(dict(offered))
    for name in FEATURES:
        if name not in host.caps.features:
            table = _cleared(table, name)
    for key, clear, fixed in changes:
        leaf = Leaf(
            *(old & ~off | on for old, off, on in zip(table.read(*key), clear, fixed, strict=True))
        )
        table = table.replaced({key: leaf})
    return guest_of_table(path, table)


def _cleared(table: Table, name: str) -> Table:
    at = feature(name)
    leaf = table.read(at.leaf, at.subleaf)
    value = getattr(leaf, at.register) & ~(1 << at.bit)
    return table.replaced({(at.leaf, at.subleaf): leaf._replace(**{at.register: value})})


def _modified(entry: Any) -> tuple[tuple[int, int], Leaf, Leaf]:
    clear, fixed = dict.fromkeys(Leaf._fields, 0), dict.fromkeys(Leaf._fields, 0)
    for each in entry["modifiers"]:
        bits = each["bitmap"].removeprefix("0b").replace("_", "")
        if set(bits) - set("01x") or len(bits) > 32 or each["register"] not in clear:
            raise ValueError(f"{each['register']} {each['bitmap']}")
        clear[each["register"]] = int("0" + "".join("0" if bit == "x" else "1" for bit in bits), 2)
        fixed[each["register"]] = int("0" + bits.replace("x", "0"), 2)
    return (int(entry["leaf"], 0), int(entry["subleaf"], 0)), Leaf(**clear), Leaf(**fixed)
