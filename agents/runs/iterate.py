"""What a learner yields after every outer iteration."""

from __future__ import annotations

from typing import NamedTuple

from mfg_envs.game import Array


class Iterate(NamedTuple):
    """A learner's state after an outer iteration; enough to go on from, bit for bit.

    With a sequence of E seeds every array has a leading axis E.

    Attributes:
        iteration: Outer iterations done, 1, 2, ...
        samples: Transitions of the game used so far (0 for exact learners).
        policy: Current policy, (T, S, A) or (S, A); over observed states for online learners.
        mean_field: Current estimate of the mean field (O,), or the flow (T, S).
        q: Action values, of the policy's shape.
        memory: What else the learner needs to go on, by name.
    """

    iteration: int
    samples: int
    policy: Array
    mean_field: Array
    q: Array
    memory: dict[str, Array]
