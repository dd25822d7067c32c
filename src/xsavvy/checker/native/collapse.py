# SPDX-License-Identifier: Apache-2.0
"""Kernel dialect: states of several words as keys of one word.

Each place of a state has its own dictionary of the words seen there; a key is the indexes of
a state's words side by side (Holzmann's "collapse" compression, "State compression in SPIN",
1997). A dictionary is a table of pairs (word with bit 63 set, index + 1) and the list of its
words. With WORDS == 1 a word is its own key and none of this is compiled.
"""

from __future__ import annotations

from xsavvy.checker.native.control import (
    CAPACITY,
    CLAIMANTS,
    CLEAR,
    COUNT,
    DICTIONARIES,
    DICTIONARY,
    DICTIONARY_BYTES,
    MASK,
    SHIFT,
    WORD_SLOTS,
    WORD_TABLE,
    WORDS_KNOWN,
)
from xsavvy.checker.native.hashing import OCCUPIED, mixed
from xsavvy.checker.native.primitive import (
    cold,
    compare_and_swap,
    fetch_add,
    high_product,
    load32,
    load64,
    load_shared,
    store64,
    store_shared,
)

WORDS = 1  # of a state; the compiler puts the real number here
NONE = 1 << 63  # no such index
ENDING = (1 << 31) - 1  # in an entry of ENDS; bit 31 marks a terminal state


def index_at(slot: int) -> int:
    """Read a slot's index; its word may have been put there a moment ago, by another thread."""
    index = load_shared(slot + 8)
    while index == 0:
        index = load_shared(slot + 8)
    return index - 1


def find(dictionary: int, word: int) -> int:
    """Return the slot of a word, or the free one where it belongs."""
    table = load64(dictionary + WORD_TABLE)
    slots = load64(dictionary + WORD_SLOTS)
    end = table + (slots << 4)
    mark = word | OCCUPIED
    slot = table + (high_product(mixed(word), slots) << 4)
    while True:
        found = load_shared(slot)
        if found == mark or found == 0:
            return slot
        slot += 16
        if slot == end:
            slot = table


@cold
def learn(dictionary: int, word: int) -> int:
    """Add a word, unless another thread does; return its index, or NONE when it is full."""
    while True:
        slot = find(dictionary, word)
        found = load_shared(slot)
        if found == word | OCCUPIED:
            return index_at(slot)
        # Another word may have come to the slot since it was found free: then look again.
        if found == 0:
            # Each claimant adds at most one word after this, so none exceeds the capacity.
            count = load_shared(dictionary + COUNT)
            if count + load64(dictionary + CLAIMANTS) > load64(dictionary + CAPACITY):
                return NONE
            if compare_and_swap(slot, 0, word | OCCUPIED) == 0:
                index = fetch_add(dictionary + COUNT, 1)
                store64(load64(dictionary + WORDS_KNOWN) + (index << 3), word)
                store_shared(slot + 8, index + 1)
                return index


def intern(dictionary: int, word: int) -> int:
    """Return the index of a word, known or not; NONE when the dictionary is full."""
    slot = find(dictionary, word)
    if load_shared(slot) == word | OCCUPIED:
        return index_at(slot)
    return learn(dictionary, word)


def relearn(dictionary: int, first: int, last: int) -> int:
    """Enter the words `first` to `last` of the list into the table; return 1 at a repetition."""
    words = load64(dictionary + WORDS_KNOWN)
    for i in range(first, last):
        word = load64(words + (i << 3))
        slot = find(dictionary, word)
        if load64(slot) != 0:
            return 1
        store64(slot, word | OCCUPIED)
        store64(slot + 8, i + 1)
    return 0


def decode(control: int, keys: int, count: int, states: int) -> int:
    """Write the words of some keys; return where they are."""
    if WORDS == 1:
        return keys
    for i in range(count):
        key = load64(keys + (i << 3))
        dictionary = control + DICTIONARIES
        for _j in range(WORDS):
            index = (key >> load64(dictionary + SHIFT)) & load64(dictionary + MASK)
            store64(states, load64(load64(dictionary + WORDS_KNOWN) + (index << 3)))
            states += 8
            dictionary += DICTIONARY_BYTES
    return states - ((count * WORDS) << 3)


def encode(
    control: int, keys: int, count: int, states: int, ends: int, out: int, codes: int
) -> int:
    """Write the keys of all successors; return 0, or DICTIONARY + place of a full one.

    A word that equals the parent's has the parent's index; the others are looked up.
    """
    at = 0
    for i in range(count):
        parent = states + ((i * WORDS) << 3)
        inherited = load64(keys + (i << 3))
        until = load32(ends + (i << 2)) & ENDING
        while at < until:
            key = inherited
            dictionary = control + DICTIONARIES
            for j in range(WORDS):
                word = load64(out)
                if word != load64(parent + (j << 3)):
                    index = intern(dictionary, word)
                    if index == NONE:
                        return DICTIONARY + j
                    key = (key & load64(dictionary + CLEAR)) | (index << load64(dictionary + SHIFT))
                out += 8
                dictionary += DICTIONARY_BYTES
            store64(codes + (at << 3), key)
            at += 1
    return 0


def encode_all(control: int, states: int, count: int, codes: int) -> int:
    """Write the keys of states that have no parent; return like `encode`."""
    for i in range(count):
        key = 0
        dictionary = control + DICTIONARIES
        for j in range(WORDS):
            index = intern(dictionary, load64(states))
            if index == NONE:
                return DICTIONARY + j
            key |= index << load64(dictionary + SHIFT)
            states += 8
            dictionary += DICTIONARY_BYTES
        store64(codes + (i << 3), key)
    return 0


def relay(keys: int, count: int, old: int, new: int) -> int:
    """Rewrite keys for other widths; `old` and `new` are (shift, mask) for each place."""
    for i in range(count):
        key = load64(keys + (i << 3))
        changed = 0
        for j in range(WORDS):
            index = (key >> load64(old + (j << 4))) & load64(old + (j << 4) + 8)
            changed |= index << load64(new + (j << 4))
        store64(keys + (i << 3), changed)
    return 0


def sound(control: int, keys: int, count: int) -> int:
    """Return 1 if all keys from a file can be decoded without reading beyond a dictionary."""
    for i in range(count):
        key = load64(keys + (i << 3))
        if key >> 63 != 0:
            return 0
        if WORDS > 1:
            dictionary = control + DICTIONARIES
            for _j in range(WORDS):
                index = (key >> load64(dictionary + SHIFT)) & load64(dictionary + MASK)
                if index >= load64(dictionary + COUNT):
                    return 0
                dictionary += DICTIONARY_BYTES
    return 1
