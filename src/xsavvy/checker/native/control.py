# SPDX-License-Identifier: Apache-2.0
"""The block of memory through which the driver and the kernel talk: its offsets in bytes.

One block for the search, then a block for each dictionary, then a block for each lane. A lane
is what one thread works with: its array of keys (which is its part of the queue), its place in
the level, its room and its counts. Cells that several threads write stand alone in a pair of
cache lines.
"""

from __future__ import annotations

# The search. The driver writes these between slices; the kernel writes CURSOR and STOP.
EXPAND = 0  # address of the model's `expand`
JUDGE = 8  # address of the model's `judge`
ENV = 16  # handed through to both
WANTED = 24  # bits that are still to be judged
TABLE = 32  # address of the table of keys
SLOTS = 40  # its number of slots, 8 bytes each, a multiple of 8
SHARED = 48  # 1 when several threads insert
TOTAL = 56  # states of the level that is being expanded
CHUNK = 64  # states that a lane takes from the level at a time
CURSOR = 128  # states of the level that were taken
STOP = 256  # 1 when all lanes shall pause
TARGETS = 384  # states sought by `seek`: their address
TARGET_COUNT = 392
SIEVE = 400  # one bit for each target, see `sieve_bit`

# A dictionary of the words at one place of the states, for states of several words.
DICTIONARIES = 512
DICTIONARY_BYTES = 128
WORD_TABLE = 0  # address of a table of (word, index + 1)
WORD_SLOTS = 8  # its number of slots, 16 bytes each
WORDS_KNOWN = 16  # address of the words by index
CAPACITY = 24  # words that it can take
CLAIMANTS = 32  # threads that may add a word at a time
SHIFT = 40  # place of the index in a key
MASK = 48  # index bits, in place 0
CLEAR = 56  # a key's other bits
COUNT = 64  # words in it

# A lane.
LANES = 2048
LANE_BYTES = 256
KEYS = 0  # address of its keys
LOW = 8  # its part of the level: keys LOW to HIGH
HIGH = 16
TAIL = 24  # keys it has
FROM = 32  # its place in the level: states FROM to UNTIL are still to be expanded
UNTIL = 40
BUDGET = 48  # work after which it asks for a pause
ROOM = 56  # states that it may still insert
QUOTA = 64  # new states after which it stops between batches
TRANSITIONS = 72
DEADLOCKS = 80
FIRED = 88  # address of a byte for each rule
OUT = 96  # address for successors
ENDS = 104  # address for where each state's successors end
STATES = 112  # address for the decoded states of a batch
CODES = 120  # address for the successors' keys
PLACES = 128  # address for their places in the table, then for which of them are new
SIGHTED = 136  # one bit for each sighting below
SIGHTS = 144  # address of 64 states: for each bit the smallest state that showed it
FRESH = 152  # states that the last batch inserted
AT = 160  # address of the keys of the batch
NOW = 168  # number of its states
LANE_LIMIT = 32
BYTES = LANES + LANE_LIMIT * LANE_BYTES

BATCH = 64  # states that are expanded before the table is touched

# Sightings that are not bits of `judge`.
DEADLOCK = 62
ILLEGAL = 63

# How a slice ended for a lane.
PAUSED = 0
DONE = 1  # nothing is left of the level
FULL = 2  # the table is: it has to grow
ENOUGH = 3  # the quota is reached, and there is more
DICTIONARY = 8  # + place: that dictionary has to grow
