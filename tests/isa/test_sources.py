# SPDX-License-Identifier: Apache-2.0
"""The list of rules and their sources, and what a processor says of itself."""

from __future__ import annotations

import pickle

from tests.isa.part import OLD_AMD, PARTS, SAPPHIRE, ZEN4
from xsavvy.isa import RULES, Status, inferred


def test_rules_have_names_of_their_own() -> None:
    """No two rules share a name or a summary, and each has a source."""
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert len({rule.summary for rule in RULES}) == len(RULES)
    assert all(rule.name.isidentifier() and rule.source for rule in RULES)


def test_what_was_guessed_can_be_listed() -> None:
    """Inferred rules are exactly those of that status, and the known guesses are among them."""
    names = {rule.name for rule in inferred()}
    assert names == {rule.name for rule in RULES if rule.status is Status.INFERRED}
    assert {"pkru_four_bytes", "xfd_order", "xfd_xgetbv", "exit_order"} <= names


def test_vendors_deviate_as_listed() -> None:
    """AMD zeroes or leaves the error pointers by XSAVEERPTR and tracks XINUSE by value."""
    zeroed = [part.error_pointers_zeroed_without_exception for part in PARTS]
    untouched = [part.error_pointers_only_with_exception for part in PARTS]
    assert (zeroed, untouched) == ([True, False, False], [False, False, True])
    assert [part.xinuse_by_value for part in PARTS] == [True, False, True]
    assert [part.xsaves_can_exit for part in PARTS] == [False, True, False]


def test_a_processor_survives_pickling() -> None:
    """A processor that has computed layouts can be sent to another process."""
    for part in (ZEN4, SAPPHIRE, OLD_AMD):
        assert part.compacted(0b100).size == 832
        again = pickle.loads(pickle.dumps(part))
        assert again == part
        assert hash(again) == hash(part)
        assert again.compacted(0b100) == part.compacted(0b100)
