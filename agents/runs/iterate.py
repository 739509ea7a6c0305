"""What a learner yields after every outer iteration."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mfg_envs.game import Array


class Iterate(NamedTuple):
    """A learner's state after an outer iteration; enough to go on from, bit for bit.

    With a sequence of E seeds every array has a leading axis E.  Before the first iteration, what
    is not known yet is zero or empty.

    Attributes:
        iteration: Outer iterations done, 1, 2, ...; 0: it is where a learner begins.
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


def of_seed(iterate: Iterate, e: int) -> Iterate:
    """Return the iterate of one of E seeds."""
    memory = {name: part[e] for name, part in iterate.memory.items()}
    parts = (iterate.policy[e], iterate.mean_field[e], iterate.q[e])
    return Iterate(iterate.iteration, iterate.samples, *parts, memory)


def per_seed(iterate: Iterate) -> list[Iterate]:
    """Return the iterate of every seed."""
    return [of_seed(iterate, e) for e in range(len(iterate.policy))]


def with_axis(iterate: Iterate) -> Iterate:
    """Return the iterate of one seed as that of a sequence of one."""
    parts = {
        name: np.asarray(getattr(iterate, name))[None] for name in ("policy", "mean_field", "q")
    }
    memory = {name: np.asarray(part)[None] for name, part in iterate.memory.items()}
    return iterate._replace(**parts, memory=memory)
