# SPDX-License-Identifier: Apache-2.0
"""XSAVES and XRSTORS on tokens do what the instruction plans say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.model.world import system
from xsavvy.isa.components import CET_U, PKRU, SSE
from xsavvy.model.machine import Machine
from xsavvy.model.values import IMAGE, TILE, Buffer, Fault, Value
from xsavvy.model.xstate import xrstors, xsaves

SYSTEM = system("xfd", "v7.3", "sapphire-rapids")
K = SYSTEM.constants
tokens = st.sampled_from([Value.INIT, Value.GUEST, Value.VMM])
masks = st.sets(st.sampled_from([SSE, CET_U, TILE])).map(sum)


def machine() -> Machine:
    """Return a machine with host features enabled and room for everything."""
    s = Machine()
    s.hw_xcr0 = [K.host_xcr0] * 2
    s.hw_xss = [K.host_xss] * 2
    s.fp_xfeatures = [K.host_xcr0 | K.host_xss] * 3
    return s


@given(tokens, tokens, tokens, masks)
def test_save_then_restore_is_the_identity(sse: Value, cet: Value, tile: Value, inuse: int) -> None:
    """What is in use comes back, what is not comes back as initial, on either CPU."""
    s = machine()
    values = {SSE: sse, CET_U: cet, TILE: tile}
    s.hw_sse[0], s.hw_cet_u[0], s.hw_tile[0] = sse, cet, tile
    s.hw_xinuse[0] = inuse
    xsaves(s, K, Buffer.GUEST)
    s.cpu = 1
    xrstors(s, K, Buffer.GUEST)
    got = {SSE: s.hw_sse[1], CET_U: s.hw_cet_u[1], TILE: s.hw_tile[1]}
    assert got == {bit: value if inuse & bit else Value.INIT for bit, value in values.items()}
    assert s.hw_xinuse[1] & IMAGE == inuse
    assert s.fault == Fault.NONE


@given(masks)
def test_a_save_under_xfd_leaves_the_disabled_component_out(inuse: int) -> None:
    """XFD makes XSAVES record the component as initial and touch nothing of it."""
    s = machine()
    s.hw_xfd[0] = TILE
    s.hw_xinuse[0] = inuse
    s.hw_tile[0] = Value.GUEST
    s.fp_tile[Buffer.GUEST] = Value.VMM
    xsaves(s, K, Buffer.GUEST)
    assert s.fp_xstate_bv[Buffer.GUEST] == inuse & ~TILE
    assert s.fp_tile[Buffer.GUEST] == Value.VMM


def test_a_restore_of_a_disabled_component_is_a_nm_and_changes_nothing() -> None:
    """The fault sets IA32_XFD_ERR; a restore that would only initialise is none."""
    s = machine()
    s.hw_xfd[0] = TILE
    s.fp_xstate_bv[Buffer.GUEST] = SSE | TILE
    s.fp_sse[Buffer.GUEST] = Value.GUEST
    xrstors(s, K, Buffer.GUEST)
    assert s.fault == Fault.XRSTORS_NM
    assert s.hw_xfd_err[0] == TILE
    assert s.hw_sse[0] == Value.INIT
    s.fault = Fault.NONE
    s.fp_xstate_bv[Buffer.GUEST] = SSE
    xrstors(s, K, Buffer.GUEST)
    assert s.fault == Fault.NONE
    assert s.hw_sse[0] == Value.GUEST


def test_a_restore_under_the_guests_xcr0_is_a_gp() -> None:
    """XCOMP_BV names what XCR0 lacks: the reason why the host's XCR0 must be back."""
    s = machine()
    s.hw_xcr0[0] = 3
    xrstors(s, K, Buffer.GUEST)
    assert s.fault == Fault.XRSTORS_GP


def test_the_kernel_never_restores_pkru() -> None:
    """PKRU is not in the mask of a kernel XRSTORS."""
    s = machine()
    s.hw_pkru[0] = Value.VMM
    s.hw_xinuse[0] = PKRU
    xrstors(s, K, Buffer.GUEST)
    assert s.hw_pkru[0] == Value.VMM
    assert s.hw_xinuse[0] == PKRU
