# SPDX-License-Identifier: Apache-2.0
"""What the explorer answers: typed objects, which are the JSON of its pages field by field."""

from collections.abc import Mapping

import msgspec

from xsavvy.api.story import FieldNote
from xsavvy.api.walking import Moment, Move, Standing, Taken

from .address import WorldAddress
from .lockstep import Pair, Parting, SoftParting
from .shared import Difference

__all__ = [
    "Catalog",
    "ChoiceNote",
    "LockstepAnswer",
    "PlatformNote",
    "PossibleMove",
    "ScenarioNote",
    "Sentence",
    "Stop",
    "WalkAnswer",
    "WorldAnswer",
]


class ScenarioNote(msgspec.Struct, frozen=True):
    """A scenario that can be chosen."""

    name: str
    question: str
    part: str
    default: bool


class PlatformNote(msgspec.Struct, frozen=True):
    """A platform that can be chosen."""

    name: str
    title: str


class ChoiceNote(msgspec.Struct, frozen=True):
    """A question of design: its values, and what each of them means."""

    name: str
    question: str
    source: str
    values: list[str]
    answers: dict[str, str]


class Sentence(msgspec.Struct, frozen=True):
    """A property or a witness: its name, what it says, and who says so."""

    name: str
    sentence: str
    source: str = ""


class Catalog(msgspec.Struct, frozen=True):
    """Everything that can be chosen.

    `kernels` has the releases, oldest first, then the distributions' kernels. `start` is the world to begin with;
    `patch` is the name of the file that changes the model, and `dump` that of the CPUID dump that is a platform here,
    if there is one.
    """

    version: str
    scenarios: list[ScenarioNote]
    kernels: list[str]
    newest: str
    platforms: list[PlatformNote]
    choices: list[ChoiceNote]
    start: WorldAddress
    lanes: Mapping[str, str]
    groups: Mapping[str, str]
    patch: str = ""
    dump: str = ""


class WorldAnswer(msgspec.Struct, frozen=True):
    """A world: what is asked in it, the values of its choices, and the fields of its machine.

    `choices` holds every choice that can matter in the scenario with its value in force, `usual` the kernel's own
    values; `set` holds those that were asked for. `platform` may be a preset that stands in for this machine; `notes`
    tell.
    """

    scenario: str
    question: str
    leaves_out: str
    kernel: str
    platform: str
    platform_title: str
    choices: dict[str, str]
    usual: dict[str, str]
    set: dict[str, str]
    notes: list[str]
    digest: str
    fields: list[FieldNote]
    properties: list[Sentence]
    witnesses: list[Sentence]


class PossibleMove(Move, frozen=True):
    """A move that is possible, and the properties that it breaks at once."""

    breaks: list[str] = msgspec.field(default_factory=list)


class Stop(msgspec.Struct, frozen=True):
    """Where a path ends before its end, as the index of the number that could not be taken, and why."""

    at: int
    why: str


class WalkAnswer(msgspec.Struct, frozen=True):
    """A path walked as far as possible.

    `steps` and `standing` (the actors that stand elsewhere after each step) begin at step `since` of the path. `moves`
    is what can happen at the end, `host` the number of the host's own next step there. `same_model` is false if the
    path was made in a model with another digest; `why` says what ended a run.
    """

    digest: str
    same_model: bool
    path: list[int]
    stopped: Stop | None
    since: int
    start: Moment
    steps: list[Taken]
    standing: list[list[Standing]]
    moment: Moment
    moves: list[PossibleMove]
    host: int | None
    why: str = ""


class LockstepAnswer(msgspec.Struct, frozen=True):
    """Two worlds on the same events.

    `pairs` puts the steps of both side by side. `parted` is where the right cannot take an event of the left, `softly`
    where values began to differ that did not at the start. `differs` and `broken` are about the ends of both walks, as
    they stand; `only_left` and `only_right` name fields that the other side does not have.
    """

    left: WalkAnswer
    right: WalkAnswer
    pairs: list[Pair]
    parted: Parting | None
    softly: SoftParting | None
    differs: list[Difference]
    only_left: list[str]
    only_right: list[str]
    broken: dict[str, list[str]]
