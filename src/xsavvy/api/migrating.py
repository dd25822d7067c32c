# SPDX-License-Identifier: Apache-2.0
"""Hosts and moves: `exposes`, `migrate`, `baseline`, `save_set`.

A host is a preset's name, a file with a CPUID dump, or None for this machine; `NAME@KERNEL` names its kernel, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from xsavvy.cpuid.processor import IncompleteTable
from xsavvy.kvm.exposed import Msr, cap_xsave2, leaf_d, listed_msrs, msr_reasons
from xsavvy.kvm.ledger import Reason
from xsavvy.migrate import Guest, Host, Move, Vmm, judge
from xsavvy.migrate.arrival import arrives
from xsavvy.migrate.baseline import Baseline, Cost
from xsavvy.migrate.baseline import baseline as common
from xsavvy.migrate.finding import Finding, verdict_of
from xsavvy.migrate.saveset import BadList, SaveItem, listed_numbers
from xsavvy.migrate.saveset import save_set as items_of
from xsavvy.migrate.template import FORMATS, template

from .hosts import named_guest, named_host, read_text
from .imagefile import layout_of, named_cpu, read_areas
from .usage import UsageError, unknown

__all__ = [
    "Exposure",
    "MigrateReport",
    "SaveReport",
    "SharedModel",
    "baseline",
    "exposes",
    "migrate",
    "save_set",
]


@dataclass(frozen=True)
class CpuidEntry:
    """One entry of KVM_GET_SUPPORTED_CPUID."""

    leaf: int
    subleaf: int
    eax: int
    ebx: int
    ecx: int
    edx: int


@dataclass(frozen=True)
class Exposure:
    """What a KVM shows.

    Attributes:
        host, kernel: who and under what.
        xcr0, xss: components that a guest may have.
        features: features around extended state.
        cpuid: leaf 0xD, and the leaves of the tiles.
        msrs: those of extended state in KVM_GET_MSR_INDEX_LIST.
        xsave2: KVM_CAP_XSAVE2, 0 where the kernel does not know it.
        xcomp_guest_supp: KVM_X86_XCOMP_GUEST_SUPP, whatever the process may use.
        reasons: why each bit and MSR is shown or not; `shown` is None where the dump does not say.
    """

    host: str
    kernel: str
    xcr0: int
    xss: int
    features: tuple[str, ...]
    cpuid: tuple[CpuidEntry, ...]
    msrs: tuple[Msr, ...]
    xsave2: int
    xcomp_guest_supp: int
    reasons: tuple[Reason, ...]


def exposes(
    cpu: str | None = None, *, kernel: str | None = None, host: Sequence[str] = ()
) -> Exposure:
    """Say what a KVM shows of extended state, and why.

    `host` are words such as nopku, ibt=off, clearcpuid=avx512f. Raises UsageError.

    >>> hex(exposes("granite-rapids", kernel="v6.18").xss)
    '0x1800'
    """
    found = named_host(cpu, kernel, host)
    caps, rules = found.caps, found.kernel
    table = leaf_d(found.table, caps, rules)
    return Exposure(
        host=found.name,
        kernel=rules.name,
        xcr0=caps.xcr0,
        xss=caps.xss,
        features=caps.features,
        cpuid=tuple(CpuidEntry(*key, *leaf) for key, leaf in table.items()),
        msrs=listed_msrs(caps, rules),
        xsave2=cap_xsave2(found.table, caps, rules),
        xcomp_guest_supp=caps.supported_xcr0,
        reasons=(*caps.reasons, *msr_reasons(caps, rules)),
    )


@dataclass(frozen=True)
class MigrateReport:
    """A verdict on a move, with the masks of the guest."""

    source: str
    source_kernel: str
    destination: str
    destination_kernel: str
    guest: str
    guest_xcr0: int
    guest_xss: int
    verdict: str
    findings: tuple[Finding, ...]

    def document(self) -> dict[str, Any]:
        """Return what stands in JSON: `from` and `to` are names that Python does not allow."""
        return {
            "from": {"host": self.source, "kernel": self.source_kernel},
            "to": {"host": self.destination, "kernel": self.destination_kernel},
            "guest": {"name": self.guest, "xcr0": self.guest_xcr0, "xss": self.guest_xss},
            "verdict": self.verdict,
            "findings": list(self.findings),
        }


def migrate(
    source: str | None,
    destination: str | None,
    *,
    guest: str = "host",
    from_kernel: str | None = None,
    to_kernel: str | None = None,
    from_host: Sequence[str] = (),
    to_host: Sequence[str] = (),
    image: str | None = None,
    thread: int | None = None,
    vmm_list: str | None = None,
    xsave2: bool = True,
) -> MigrateReport:
    """Say whether a guest that uses all it has moves, what is lost, what is refused, by which rule and commit.

    `guest` are words (avx,pku; host,-amx; xcr0=0x207) or a file: libvirt's `<cpu>`, a Firecracker template, a dump.
    `image` is a file with the guest's saved state, `vmm_list` one with the MSRs that the VMM saves. Raises UsageError.

    >>> migrate("sapphire-rapids", "ice-lake").verdict, migrate("sapphire-rapids", "ice-lake", guest="avx,pku").verdict
    ('refused', 'loads')
    """
    here, there = (
        named_host(source, from_kernel, from_host),
        named_host(destination, to_kernel, to_host),
    )
    model = named_guest(guest, here)
    vmm = Vmm(msrs=_list(vmm_list), xsave2=xsave2)
    found = judge(here, there, model, vmm, image=image is None)
    if image is not None:
        found = _with_image(found, image, thread, source, there, model)
    return MigrateReport(
        here.name, here.kernel.name, there.name, there.kernel.name, model.name, model.xcr0, model.xss,
        found.verdict, found.findings,
    )  # fmt: skip


def _list(path: str | None) -> frozenset[int] | None:
    if path is None:
        return None
    try:
        return listed_numbers(read_text(path))
    except BadList as error:
        raise UsageError(f"{path}: {error}") from None


def _with_image(
    move: Move, path: str, thread: int | None, source: str | None, there: Host, guest: Guest
) -> Move:
    """Put what is found about a file's image in the place of what is concluded about any."""
    areas = read_areas(path, None, thread)
    maker = None if source is None else named_cpu(source.partition("@")[0])
    try:
        about = [
            each for area in areas for each in arrives(area, layout_of(area, maker), there, guest)
        ]
    except IncompleteTable as error:
        raise UsageError(f"{there.name}: {error}") from None
    findings = (*move.findings, *dict.fromkeys(about))
    return replace(move, verdict=verdict_of(findings), findings=findings)


@dataclass(frozen=True)
class SharedModel:
    """What a fleet has in common; `text` is the guest model in the format that was asked for."""

    xcr0: int
    xss: int
    features: tuple[str, ...]
    hosts: tuple[str, ...]
    vendors: tuple[str, ...]
    costs: tuple[Cost, ...]
    text: str


def baseline(
    hosts: Sequence[str],
    *,
    kernel: str | None = None,
    host: Sequence[str] = (),
    form: str = "",
    model: str = "qemu64",
    moves: bool = True,
) -> SharedModel:
    """Return the largest guest model that runs on all hosts and moves among them, and which hosts cost which feature.

    `form` is libvirt, qemu or firecracker; `moves=False` lets a component lie at different places. Raises UsageError.

    >>> hex(baseline(["genoa", "sapphire-rapids"]).xcr0), hex(baseline(["genoa", "sapphire-rapids"], moves=False).xcr0)
    ('0x7', '0x2e7')
    """
    if not hosts:
        raise UsageError("no hosts: expected one at least")
    if form and form not in FORMATS:
        raise unknown("format", form, FORMATS)
    found: Baseline = common([named_host(each, kernel, host) for each in hosts], moves=moves)
    guest = found.guest
    return SharedModel(
        guest.xcr0, guest.xss, tuple(sorted(guest.features)), found.hosts, found.vendors, found.costs,
        template(guest, form, model) if form else "",
    )  # fmt: skip


@dataclass(frozen=True)
class SaveReport:
    """What a VMM must save for a guest; `missing` are names that its list lacks and the guest needs."""

    host: str
    kernel: str
    guest: str
    items: tuple[SaveItem, ...]
    missing: tuple[str, ...]


def save_set(
    cpu: str | None = None,
    *,
    kernel: str | None = None,
    host: Sequence[str] = (),
    guest: str = "host",
    vmm_list: str | None = None,
) -> SaveReport:
    """Return the MSRs and ioctls with a guest's extended state, and what a VMM's list lacks. Raises UsageError.

    >>> [item.name for item in save_set("genoa", kernel="v6.12").items if item.kind == "msr"]
    []
    """
    where = named_host(cpu, kernel, host)
    model = named_guest(guest, where)
    items = items_of(where, model, _list(vmm_list))
    missing = tuple(item.name for item in items if item.needed and item.saved is False)
    return SaveReport(where.name, where.kernel.name, model.name, items, missing)
