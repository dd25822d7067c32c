# SPDX-License-Identifier: Apache-2.0
"""Seed 003: who is offered shadow stacks and branch tracking."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from xsavvy.cpuid.presets import PRESETS
from xsavvy.isa.components import CET_S, CET_U
from xsavvy.kvm import cet, kernel
from xsavvy.kvm.configuration import configuration
from xsavvy.migrate import Host, guest_of, judge

from .row import SVM, VMX, Answer, Row

BOTH = cet.SHSTK | cet.IBT
FEATURES = {BOTH: "SHSTK, IBT", cet.SHSTK: "SHSTK", cet.IBT: "IBT", 0: "neither"}


def _row(label: str, platform: str = VMX, **choices: str) -> Row:
    return Row(label, "capabilities", "v6.18+f8ade833b733", platform, choices)


CAPABILITIES = Answer(
    "explanation/seed-003.md",
    (
        _row("boot CPU data, components checked (upstream)"),
        _row("the same, on SVM", SVM),
        _row("raw CPUID, components checked", cet_capability="raw_cpuid"),
        _row("host's ibt=off ignored", host_ibt="ignored"),
        _row("components assumed", cet_components="assumed"),
        _row("raw CPUID, components assumed", cet_capability="raw_cpuid", cet_components="assumed"),
        _row("IBT tied to SHSTK in KVM_SET_CPUID2", ibt_alone="tied"),
    ),
    {
        "kvm_loads": "KVM loads",
        "what_is_offered_works": "what is offered works",
        "offered_components_are_enabled": "components are enabled",
        "nested_caps_follow_final_caps": "nested caps",
        "userspace_decides_on_cpuid": "userspace decides",
        "hosts_s_cet_is_remembered": "host's S_CET",
    },
)


def _switch(label: str, platform: str = VMX, **choices: str) -> Row:
    return Row(label, "cet", "v6.18", platform, choices)


SWITCHING = Answer(
    "explanation/seed-003.md",
    (
        _switch("VMCS fields, the others with the FPU (upstream, VMX)"),
        _switch("VMCB fields, the others with the FPU (upstream, SVM)", SVM),
        _switch("everything at every entry and exit", cet_switch="all_at_entry"),
        _switch("HOST_S_CET not written", cet_host="not_written"),
    ),
    {
        "guest_finds_its_cet_state": "guest finds its own",
        "host_runs_on_its_own_s_cet": "host's S_CET",
        "tasks_find_their_shadow_stacks": "tasks find their own",
        "kernel_survives": "kernel survives",
    },
)


def offered(cpuid: int, ibt_off: int, components: int, vmx: bool, raw: bool) -> int:
    """Return the features that KVM offers a guest, by its rules in their order."""
    boot = cet.host_ibt(cpuid, ibt_off)
    xss = cet.host_xss_cet(boot, 1, components)
    caps = cpuid if raw else cet.caps_of(cpuid, boot)
    caps = cet.vmx_caps(caps, 1, 1, 1) if vmx else cet.svm_caps(caps)
    return cet.caps_with_components(caps, cet.xss_with_caps(xss, caps, 1))


def derivation_block() -> str:
    """Return a table: what each machine and host configuration offers, by both derivations."""
    return "\n".join(_derivation())


def _derivation() -> Iterator[str]:
    yield "| processor has | host | components in IA32_XSS | VMX offers | SVM offers | by raw CPUID (VMX) |"
    yield "|---|---|---|---|---|---|"
    components = {
        cet.CET_ALL: "both",
        CET_U: "CET_USER alone",
        CET_S: "CET_KERNEL alone",
        0: "none",
    }
    for cpuid, off, mask in product(FEATURES, (0, 1), components):
        if cpuid == 0 or (off and not cpuid & cet.IBT):
            continue
        cells = [FEATURES[cpuid], "ibt=off" if off else "default", components[mask]]
        cells += [
            FEATURES[offered(cpuid, off, mask, vmx, raw)]
            for vmx, raw in ((True, False), (False, False), (True, True))
        ]
        yield f"| {' | '.join(cells)} |"


def partners_block() -> str:
    """Return a table: may a guest that uses what its host offered move to a host that offers something else?"""
    return "\n".join(_partners())


def _partners() -> Iterator[str]:
    yield f"| a guest that uses | {' | '.join(f'to a host that offers {FEATURES[to]}' for to in FEATURES)} |"
    yield f"|---|{'---|' * len(FEATURES)}"
    for guest in (BOTH, cet.SHSTK, cet.IBT):
        yield f"| {FEATURES[guest]} | {' | '.join(_move(guest, to) for to in FEATURES)} |"


def _move(guest: int, to: int) -> str:
    value = (cet.SHSTK_EN if guest & cet.SHSTK else 0) | (cet.ENDBR_EN if guest & cet.IBT else 0)
    if not cet.guest_caps(to, guest):
        return "refused: KVM_SET_SREGS with CR4.CET"
    if not cet.u_s_cet_ok(value, cet.guest_caps(to, guest)):
        return "refused: KVM_SET_MSRS of S_CET"
    return "moves"


HOSTS = (
    ("sapphire-rapids", "v6.18", ""),
    ("sapphire-rapids", "v6.18", "nousershstk"),
    ("sapphire-rapids", "v6.18", "ibt=off"),
    ("sapphire-rapids", "v6.18", "clearcpuid=shstk"),
    ("sapphire-rapids", "v6.18", "noxsaves"),
    ("sapphire-rapids", "v6.18", "ept=0"),
    ("sapphire-rapids", "v6.18", "cet=0"),
    ("sapphire-rapids", "v6.18", "allow_smaller_maxphyaddr=1"),
    ("sapphire-rapids", "v6.17", ""),
    ("ice-lake", "v6.18", ""),
    ("milan", "v6.18", ""),
    ("milan", "v6.18", "npt=0"),
)
"""Hosts of the table of moves: a preset, a kernel, a configuration."""
GUESTS = {"both": "avx,shstk,ibt", "SHSTK": "avx,shstk", "IBT": "avx,ibt"}


def hosts_block() -> str:
    """Return a table: real hosts, what their KVM offers and why not more, and which guests may come."""
    return "\n".join(_hosts())


def _hosts() -> Iterator[str]:
    yield f"| host | configuration | offers | SHSTK is hidden | IBT is hidden |{_heads()}"
    yield f"|---|---|---|---|---|{'---|' * len(GUESTS)}"
    source = _host("sapphire-rapids", "v6.18", "")
    for name, release, word in HOSTS:
        host = _host(name, release, word)
        caps = (cet.SHSTK if "cet_ss" in host.caps.features else 0) | (
            cet.IBT if "cet_ibt" in host.caps.features else 0
        )
        reasons = {each.bit: each.why for each in host.caps.reasons if not each.shown}
        cells = [f"{name} {release}", f"`{word}`" if word else "", FEATURES[caps]]
        cells += [reasons.get(bit, "") for bit in ("cet_ss", "cet_ibt")]
        cells += [_fate(source, host, words) for words in GUESTS.values()]
        yield f"| {' | '.join(cells)} |"


def _heads() -> str:
    return "".join(f" a guest with {name} comes |" for name in GUESTS)


def _host(name: str, release: str, word: str) -> Host:
    return Host(name, PRESETS[name].table, kernel(release), configuration([word] if word else []))


def _fate(source: Host, host: Host, words: str) -> str:
    """Say what becomes of a guest with CET, AVX and nothing else."""
    move = judge(source, host, guest_of(words, source))
    calls = [each.rule for each in move.findings if each.effect == "refused"]
    return f"refused: {calls[0]}" if calls else move.verdict
