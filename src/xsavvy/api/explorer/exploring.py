# SPDX-License-Identifier: Apache-2.0
"""The model, walked step by step by somebody who chooses: what `xsavvy explore` shows.

An `Explorer` answers for any world by name: what there is, what a path leads to, what can happen there. It keeps what
it walked, and nothing that it is asked can name a file.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import RLock

from xsavvy.api.checking import bound_system, patch_of
from xsavvy.api.groups import GROUPS
from xsavvy.api.lanes import LANES
from xsavvy.api.usage import UsageError, unknown
from xsavvy.api.walking import Walk
from xsavvy.api.world import Setting, find_scenario, setting, world
from xsavvy.checker import CheckerError
from xsavvy.cpuid.presets import PRESETS
from xsavvy.kvm import DISTRIBUTIONS, NEWEST, RELEASES
from xsavvy.model.choices import Choice, value_name
from xsavvy.model.registry import CHOICES, SCENARIOS
from xsavvy.version import __version__

from .address import LONGEST_PATH, WorldAddress
from .companion import Companion
from .explored import (
    Catalog,
    ChoiceNote,
    LockstepAnswer,
    PlatformNote,
    ScenarioNote,
    WalkAnswer,
    WorldAnswer,
)
from .place import UNTIL, Place
from .shared import differences

__all__ = ["Explorer"]

MOST_WORLDS = 8
"""Worlds that are kept; the one that was asked for least recently goes first."""

MOST_STATES = 60_000
"""States that are kept, over all worlds, before all are forgotten."""

LONGEST_NAME = 2_000
"""Characters of a name; a kernel with commits added and taken away is the longest."""

THIS_MACHINE = "this machine"


class Explorer:
    """Answers about worlds and paths through them; may be asked by several threads.

    `begin` is the world to begin with; what it leaves open is the first scenario, the newest kernel and `platform`.
    That is the name of a preset, a file with a CPUID dump, or None for this machine. A file is known by its name
    without folders afterwards, and no other can be asked for. `patch` changes the model of every world. `notes` tell
    what had to be adapted. Raises UsageError.

    >>> explorer = Explorer(WorldAddress("pkru", "v6.18"), platform="sapphire-rapids")
    >>> here = explorer.walk(explorer.begin, [])
    >>> [(move.rule, move.step) for move in here.moves if not move.event]
    [(11, 'vmm.ioctl_KVM_RUN')]
    """

    def __init__(
        self,
        begin: WorldAddress | None = None,
        *,
        platform: str | None = None,
        patch: Path | None = None,
    ) -> None:
        self.patch = patch
        self._patch = patch_of(patch)
        self.platform = platform
        self._lock = RLock()
        self._places: OrderedDict[tuple[object, ...], Place] = OrderedDict()
        self._companion: Companion | None = None
        shared = self._setting(NEWEST, platform, {})
        self._own = PlatformNote(self._own_name(shared.platform.name), shared.platform.title)
        self._scenarios = [
            each for each in SCENARIOS if self._patch is None or self._patch.fits(each)
        ]
        self.begin = WorldAddress(self._scenarios[0].name, NEWEST, self._own.name)
        first = self.place(begin or self.begin)
        self.begin = first.address
        self.notes = list(dict.fromkeys([*shared.notes, *first.notes]))

    def catalog(self) -> Catalog:
        """Return everything that can be chosen.

        >>> Explorer(platform="genoa").catalog().start.platform
        'genoa'
        """
        presets = [PlatformNote(each.name, each.title) for each in PRESETS.values()]
        own = [] if self._own.name in PRESETS else [self._own]
        return Catalog(
            version=__version__,
            scenarios=[
                ScenarioNote(each.name, each.question, each.part, each.default)
                for each in self._scenarios
            ],
            kernels=[*RELEASES, *(each.name for each in DISTRIBUTIONS)],
            newest=NEWEST,
            platforms=[*own, *presets],
            choices=[_choice(each) for each in (*CHOICES, *self._added())],
            start=self.begin,
            lanes=LANES,
            groups=GROUPS,
            patch=self.patch.name if self.patch else "",
            dump="" if self.platform in (None, *PRESETS) else self._own.name,
        )

    def world(self, address: WorldAddress) -> WorldAnswer:
        """Describe a world. Raises UsageError.

        >>> explorer = Explorer(WorldAddress("pkru"), platform="sapphire-rapids")
        >>> explorer.world(WorldAddress(kernel="v6.18")).choices["pkru_home"]
        'vendor_run'
        """
        with self._lock:
            return self.place(address).described(self._added())

    def walk(
        self, address: WorldAddress, path: Sequence[int], *, digest: str = "", since: int = 0
    ) -> WalkAnswer:
        """Walk a path as far as possible, and say what can happen at its end. Raises UsageError.

        >>> explorer = Explorer(WorldAddress("pkru", "v6.18"), platform="sapphire-rapids")
        >>> explorer.walk(explorer.begin, [11, 11]).stopped.at
        1
        """
        with self._lock:
            place = self.place(address)
            nodes, stopped = place.trails.follow(path)
            return place.answer(nodes, stopped, digest=digest, since=since)

    def run(
        self,
        address: WorldAddress,
        path: Sequence[int],
        *,
        until: str = "guest",
        limit: int = 500,
        digest: str = "",
        since: int = 0,
    ) -> WalkAnswer:
        """Walk a path, then let the host take its own steps: until one of UNTIL, or `limit` steps. Raises UsageError.

        It ends in any case where the host has no step of its own, or goes in circles.

        >>> explorer = Explorer(WorldAddress("pkru", "v6.18"), platform="sapphire-rapids")
        >>> answer = explorer.run(explorer.begin, [])
        >>> answer.host, answer.why
        (None, 'the host has no step of its own: something else has to happen')
        """
        if until not in UNTIL:
            raise unknown("end of a run", until[:40], UNTIL)
        with self._lock:
            place = self.place(address)
            nodes, stopped = place.trails.follow(path)
            why = ""
            if stopped is None:
                why = place.run(nodes, until, min(limit, LONGEST_PATH - len(path)))
            return place.answer(nodes, stopped, digest=digest, since=since, why=why)

    def lockstep(
        self,
        address: WorldAddress,
        other: WorldAddress,
        path: Sequence[int],
        *,
        digest: str = "",
        since: int = 0,
    ) -> LockstepAnswer:
        """Walk a path, and let another world take the same events. Raises UsageError.

        >>> explorer = Explorer(WorldAddress("pkru", "v6.18"), platform="sapphire-rapids")
        >>> both = explorer.lockstep(explorer.begin, WorldAddress("pkru", "v6.19"), [11, 12])
        >>> both.right.path, both.parted, both.differs
        ([11, 12], None, [])
        """
        with self._lock:
            left, right = self.place(address), self.place(other)
            nodes, stopped = left.trails.follow(path)
            try:
                both = self._beside(left, right).follow(
                    [node.rule for node in nodes[1:]], [node.state for node in nodes]
                )
            except CheckerError as error:
                raise UsageError(f"lockstep: {error}") from None
            beside, ended = right.trails.follow(both.path)
            here, there = left.walk.slots, right.walk.slots
            ours = left.answer(nodes, stopped, digest=digest, since=since)
            theirs = right.answer(beside, ended)
            return LockstepAnswer(
                left=ours,
                right=theirs,
                pairs=both.pairs,
                parted=both.parted,
                softly=both.softly,
                differs=differences(left.walk, right.walk, nodes[-1].state, beside[-1].state),
                only_left=[name for name in here if name not in there],
                only_right=[name for name in there if name not in here],
                broken={"left": ours.moment.broken, "right": theirs.moment.broken},
            )

    def place(self, address: WorldAddress) -> Place:
        """Return a world with its model, bound now or kept from before. Raises UsageError."""
        names = (address.scenario, address.kernel, address.platform, *address.set.values())
        if max(map(len, (*names, *address.set))) > LONGEST_NAME:
            raise UsageError(f"world: expected names of at most {LONGEST_NAME} characters")
        full = WorldAddress(
            address.scenario or self.begin.scenario,
            address.kernel or self.begin.kernel,
            address.platform or self._own.name,
            dict(sorted(address.set.items())),
        )
        key = (full.scenario, full.kernel, full.platform, *full.set.items())
        with self._lock:
            if key not in self._places:
                self._places[key] = self._bound(full)
            self._places.move_to_end(key)
            while len(self._places) > MOST_WORLDS:
                self._places.popitem(last=False)
            self._forget()
            return self._places[key]

    def platform_argument(self, name: str) -> str | None:
        """Return what `check` calls a platform that was asked for by name. Raises UsageError."""
        if name in PRESETS:
            return name
        if name == self._own.name:
            return self.platform
        if name == THIS_MACHINE:
            return None
        raise unknown("platform", name, [self._own.name, *PRESETS])

    def _beside(self, left: Place, right: Place) -> Companion:
        """Return what follows one world in another; the last one is kept."""
        kept = self._companion
        if kept is None or kept.left is not left.walk or kept.right is not right.walk:
            kept = self._companion = Companion(left.walk, right.walk)
        return kept

    def _bound(self, full: WorldAddress) -> Place:
        shared = self._setting(full.kernel, self.platform_argument(full.platform), full.set)
        target, note = world(find_scenario(full.scenario), shared)
        if target is None:
            raise UsageError(note)
        name = full.platform if target.platform is shared.platform else target.platform.name
        walk = Walk(bound_system(target, self._patch))
        address = WorldAddress(full.scenario, full.kernel, name, full.set)
        return Place(address, target, walk, [*shared.notes, *([note] if note else [])])

    def _setting(self, kernel: str, platform: str | None, chosen: Mapping[str, str]) -> Setting:
        return setting(kernel, platform, chosen, self._added())

    def _added(self) -> tuple[Choice, ...]:
        return tuple(self._patch.choices) if self._patch else ()

    def _own_name(self, name: str) -> str:
        if self.platform is None:
            return name
        return name if name in PRESETS else Path(self.platform).name

    def _forget(self) -> None:
        if sum(each.trails.size for each in self._places.values()) > MOST_STATES:
            for each in self._places.values():
                each.trails.clear()


def _choice(choice: Choice) -> ChoiceNote:
    answers = {value_name(value): choice.answers[value] for value in choice.values}
    return ChoiceNote(choice.name, choice.question, choice.source, list(answers), answers)
