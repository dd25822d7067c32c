# SPDX-License-Identifier: Apache-2.0
"""A violated result names the step that opened the way."""

from __future__ import annotations

import pytest

from xsavvy import api


@pytest.mark.parametrize(
    ("scenario", "kernel", "violated", "opened", "field"),
    [
        # The property reads the register: its last change.
        (
            "pkru-image",
            "v4.13-1be0e61c1f25",
            "host_runs_on_host_pkru",
            "WRPKRU by guest",
            "hw_pkru[0]",
        ),
        # The last step faults: the last change of a register that it reads.
        ("xfd-header", "v6.18", "kernel_survives", "set_fpstate_xfd", "hw_xfd[0]"),
        ("machine-check", "v5.0", "kernel_survives", "load_guest_xcr0", "hw_xcr0[0]"),
    ],
)
def test_the_way_opens_where_the_register_was_left(
    scenario: str, kernel: str, violated: str, opened: str, field: str
) -> None:
    """The step that left a register as the violation found it is named, and nothing touches the register after it."""
    found = api.trace(scenario, property=violated, kernel=kernel, platform="sapphire-rapids")
    assert found.opening is not None
    assert found.opening.field == field
    assert found.trace[found.opening.step - 1].step.endswith(opened)
    assert not any(field in step.changes for step in found.trace[found.opening.step : -1])


def test_what_holds_has_no_opening() -> None:
    """Neither a property that holds nor a witness that is reached was at risk."""
    for witness in (None, "guest_has_its_own_pkru"):
        found = api.trace("pkru-xinuse", witness=witness, kernel="v6.18", platform="genoa")
        assert found.verdict == "holds"
        assert found.opening is None


def test_one_step_opens_nothing() -> None:
    """A violation in the first step was not prepared by any."""
    found = api.trace(
        "ioctls-permissions",
        property="permissions_only_grow_until_the_first_vcpu",
        kernel="v6.15",
        platform="sapphire-rapids",
    )
    assert found.depth == 1
    assert found.opening is None
