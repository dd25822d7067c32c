# SPDX-License-Identifier: Apache-2.0
"""The two hosts of a move: which CPU, which kernel, and what steps read of them.

The platform is the source's CPU; the destination's has what the scenario leaves of it. Sizes come from the CPU's
leaf 0xD with all its components, also those that the model does not tell apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from xsavvy.isa import layout
from xsavvy.isa.components import (
    AVX,
    AVX512,
    CET_S,
    CET_U,
    MPX,
    PKRU,
    SSE,
    X87,
    XTILECFG,
    XTILEDATA,
)
from xsavvy.isa.processor import Processor
from xsavvy.kvm import Kernel, kernel
from xsavvy.kvm.migration import KVM_XSAVE_BYTES
from xsavvy.model.delta import answers
from xsavvy.model.kernels import guest_has_protection_keys, guest_xss, host_xcr0, host_xss
from xsavvy.model.world import World

from .constants import MoveConstants
from .kernels import DEFAULTS, DELTAS
from .scenarios import ROUTES, Cpu
from .source import MODELS
from .values import RULES, TILES, USER, GuestModel, HostFormat, TileGuests

__all__ = ["constants"]

LINUX = USER | AVX512 | MPX
"""User components that the kernel gives its tasks, also those that the model does not tell apart."""
FXSAVE_BYTES = 512
XSS_BY_CPUID = "69cc3e886582"
"""The commit since which the guest's CPUID bounds IA32_XSS."""
FILTERED = "445ecdf79be0"
"""The commit since which KVM advertises only what the process may use."""
TILECFG_DROPPED = "55cd57b596e8"
"""The commit since which TILECFG is not advertised without TILEDATA."""
MXCSR_CHECKED = "mxcsr_reserved_bits"
"""The commit since which KVM_SET_XSAVE refuses reserved bits of MXCSR."""
SIZED = {
    "avx": AVX,
    "pkru": PKRU,
    "cet_u": CET_U,
    "cet_s": CET_S,
    "xtilecfg": XTILECFG,
    "xtiledata": XTILEDATA,
}


@dataclass(frozen=True)
class Host:
    """A CPU under a kernel, as far as a move depends on it."""

    processor: Processor
    kernel: Kernel
    cpu: Cpu
    rules: Mapping[str, IntEnum]

    @property
    def xcr0(self) -> int:
        """Modelled bits of the host's XCR0. Tiles need XFD, and XFD XSAVES."""
        if self.cpu.without_xsave:
            return X87 | SSE
        bits = self.processor.xcr0_supported & USER & ~self.cpu.lacks
        if not self.processor.pku:
            bits &= ~PKRU
        if self.cpu.turns_off_xsaves:
            bits &= ~TILES
        return host_xcr0(self.kernel, bits)

    @property
    def compacts(self) -> bool:
        """Whether the kernel keeps images in the compacted format."""
        has_xsaves = self.processor.xsaves and not self.cpu.without_xsave
        used = has_xsaves and not self.cpu.turns_off_xsaves
        return used and self.rules["host_format"] != HostFormat.STANDARD

    @property
    def xss(self) -> int:
        """CET bits of the host's IA32_XSS."""
        if not self.compacts:
            return 0
        return host_xss(self.kernel, self.processor.xss_supported & ~self.cpu.lacks)

    @property
    def supported(self) -> int:
        """What KVM gives guests: supported_xcr0 and supported_xss."""
        if self.cpu.without_xsave:
            return 0
        tiles = self.rules["tile_guests"] == TileGuests.YES
        return (self.xcr0 if tiles else self.xcr0 & ~TILES) | guest_xss(self.kernel, self.xss)

    @property
    def protection_keys(self) -> bool:
        """Whether a guest may set CR4.PKE."""
        vmx = not self.processor.is_amd
        return guest_has_protection_keys(self.kernel, self.supported, vmx)

    def _linux(self, dynamic: int) -> int:
        whole = self.processor.xcr0_supported & LINUX & ~(TILES | self.cpu.lacks)
        return (whole if self.xcr0 & PKRU else whole & ~PKRU) | (self.xcr0 & (XTILECFG | dynamic))

    def user_bytes(self, dynamic: int) -> int:
        """Bytes of an image in the standard format."""
        if self.cpu.without_xsave:
            return FXSAVE_BYTES
        leaves = self.processor.subleaves
        return layout.standard(leaves, self._linux(dynamic)).size

    def kernel_bytes(self, dynamic: int) -> int:
        """Bytes of an image in the kernel's format."""
        if not self.compacts:
            return self.user_bytes(dynamic)
        leaves = self.processor.subleaves
        return layout.compacted(leaves, self._linux(dynamic) | self.xss).size

    def constants(self) -> dict[str, int]:
        """Return what steps read of this host, without its prefix."""
        instructions = 0xF if self.processor.xsaves and not self.cpu.without_xsave else 0
        found = {name: int(self.rules[name]) for name in RULES}
        found |= {
            "supported": self.supported,
            "default": (self.xcr0 & ~XTILEDATA) | self.xss,
            "xsave": int(not self.cpu.without_xsave),
            "compacts": int(self.compacts),
            "filters": int(FILTERED in self.kernel),
            "drops_tilecfg": int(TILECFG_DROPPED in self.kernel),
            "checks_mxcsr": int(MXCSR_CHECKED in self.kernel),
            "strict_xss": int(XSS_BY_CPUID in self.kernel),
            "vmm_pkru": self.xcr0 & PKRU,
            "protection_keys": int(self.protection_keys),
            "instructions": instructions,
            "kernel_instructions": instructions & ~8 if self.cpu.turns_off_xsaves else instructions,
            "kvm_xsave": KVM_XSAVE_BYTES,
            "user_bytes": self.user_bytes(0),
            "user_tiles": max(KVM_XSAVE_BYTES, self.user_bytes(XTILEDATA)),
            "kernel_bytes": self.kernel_bytes(0),
            "kernel_tiles": self.kernel_bytes(XTILEDATA),
        }
        for name, bit in SIZED.items():
            leaf = self.processor.subleaves.get(bit.bit_length() - 1)
            found[name] = leaf.size if leaf else 0
            found[f"{name}_aligned"] = int(leaf.align64) if leaf else 0
        return found


def _hosts(world: World) -> tuple[Host, Host]:
    route = ROUTES[world.scenario.name]
    processor = world.platform.processor
    here = {name: world.choices[name] for name in RULES}
    other, there = world.kernel, here
    if world.scenario.peer:
        other = kernel(world.scenario.peer)
        there = answers(other, DEFAULTS, DELTAS)
    ours, peer = (world.kernel, here), (other, there)
    if route.comes_from_peer:
        ours, peer = peer, ours
    return (
        Host(processor, ours[0], route.source, ours[1]),
        Host(processor, peer[0], route.destination, peer[1]),
    )


def constants(world: World) -> MoveConstants:
    """Return what steps read as `k`."""
    source, destination = _hosts(world)
    extra = {f"src_{name}": value for name, value in source.constants().items()}
    extra |= {f"dst_{name}": value for name, value in destination.constants().items()}
    for name, value in world.choices.items():
        if name in DEFAULTS and name not in RULES:
            extra[name] = int(value)
    model = world.choices["guest_model"]
    extra["guest_cpuid"] = MODELS.get(GuestModel(model), 0)
    return MoveConstants({**extra, **world.extra})
