# SPDX-License-Identifier: Apache-2.0
"""How a host is configured, as far as KVM's offer to guests depends on it: command line, modules, permissions.

Words are those of the kernel's command line and of the modules' parameters, so that a host's own text can be given.
Sources: linux Documentation/admin-guide/kernel-parameters.txt; arch/x86/kvm/vmx/vmx.c, svm/svm.c module parameters.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

__all__ = ["CLEARABLE", "DEPENDS", "PLAIN", "WORDS", "BadWord", "Configuration", "configuration"]

DEPENDS: Final[Mapping[str, tuple[str, ...]]] = {
    "xsaveopt": ("xsave",),
    "xsavec": ("xsave",),
    "xgetbv1": ("xsave",),
    "xsaves": ("xsave",),
    "avx": ("xsave",),
    "mpx": ("xsave",),
    "pku": ("xsave",),
    "avx512f": ("avx",),
    "enqcmd": ("xsaves",),
    "xfd": ("xsaves", "xgetbv1"),
    "amx_tile": ("xfd",),
    "cet_ss": ("xsaves",),
}
"""Features that Linux turns off with another. Source: arch/x86/kernel/cpu/cpuid-deps.c cpuid_deps[]."""
CLEARABLE: Final = tuple(dict.fromkeys((*DEPENDS, "xsave", "cet_ibt", "pt")))


class BadWord(ValueError):
    """A word that says nothing about a host; `word` is it."""

    def __init__(self, word: str) -> None:
        near = difflib.get_close_matches(word, WORDS, cutoff=0.4)
        hint = f"nearest: {', '.join(near)}" if near else f"expected one of {', '.join(WORDS)}"
        super().__init__(f"{word!r} is no configuration of a host; {hint}")
        self.word = word


@dataclass(frozen=True)
class Configuration:
    """One host's configuration; the defaults are those of a distribution's kernel on real hardware.

    Attributes:
        protection_keys: false with `nopku`.
        user_shadow_stack: false with `nousershstk`; it takes nothing from guests.
        ibt: false with `ibt=off`, CONFIG_X86_KERNEL_IBT=n, or a failed selftest.
        cleared: features that `clearcpuid=`, `noxsave` and their kin turn off, without what depends on them.
        tile_permission: arch_prctl(ARCH_REQ_XCOMP_GUEST_PERM) is allowed and the VMM asks for it.
        tdp: two-dimensional paging (`ept`, `npt`).
        cet: kvm_intel's parameter `cet`, and VMX controls that load CET state.
        unrestricted_guest: VMX runs real mode.
        injects_cp: VMX_BASIC[56], so that #CP can be injected.
        smaller_maxphyaddr: kvm's allow_smaller_maxphyaddr.
        guest_pt: kvm_intel's pt_mode=1.
        mpx_controls: VMX switches BNDCFGS.
    """

    protection_keys: bool = True
    user_shadow_stack: bool = True
    ibt: bool = True
    cleared: frozenset[str] = frozenset()
    tile_permission: bool = True
    tdp: bool = True
    cet: bool = True
    unrestricted_guest: bool = True
    injects_cp: bool = True
    smaller_maxphyaddr: bool = False
    guest_pt: bool = False
    mpx_controls: bool = True


PLAIN: Final = Configuration()

WORDS: Final[Mapping[str, Mapping[str, Any]]] = {
    "nopku": {"protection_keys": False},
    "nousershstk": {"user_shadow_stack": False},
    "ibt=off": {"ibt": False},
    "no-tile-permission": {"tile_permission": False},
    "ept=0": {"tdp": False, "unrestricted_guest": False},
    "npt=0": {"tdp": False},
    "cet=0": {"cet": False},
    "unrestricted_guest=0": {"unrestricted_guest": False},
    "allow_smaller_maxphyaddr=1": {"smaller_maxphyaddr": True},
    "pt_mode=1": {"guest_pt": True},
    "noxsave": {"cleared": "xsave"},
    "noxsaveopt": {"cleared": "xsaveopt"},
    "noxsaves": {"cleared": "xsaves"},
    **{f"clearcpuid={name}": {"cleared": name} for name in CLEARABLE},
}
"""What each word changes."""
_ALIASES: Final = {
    "clearcpuid=shstk": "clearcpuid=cet_ss",
    "clearcpuid=user_shstk": "nousershstk",
    "clearcpuid=ibt": "clearcpuid=cet_ibt",
    "clearcpuid=intel_pt": "clearcpuid=pt",
    "ept=N": "ept=0",
    "npt=N": "npt=0",
    "cet=N": "cet=0",
}


def configuration(words: Iterable[str]) -> Configuration:
    """Return the host that some words describe, in any order. Raises BadWord.

    >>> configuration(["nopku", "clearcpuid=avx512f"]).cleared
    frozenset({'avx512f'})
    """
    found = PLAIN
    for word in words:
        name = _ALIASES.get(word.strip(), word.strip())
        if name not in WORDS:
            raise BadWord(word)
        changes = dict(WORDS[name])
        if "cleared" in changes:
            changes["cleared"] = found.cleared | {changes["cleared"]}
        found = replace(found, **changes)
    return found
