# SPDX-License-Identifier: Apache-2.0
"""Design questions about who is offered CET: the thread of seed 003."""

from collections.abc import Mapping
from enum import IntEnum

from xsavvy.model.choices import Choice

__all__ = ["CHOICES", "DEFAULTS", "CetCapability", "CetComponents", "HostIbt", "IbtAlone"]

THREAD = "seed 003 (27 May 2024)"


class CetCapability(IntEnum):
    """What decides whether KVM starts from a feature."""

    BOOT_CPU_DATA = 0
    RAW_CPUID = 1


class HostIbt(IntEnum):
    """Whether the host's own use of branch tracking matters to guests."""

    HONOURED = 0
    IGNORED = 1


class CetComponents(IntEnum):
    """What becomes of the features where a component is missing from the host's IA32_XSS."""

    CHECKED = 0
    ASSUMED = 1


class IbtAlone(IntEnum):
    """Whether userspace may give a guest branch tracking without shadow stacks."""

    ALLOWED = 0
    TIED = 1


CHOICES = (
    Choice(
        "cet_capability",
        "From what does KVM derive that CET can be offered?",
        CetCapability,
        {
            CetCapability.BOOT_CPU_DATA: "from the host kernel's CPU data and CPUID, both (v6.18)",
            CetCapability.RAW_CPUID: "from CPUID alone, whatever the host turned off",
        },
        THREAD,
    ),
    Choice(
        "host_ibt",
        "Does ibt=off on the host keep branch tracking from guests?",
        HostIbt,
        {
            HostIbt.HONOURED: "yes: boot_cpu_data lacks it (v6.18)",
            HostIbt.IGNORED: "no: CPUID decides for IBT",
        },
        THREAD,
    ),
    Choice(
        "cet_components",
        "What if the host's IA32_XSS lacks CET_USER or CET_KERNEL?",
        CetComponents,
        {
            CetComponents.CHECKED: "neither feature is offered (v6.18)",
            CetComponents.ASSUMED: "the features are offered: kernel IBT only needs S_CET, says the thread",
        },
        THREAD,
    ),
    Choice(
        "ibt_alone",
        "May userspace give a guest branch tracking without shadow stacks?",
        IbtAlone,
        {
            IbtAlone.ALLOWED: "yes: a sane CPUID is userspace's business (v6.18)",
            IbtAlone.TIED: "no: KVM clears the bit in KVM_SET_CPUID2",
        },
        THREAD,
    ),
)

DEFAULTS: Mapping[str, IntEnum] = {
    "cet_capability": CetCapability.BOOT_CPU_DATA,
    "host_ibt": HostIbt.HONOURED,
    "cet_components": CetComponents.CHECKED,
    "ibt_alone": IbtAlone.ALLOWED,
}
