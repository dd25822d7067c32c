# SPDX-License-Identifier: Apache-2.0
"""What is fixed while one check runs: the vendor, and the answers to the part's questions."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from xsavvy.model.world import World

from .choices import DEFAULTS

__all__ = ["ModuleConstants", "constants"]


@dataclass(frozen=True, slots=True)
class ModuleConstants:
    """Everything that steps read as `k`."""

    vmx: int
    cet_capability: int
    host_ibt: int
    cet_components: int
    ibt_alone: int
    extra: Mapping[str, int] = field(default_factory=dict)

    def __getattr__(self, name: str) -> int:
        if name in ModuleConstants.__slots__ or name not in self.extra:
            raise AttributeError(f"no constant {name!r}")
        return self.extra[name]


def constants(world: World) -> ModuleConstants:
    """Return what steps read as `k`; other parts' answers and a patch's are in `extra`."""
    others = {name: int(value) for name, value in world.choices.items() if name not in DEFAULTS}
    return ModuleConstants(
        vmx=int(world.platform.vmx),
        **{name: int(world.choices[name]) for name in DEFAULTS},
        extra={**others, **world.extra},
    )
