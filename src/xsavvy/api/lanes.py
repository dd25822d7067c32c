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


def lane_of(actor: str) -> str:
    """Return the lane of an actor; one that a patch adds is drawn as part of the CPU.

    >>> lane_of("nmi"), lane_of("vcpu")
    ('interrupt', 'kvm')
    """
    return _LANE_OF.get(actor, "cpu")
