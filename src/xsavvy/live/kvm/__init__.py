# SPDX-License-Identifier: Apache-2.0
"""What a real KVM decides: this machine's /dev/kvm, or that of another kernel in a machine of its own.

`asker` makes the calls and knows nothing of the model; `survey` says what is asked and what each answer should be;
`cause` explains what differs; `conform` tells the story.
"""

from .capture import is_capture, replay_capture, write_capture
from .conform import KvmConformance, conform_kvm, judge
from .maintainers import MaintainersConformance, conform_maintainers

__all__ = [
    "KvmConformance",
    "MaintainersConformance",
    "conform_kvm",
    "conform_maintainers",
    "is_capture",
    "judge",
    "replay_capture",
    "write_capture",
]
