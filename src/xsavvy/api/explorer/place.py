# SPDX-License-Identifier: Apache-2.0
"""One world that is explored: its model, the paths walked in it, and what is said about a moment."""

from collections.abc import Iterator, Sequence

from xsavvy.api.checking import answers_of
from xsavvy.api.story import field_notes
from xsavvy.api.walking import Moment, Walk
from xsavvy.checker import CheckerError
from xsavvy.checker.record import State
from xsavvy.model.build import World, resolve
from xsavvy.model.choices import Choice, value_name
from xsavvy.model.registry import questions

from .address import WorldAddress
from .explored import PossibleMove, Sentence, Stop, WalkAnswer, WorldAnswer
from .trail import Node, Trails

__all__ = ["UNTIL", "Place"]

UNTIL = ("guest", "event", "property")
"""How far the host runs: until it waits for something, something new can come, or a property turns."""


class Place:
    """A world that was asked for: its model, and the paths walked in it."""

    def __init__(self, address: WorldAddress, target: World, walk: Walk, notes: list[str]) -> None:
        self.address = address
        self.target = target
        self.walk = walk
        self.notes = notes
        self.trails = Trails(walk)
        self.digest = walk.digest
        self._start: Moment | None = None

    @property
    def start(self) -> Moment:
        """The moment in which everything begins."""
        if self._start is None:
            self._start = self.walk.moment(self.walk.start)
        return self._start

    def described(self, added: Sequence[Choice]) -> WorldAnswer:
        """Describe the world; `added` are the choices that a patch brings along."""
        target, program = self.target, self.walk.system.program
        asked = {each.name for each in questions(target.scenario)}
        usual = resolve(target.kernel, {})
        brought = {each.name: value_name(each.values(target.extra[each.name])) for each in added}
        return WorldAnswer(
            scenario=target.scenario.name,
            question=target.scenario.question,
            leaves_out=target.scenario.leaves_out,
            kernel=target.kernel.name,
            platform=self.address.platform,
            platform_title=target.platform.title,
            choices={**answers_of(target), **brought},
            usual={name: value_name(each) for name, each in usual.items() if name in asked},
            set=self.address.set,
            notes=self.notes,
            digest=self.digest,
            fields=field_notes(self.walk.system),
            properties=[
                Sentence(each.name, each.sentence, each.source) for each in program.properties
            ],
            witnesses=[Sentence(each.name, each.sentence) for each in program.witnesses],
        )

    def answer(
        self,
        nodes: Sequence[Node],
        stopped: Stop | None,
        *,
        digest: str = "",
        since: int = 0,
        why: str = "",
    ) -> WalkAnswer:
        """Describe a path that was walked."""
        walk, end = self.walk, nodes[-1].state
        since = max(0, min(since, len(nodes) - 1))
        steps = list(zip(nodes[since:], nodes[since + 1 :], strict=False))
        try:
            moves = list(self._moves(end))
        except CheckerError as error:
            moves, stopped = [], stopped or Stop(len(nodes) - 1, str(error))
        return WalkAnswer(
            digest=self.digest,
            same_model=not digest or digest == self.digest,
            path=[node.rule for node in nodes[1:]],
            stopped=stopped,
            since=since,
            start=self.start,
            steps=[new.taken for _, new in steps if new.taken is not None],
            standing=[
                [b for a, b in zip(old.standing, new.standing, strict=True) if a != b]
                for old, new in steps
            ],
            moment=walk.moment(end),
            moves=moves,
            host=next((move.rule for move in moves if not move.event), None),
            why=why,
        )

    def run(self, nodes: list[Node], until: str, limit: int) -> str:
        """Add the host's own steps to a path, until one of UNTIL or `limit`; say what ended them."""
        walk, began = self.walk, nodes[-1].state
        seen = {began}
        ahead = self._events(began) if until == "event" else set()
        broken = walk.broken(began)
        for _ in range(limit):
            step = walk.next_step(nodes[-1].state)
            if step is None:
                return "the host has no step of its own: something else has to happen"
            rule, state = step
            nodes.append(self.trails.add(nodes[-1], rule, state))
            if until == "event" and not self._events(state) <= ahead:
                return "something can happen here that could not before"
            if until == "property" and walk.broken(state) != broken:
                return "a property turned"
            if state in seen:
                return "the host goes in circles until something happens"
            seen.add(state)
        return f"{limit} steps were taken"

    def _moves(self, state: State) -> Iterator[PossibleMove]:
        before = self.walk.broken(state)
        for rule, new in self.walk.possible(state):
            move = self.walk.move(state, rule)
            breaks = [name for name in self.walk.broken(new) if name not in before]
            known = {name: getattr(move, name) for name in move.__struct_fields__}
            yield PossibleMove(**known, breaks=breaks)

    def _events(self, state: State) -> set[int]:
        return {rule.index for rule, _ in self.walk.possible(state) if rule.is_event}
