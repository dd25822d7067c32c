# SPDX-License-Identifier: Apache-2.0
"""Laws of the mask rules, and the dialect that they are written in."""

from __future__ import annotations

import ast
import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xsavvy.isa import masks, registers
from xsavvy.isa.components import ALL, SSE

MASK = st.integers(0, ALL)
FLAG = st.integers(0, 1)
RULES = [rule for rule in vars(masks).values() if inspect.isfunction(rule)]
ALLOWED = (
    ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.If, ast.Pass, ast.Expr, ast.Constant,
    ast.Name, ast.Load, ast.Store, ast.Assign, ast.AugAssign, ast.BinOp, ast.UnaryOp, ast.BoolOp,
    ast.IfExp, ast.Compare, ast.Call, ast.BitAnd, ast.BitOr, ast.BitXor, ast.Invert, ast.LShift,
    ast.RShift, ast.Add, ast.Sub, ast.Mult, ast.And, ast.Or, ast.Not, ast.Eq, ast.NotEq, ast.Lt,
    ast.LtE, ast.Gt, ast.GtE,
)  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rules_keep_to_the_dialect(rule: object) -> None:
    """A rule uses ints, bit operators, comparisons, conditions and calls of other rules only."""
    assert inspect.isfunction(rule)
    function = ast.parse(inspect.getsource(rule)).body[0]
    assert isinstance(function, ast.FunctionDef)
    assert not function.args.defaults
    for statement in function.body[1:]:
        for node in ast.walk(statement):
            assert isinstance(node, ALLOWED), ast.dump(node)
            if isinstance(node, ast.Call):
                assert not node.keywords
                assert isinstance(node.func, ast.Name)
                assert node.func.id in vars(masks) or node.func.id in vars(registers)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rules_stay_below_bit_63(rule: object) -> None:
    """With every argument at its largest or 0, no rule's value reaches bit 63 or is negative."""
    assert inspect.isfunction(rule)
    count = len(inspect.signature(rule).parameters)
    for bits in range(1 << count):
        arguments = [ALL if bits >> i & 1 else 0 for i in range(count)]
        assert 0 <= rule(*arguments) <= ALL


@given(MASK, MASK, MASK, MASK)
def test_fact_5_xsave_keeps_unrequested_bits(old: int, rfbm: int, xinuse: int, xfd: int) -> None:
    """Fact 5: XSAVE keeps XSTATE_BV outside RFBM, inside it the bits are those in use."""
    new = masks.xsave_bv(old, rfbm, xinuse, xfd)
    assert new & ~rfbm == old & ~rfbm
    assert new & rfbm == rfbm & xinuse & ~xfd


@given(MASK, MASK, MASK)
def test_xsavec_leaves_nothing_of_the_old_header(rfbm: int, xinuse: int, xfd: int) -> None:
    """XSTATE_BV of XSAVEC is within XCOMP_BV, which is within RFBM: such a header is legal."""
    xstate_bv = masks.xsavec_bv(rfbm, xinuse, xfd)
    xcomp_bv = masks.xsavec_xcomp_bv(rfbm)
    assert masks.compacted_header_ok(xstate_bv, 0, xcomp_bv, 1, rfbm) == 1


@given(MASK, MASK, MASK, MASK)
def test_saves_write_from_least_to_most(rfbm: int, xinuse: int, xfd: int, xmodified: int) -> None:
    """XSAVEOPT writes no more than XSAVEC, and that no more than XSAVE; XSAVES as XSAVEOPT."""
    xsaveopt = masks.xsaveopt_writes(rfbm, xinuse, xfd, xmodified)
    xsavec = masks.xsavec_writes(rfbm, xinuse, xfd)
    assert xsaveopt & ~xsavec == 0
    assert xsavec & ~masks.xsave_writes(rfbm) == 0
    assert masks.xsaves_writes(rfbm, xinuse, xfd, xmodified) == xsaveopt
    assert masks.xsaveopt_writes(rfbm, xinuse, xfd, ALL) == xsavec


@given(MASK, MASK, MASK)
def test_xsave_writes_registers_or_initial_bytes(rfbm: int, xinuse: int, xfd: int) -> None:
    """Of what XSAVE writes, exactly the components without their XSTATE_BV bit are initial."""
    initial = masks.xsave_writes_initial(rfbm, xinuse, xfd)
    assert initial == rfbm & ~masks.xsave_bv(0, rfbm, xinuse, xfd)


@given(MASK, MASK)
def test_a_restore_loads_or_initialises_what_is_requested(rfbm: int, xstate_bv: int) -> None:
    """Loaded and initialised components are disjoint and together RFBM."""
    loads, inits = masks.xrstor_loads(rfbm, xstate_bv), masks.xrstor_inits(rfbm, xstate_bv)
    assert loads & inits == 0
    assert loads | inits == rfbm


@given(MASK, MASK, MASK, MASK)
def test_xinuse_after_a_restore(xinuse: int, rfbm: int, xstate_bv: int, initial: int) -> None:
    """Outside RFBM nothing changes; by value differs from the manual only in loaded initials."""
    loads, inits = masks.xrstor_loads(rfbm, xstate_bv), masks.xrstor_inits(rfbm, xstate_bv)
    after = masks.xinuse_after_xrstor(xinuse, loads, inits)
    by_value = masks.xinuse_after_xrstor_by_value(xinuse, loads, inits, initial)
    assert after & ~rfbm == xinuse & ~rfbm
    assert after & rfbm == loads
    assert after ^ by_value == loads & initial


@given(MASK, MASK)
def test_xinuse_may_overstate_and_never_understate(initial: int, extra: int) -> None:
    """Any XINUSE with a bit for each component that is not initial is legal, others are not."""
    features = 0xFF
    exact = features & ~initial
    assert masks.xinuse_ok(exact | extra, initial, features) == 1
    if exact:
        assert masks.xinuse_ok(exact & (exact - 1), initial, features) == 0


@given(MASK, FLAG, FLAG, FLAG, FLAG)
def test_the_modified_optimisation_needs_every_match(
    xmodified: int, address: int, cpl: int, mode: int, layout: int
) -> None:
    """Unless address, CPL, VMX mode and layout match, everything counts as modified."""
    seen = masks.xmodified_seen(xmodified, address, cpl, mode, layout)
    assert seen == (xmodified if address and cpl and mode and layout else ALL)


@given(MASK)
def test_a_restore_makes_the_requested_components_unmodified(rfbm: int) -> None:
    """After a restore with RFBM, a matching XSAVEOPT of RFBM need write nothing."""
    xmodified = masks.xmodified_after_restore(rfbm)
    assert masks.xsaveopt_writes(rfbm, rfbm, 0, xmodified) == 0


@given(MASK, MASK, MASK)
def test_xfd_never_stops_a_save_and_stops_only_loads(rfbm: int, xstate_bv: int, xfd: int) -> None:
    """What XFD blocks is loaded, never initialised; what a save wrote under XFD restores."""
    blocked = masks.xrstor_xfd_blocks(rfbm, xstate_bv, xfd)
    assert blocked & masks.xrstor_inits(rfbm, xstate_bv) == 0
    saved = masks.xsavec_bv(rfbm, xstate_bv, xfd)
    assert masks.xrstor_xfd_blocks(rfbm, saved, xfd) == 0


@given(MASK, MASK)
def test_fact_4_mxcsr_counts_for_bit_1_alone(xinuse: int, xcr0: int) -> None:
    """Fact 4: MXCSR other than 1F80H shows as bit 1 of XGETBV(1), nothing else changes."""
    assert masks.in_use(xinuse, 1) == xinuse
    assert masks.in_use(xinuse, 0) == xinuse | SSE
    assert masks.xgetbv1(xcr0, xinuse, 0, 0) == xcr0 & (xinuse | SSE)


@given(MASK, MASK)
def test_fact_3_mxcsr_has_four_rules(rfbm: int, xstate_bv: int) -> None:
    """Fact 3: the two stores and the two loads of MXCSR ask four different questions."""
    either, sse = bool(rfbm & 0b110), bool(rfbm & 0b010)
    stated = bool(xstate_bv & 0b010)
    assert masks.xsave_writes_mxcsr(rfbm) == either
    assert masks.standard_loads_mxcsr(rfbm) == either
    assert masks.xsavec_writes_mxcsr(masks.xsavec_writes(rfbm, xstate_bv, 0)) == (sse and stated)
    assert masks.compacted_loads_mxcsr(rfbm, xstate_bv) == (sse and stated)
    assert masks.compacted_inits_mxcsr(rfbm, xstate_bv) == (sse and not stated)


def test_fact_9_bit_17_of_mxcsr_is_legal_on_amd() -> None:
    """Fact 9: MXCSR_MASK decides; AMD's has bit 17."""
    legal = [bit for bit in range(32) if masks.mxcsr_ok(1 << bit, 0x2FFFF)]
    assert legal == [*range(16), 17]
