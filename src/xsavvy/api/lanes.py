# SPDX-License-Identifier: Apache-2.0
"""Who acts, as lanes of a picture: what an actor of the model is to somebody who looks at one CPU."""

from collections.abc import Mapping

__all__ = ["LANES", "lane_of"]

LANES: Mapping[str, str] = {
    "guest": "Guest",
    "cpu": "CPU",
    "kvm": "KVM",
    "interrupt": "Interrupt",
    "scheduler": "Scheduler",
    "task": "Other task",
    "userspace": "Userspace",
}
"""Every lane and its title, in the order in which pictures draw them."""

_LANE_OF: Mapping[str, str] = {
    "guest": "guest",
    "hardware": "cpu",
    "firmware": "cpu",
    "tdx module": "cpu",
    "apic": "cpu",
    "host": "cpu",
    "environment": "cpu",
    "vcpu": "kvm",
    "module": "kvm",
    "softirq": "interrupt",
    "nmi": "interrupt",
    "perf": "interrupt",
    "switch": "scheduler",
    "scheduler": "scheduler",
    "mm": "scheduler",
    "task": "task",
    "vmm": "userspace",
    "tracer": "userspace",
    "criu": "userspace",
}


_OWN_USER_MODE = "vmm."
_OF_PROCESSOR = (".vmenter", ".vmexit", ".vmrun", ".tdh_vp_enter")
"""Steps of the vCPU thread that the processor makes by itself: it loads and stores what the VMCS or VMCB says."""


def lane_of(actor: str, step: str = "") -> str:
    """Return the lane of an actor, or of one of its steps; an actor that a patch adds is drawn as part of the CPU.

    The vCPU thread is userspace before its ioctl and after it, and the CPU where that enters or leaves the guest.

    >>> lane_of("nmi"), lane_of("vcpu"), lane_of("vcpu", "vmx_vcpu_run.vmenter")
    ('interrupt', 'kvm', 'cpu')
    """
    lane = _LANE_OF.get(actor, "cpu")
    if lane == "kvm" and step.startswith(_OWN_USER_MODE):
        return "userspace"
    if lane == "kvm" and step.endswith(_OF_PROCESSOR):
        return "cpu"
    return lane
