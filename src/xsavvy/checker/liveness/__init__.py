# SPDX-License-Identifier: Apache-2.0
"""What must happen sooner or later: eventualities, judged over every fair run.

A *run* starts in a start state and goes on from transition to transition. It is *fair* if

* a step that is enabled infinitely often in it is taken infinitely often (strong fairness, for
  each step of each actor), and the same holds for each event that is declared `fair`, where the
  instances of an event (its chosen values, the actors that it interrupts) count as one;
* it goes on for ever, or ends in a state where no step and no fair event is enabled. Other
  events never have to happen: the environment may fall silent in any state.

Why strong, and why for each step: interrupts disable the step of whom they interrupt, so under
weak fairness, which obliges only what stays enabled, a storm of them would starve everybody;
and where an event sends an actor back to an earlier step, fairness to the actor alone would let
it come every time at the same place. So the environment may come between as often as it likes,
but not for ever before the same step. What this hides is a livelock that needs such a storm.

An *eventuality* asks that every fair run, from each of its states in which `when` is true, is
then or later in a state in which `goal` is true. A run that ends without the goal violates it,
whether nothing is enabled in its last state (a deadlock) or only events that need not happen.
A state in which the program is `terminal` asks for nothing: the model ends there by intention,
and whether it should ever get there is a property's question.

A violation is a *lasso*: a shortest stem to a loop that is fair and never meets the goal, or to
a state where the run ends. Read `reference.py` first, which is this text in code; `graph.py`
explores by the model's own functions. `quick.py` and `component.py` are the same for large
models, `lasso.py` finds the loop and `proof.py` proves it on the model's own functions.
"""

from xsavvy.checker.liveness.judge import Runs, incomplete, liveness

__all__ = ["Runs", "incomplete", "liveness"]
