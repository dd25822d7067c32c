# SPDX-License-Identifier: Apache-2.0
"""One run through a bound model: at each moment the host's next step, or the program's next line."""

from collections.abc import Mapping

import msgspec

from xsavvy.checker import System
from xsavvy.checker.record import State
from xsavvy.checker.rule import Rule
from xsavvy.checker.trace import shown, values
from xsavvy.isa.components import COMPONENTS
from xsavvy.model.programs import GuestProgram, Statement

from .usage import UsageError, nearest
from .walking import Walk

__all__ = ["RunStep", "Runner", "number_of"]

MOST_STEPS = 5000
"""Steps of the host between two lines, after which a line is not going to be possible."""

MOST_SHOWN = 20_000
"""Steps that a run keeps."""


class RunStep(msgspec.Struct, frozen=True):
    """One step: whose, in which context, why, and what it touched: the fields that changed, [old, new].

    `line` is the program's line that it belongs to (0: what follows the last one). `violated` names the properties
    that were true before it and are not after it.
    """

    line: int
    actor: str
    step: str
    context: list[str]
    summary: str
    source: str
    arguments: dict[str, str]
    changes: dict[str, tuple[str, str]]
    violated: list[str]
    inferred: bool = False
    code: str = ""


def number_of(text: str, show: object, small: range) -> int | None:
    """Read a value: a number, component names joined by |, or a name as traces show it; None if it is none of these.

    `show` gives the names of the numbers in `small`.

    >>> number_of("x87|sse|avx", str, range(0)), number_of("0x207", str, range(0))
    (7, 519)
    """
    try:
        return int(text, 0)
    except ValueError:
        pass
    bits = {each.name.lower(): 1 << each.index for each in COMPONENTS}
    words = [word.strip().lower() for word in text.split("|")]
    if all(word in bits for word in words):
        return sum({bits[word] for word in words})
    assert callable(show)
    for number in small:
        try:
            if show(number) == text.lower():
                return number
        except (ValueError, IndexError):
            continue
    return None


class Runner:
    """A run under way: the state, and what has been shown of it."""

    def __init__(self, system: System, text: GuestProgram) -> None:
        self.walk = Walk(system)
        self.system = system
        self.text = text
        self.state = self.walk.start
        self.steps: list[RunStep] = []
        self.path: list[int] = []
        self.unmet: list[str] = []
        self.foreseen: set[str] = set()
        self.line = 0
        self.labels = {label: place for place, label in self.walk.labels.items()}

    def take(self, statement: Statement) -> None:
        """Do one line. Raises UsageError if it is not going to be possible."""
        self.line = statement.line
        if statement.kind == "expect":
            self._expect(statement)
        elif statement.kind == "violates":
            self._violates(statement)
        elif statement.kind == "repeat":
            self.repeat(statement)
        elif statement.kind == "until":
            self._go(statement, [], self._place(statement, statement.name))
        else:
            place = self._place(statement, statement.at) if statement.at else None
            self._go(statement, self._rules(statement), place)

    def repeat(self, statement: Statement) -> None:
        """Do the lines below a `repeat` as often as it says. Raises UsageError if that is too much to show."""
        for _ in range(int(statement.value)):
            for each in statement.body:
                self.take(each)
            if len(self.steps) > MOST_SHOWN:
                raise UsageError(
                    f"{self.text.name}:{statement.line}: more than {MOST_SHOWN} steps; "
                    "'xsavvy cost' counts what 'xsavvy run' cannot show"
                )

    def settle(self) -> None:
        """Let the host finish what it does, until the guest runs again or the VMM has the word."""
        self.line = 0
        for _ in range(MOST_STEPS):
            step = self._next_step()
            if step is None or step[0].name == "vmm.ioctl_KVM_RUN":
                return
            self._apply(*step)

    def violated(self) -> list[str]:
        """Name the properties that broke on the way, in that order."""
        return list(dict.fromkeys(name for step in self.steps for name in step.violated))

    def _go(self, statement: Statement, rules: list[Rule], place: tuple[str, int] | None) -> None:
        seen: set[State] = set()
        while len(seen) < MOST_STEPS and self.state not in seen:
            seen.add(self.state)
            if place is None or self._at(place):
                if not rules:
                    return
                for rule in rules:
                    new = self.walk.after(self.state, rule)
                    if new is not None:
                        self._apply(rule, new)
                        return
            step = self._next_step()
            if step is None:
                break
            self._apply(*step)
        raise UsageError(
            f"{self.text.name}:{statement.line}: {statement.text!r} does not become possible: {self._where()}"
        )

    def _where(self) -> str:
        standing = [
            f"{name} at {label}"
            for label, (name, number) in self.labels.items()
            if self._location(name) == number and label != "rest"
        ]
        return ", ".join(standing)

    def _at(self, place: tuple[str, int]) -> bool:
        return self._location(place[0]) == place[1]

    def _location(self, actor: str) -> int:
        return self.walk.location(self.state, actor)

    def _next_step(self) -> tuple[Rule, State] | None:
        return self.walk.next_step(self.state)

    def _apply(self, rule: Rule, new: State) -> None:
        taken = self.walk.taken(self.state, rule, new)
        self.state = new
        self.path.append(rule.index)
        move = taken.move
        self.steps.append(
            RunStep(
                line=self.line,
                actor=move.actor,
                step=move.step,
                context=move.context,
                summary=move.summary,
                source=move.source,
                arguments=move.arguments,
                changes=taken.changes,
                violated=sorted(taken.breaks),
                inferred=move.inferred,
                code=move.code,
            )
        )

    def _expect(self, statement: Statement) -> None:
        seen = values(self.system, self.state)
        if statement.name not in seen:
            hint = nearest(statement.name, seen)
            raise UsageError(
                f"{self.text.name}:{statement.line}: no field {statement.name!r}; {hint}"
            )
        at = self.walk.slots[statement.name]
        kind = self.system.shape.slots[at].kind
        wanted = number_of(statement.value, kind.show, range(64))
        if seen[statement.name] != statement.value and wanted != self.state[at]:
            self.unmet.append(
                f"line {statement.line}: expected {statement.name} = {statement.value}, it is {seen[statement.name]}"
            )

    def _violates(self, statement: Statement) -> None:
        names = [each.name for each in self.system.program.properties]
        if statement.name not in names:
            hint = nearest(statement.name, names)
            raise UsageError(
                f"{self.text.name}:{statement.line}: no property {statement.name!r}; {hint}"
            )
        self.foreseen.add(statement.name)
        for _ in range(MOST_STEPS):
            step = self._next_step()
            if statement.name in self.violated() or step is None:
                break
            self._apply(*step)
        if statement.name not in self.violated():
            self.unmet.append(f"line {statement.line}: {statement.name} is not violated")

    def _place(self, statement: Statement, label: str) -> tuple[str, int]:
        if label not in self.labels:
            hint = nearest(label, self.labels)
            raise UsageError(f"{self.text.name}:{statement.line}: no place {label!r}; {hint}")
        return self.labels[label]

    def _rules(self, statement: Statement) -> list[Rule]:
        """Return the instances of the event that a line means. Raises UsageError."""
        where = f"{self.text.name}:{statement.line}"
        events = {rule.name.lower(): rule.name for rule in self.system.rules if rule.is_event}
        name = events.get(statement.name.lower())
        if name is None:
            raise UsageError(
                f"{where}: no event {statement.name!r}; {nearest(statement.name, events.values())}"
            )
        rules = [rule for rule in self.system.rules if rule.is_event and rule.name == name]
        wanted = dict(statement.arguments)
        if statement.value:
            names = [each for each, _ in rules[0].arguments]
            if len(names) != 1:
                raise UsageError(
                    f"{where}: {name} takes {', '.join(names) or 'no value'}: NAME (x=..., y=...)"
                )
            wanted[names[0]] = statement.value
        fitting = [rule for rule in rules if _fits(rule, wanted)]
        if not fitting:
            known = dict.fromkeys(_spelled(rule) for rule in rules)
            raise UsageError(f"{where}: {statement.text!r}: expected one of: {'; '.join(known)}")
        return fitting


def _spelled(rule: Rule) -> str:
    return ", ".join(f"{name}={shown(value)}" for name, value in rule.arguments) or "no value"


def _fits(rule: Rule, wanted: Mapping[str, str]) -> bool:
    have = dict(rule.arguments)
    return set(wanted) <= set(have) and all(
        shown(have[name]) == text.lower() or number_of(text, shown, range(0)) == have[name]
        for name, text in wanted.items()
    )
