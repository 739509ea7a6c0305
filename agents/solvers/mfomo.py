"""MF-OMO: an equilibrium as the minimum, zero, of one function of occupation measures and values.

Guo, Hu, Zhang, "MF-OMO: An Optimization Formulation of Mean-Field Games" (SIAM J. Control Optim.
62, 2024, arXiv 2206.09608).  Let L_t(x, a) be the law of state and action, r and P rewards and
moves in its mean field, and v_t(x) values, ``v_T = 0`` (v is their y, up to signs)::

    before_t(y) = sum_{x,a} L_{t-1}(x, a) P_{t-1}(y | x, a),   before_0 = initial_law
    e_t(x, a)   = (v_t(x) - r_t(x, a) - g (P_t v_{t+1})(x, a)) / scale,   over legal actions
    f(L, v, z)  = c1 sum_t |sum_a L_t - before_t|^2 + c2 |e - z|^2 + c3 <z, L>,   z >= 0

In a fixed mean field, L and v are primal and dual variables of the linear program of one player,
and ``<z, L> = 0`` is complementary slackness.  So **f = 0 if and only if L is an equilibrium**: if
f is 0, L is the flow of its policy, and ``v_t >= r_t + g P_t v_{t+1}`` bounds what anybody can
earn, with equality wherever L has mass; in an equilibrium, ``v = V*`` and ``scale z = V* - Q*``
make f 0.

How far from an equilibrium is a policy whose flow is L?  It earns ``<mu_0, v_0> - scale sum_t g^t
<e_t, L_t>``, nobody earns more than ``<mu_0, v_0> + scale sum_t g^t max(-e_t)``, and ``-e <= |e -
z|``.  With the three terms f1 = 0, f2 and f3, in any game, ::

    exploitability <= scale (f3 / c3 + 2 sqrt(T f2 / c2))

A game for ever has one L, one v: ``before = sum L P`` makes L stationary, ``e = (v - r - g P v) /
scale`` makes v optimal.  The same argument in the mean over the stationary law mu gives, if f1 = 0,
``<mu, V* - V^policy> <= scale (f3 / c3 + 2 sqrt(f2 / c2)) / (1 - g)``.  Where a policy has several
stationary laws (moves that depend on the crowd; chains that fall apart), f does not know which of
them is reached from ``initial_law``.

How the minimum is sought:

* For given L and v, z is best at ``max(e - c3 L / 2 c2, 0)``: it is eliminated, and the derivatives
  of f by L and v are the partial ones.  v needs no bounds: f rises with it where anybody can come.
* With an end, L is the flow of a softmax policy: f1 = 0, and the adjoint equation yields the
  derivatives.  For ever, and with ``free=True``, L is a softmax over all pairs, and ``|u|^2`` in f1
  stands for ``sum u^2 / (sum_a L + before)`` (at least half of the squared L1 norm).  Plain squares
  do not see that a place has 1e-12 instead of 1e-3 of the mass; rewards ``-log m`` do.
* Steps of v are taken in what a time adds, ``v_t = omega_t + g <mu_{t+1}, v_{t+1}>``: late values
  lift all earlier ones at once, instead of step by step.
* Adam, with a memory of ten steps since the derivatives fall along with f, and with rates that fall
  like a cosine.

f is not convex, and descent may end in a local minimum, f > 0; if it is f2 that stays, a larger c2
may help.  Of several equilibria it finds one into whose valley the start leads; ``start`` may be an
iterate of any learner.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mfg_envs import exact
from mfg_envs.exact import policies
from mfg_envs.game import Array, Count, FiniteGame, Positive
from mfg_envs.game.kinds import check_kind
from mfg_envs.numerics.memory import check_memory

from ..runs.iterate import Iterate
from ..runs.remembered import Remembered
from .exact_solver import ExactSolver
from .mfomo_objective import Point, Weights, by_increments, evaluate, from_increments
from .occupation import law_of, occupation

KEPT, TINY = 0.9, 1e-12
"""Adam's: what is kept of the means of slopes and of their squares, and the least root."""
LEAST = 1e-8
"""Least probability of an action, or mass of a pair, in the start."""
EVEN = 1e-9
"""Loss, as a share of the largest value, that is rounding: then values are the unit."""
BYTES = 200
"""Of a pair at one time: logits, Adam's means, slopes, values and what is computed with them."""


Variables = dict[str, Array]
"""The iterate's memory: logits, values, Adam's means; tables are [t, a, s]."""


class Objective(NamedTuple):
    """f of a game.

    Attributes:
        game: The game.
        at: Variables -> their policy, its L, both (T, S, A), and f with its derivatives.
    """

    game: FiniteGame
    at: Remembered[tuple[Array, Array, Point]]


@dataclass(frozen=True, kw_only=True)
class MFOMO(ExactSolver):
    """Minimise the MF-OMO objective by Adam.

    Attributes:
        iterations: Steps; the rates fall to zero on the way.
        c1: Weight of the consistency of L, where L is free.
        c2: Weight of the optimality of v.
        c3: Weight of complementary slackness.
        rate: Rate of the logits.
        value_rate: Rate of the values, in units of the most that an action loses in the mean field
            of the start (``scale``).
        free: With an end, too, let L leave the flow of its policy, as in the paper.
    """

    iterations: Count = 1000
    c1: Positive = 30.0
    c2: Positive = 10.0
    c3: Positive = 1.0
    rate: Positive = 0.1
    value_rate: Positive = 0.02
    free: bool = False

    def prepare(self, source: FiniteGame, seed: int) -> Objective:
        """Return the objective of a game.

        Raises:
            TypeError: If it is no finite game.
            ValueError: If the game is too large, or its mean field does not count players.
        """
        check_kind(source, "finite")
        pairs = (source.horizon or 1) * source.num_states * source.num_actions
        check_memory(pairs, BYTES, "horizon * num_states * num_actions")
        if type(source).crowd is not FiniteGame.crowd:
            raise ValueError(
                f"MFOMO needs a mean field that counts players, {type(source).__name__} has another"
                " one: use OnlineMirrorDescent or FictitiousPlay"
            )
        return Objective(source, Remembered(lambda memory: self._evaluate(source, memory)))

    def begin(self, objective: Objective) -> Iterate:
        """Return the flow of the uniform policy, and the best values there."""
        first = self._first(objective.game, policies.uniform(objective.game))
        return self._iterate(objective, 0, first)

    def resume(self, objective: Objective, start: Iterate) -> Iterate:
        """Return the iterate to go on from; another learner's policy is where to begin."""
        if "values_squares" in start.memory:
            return start
        return self._iterate(objective, 0, self._first(objective.game, start.policy))

    def improve(self, objective: Objective, last: Iterate) -> Iterate:
        """Return the policy of L after one more step.

        The iterate's ``mean_field`` is that of L, its ``q`` what v implies,
        ``memory["objective"]`` the three terms of f; tables in memory are [t, a, s].
        """
        _, joint, point = objective.at(last.memory)
        k = last.iteration + 1
        after = self._step(objective.game, k, last.memory, joint, point)
        return self._iterate(objective, k, after)

    def _iterate(self, objective: Objective, k: int, memory: Variables) -> Iterate:
        """Return the k-th iterate, and note the terms of f in its memory."""
        policy, joint, point = objective.at(memory)
        memory["objective"] = point.parts
        m = objective.game.crowd(law_of(objective.game, joint))
        clock = 0 if objective.game.horizon is None else slice(None)
        return Iterate(k, 0, policy[clock], m[clock], point.q[clock], memory)

    def _flows(self, game: FiniteGame) -> bool:
        """Return whether L is kept the flow of its policy."""
        return game.horizon is not None and not self.free

    def _first(self, game: FiniteGame, policy: Array) -> Variables:
        """Return the variables in the mean field of a policy; Adam's means are zero."""
        policy = policies.policy_table(game, policy)
        joint = occupation(game, policy)
        q = exact.action_values(game, law_of(game, joint))
        v = exact.state_values(game, q)
        lost, largest = np.where(game.legal_actions, v[..., None] - q, 0).max(), np.abs(v).max()
        scale = lost if lost > EVEN * largest else largest or 1.0
        logits = np.log(np.maximum(policy if self._flows(game) else joint, LEAST))
        endless = (1,) if game.horizon is None else ()
        logits = np.ascontiguousarray(logits.reshape(*endless, *q.shape).swapaxes(1, 2))
        memory = {"logits": logits, "values": v.reshape(*endless, *v.shape)}
        for name in ("logits", "values"):
            for kind in ("slopes", "squares"):
                memory[f"{name}_{kind}"] = np.zeros(memory[name].shape)
        return {**memory, "scale": np.array(scale)}

    def _evaluate(self, game: FiniteGame, memory: Variables) -> tuple[Array, Array, Point]:
        """Return the policy, its L, both (T, S, A), and f with its derivatives."""
        units = Weights(self.c1, self.c2, self.c3, float(memory["scale"]))
        logits = np.where(game.legal_actions.T, memory["logits"], -np.inf)
        policy = _softmax(logits, 1).swapaxes(1, 2)
        if self._flows(game):
            joint = occupation(game, policy)
            return policy, joint, evaluate(game, joint, policy, memory["values"], units)
        joint = _softmax(logits, (1, 2)).swapaxes(1, 2)
        return policy, joint, evaluate(game, joint, None, memory["values"], units)

    def _step(
        self, game: FiniteGame, k: int, memory: Variables, joint: Array, point: Point
    ) -> Variables:
        """Return the variables after one step of Adam."""
        slope, law, scale = joint * point.slope, joint.sum(-1), float(memory["scale"])
        mean = point.pressure[..., None] if self._flows(game) else slope.sum((1, 2), keepdims=True)
        lifted = by_increments(game, law, scale * point.value_slope)
        fading = 0.5 * (1 + math.cos(math.pi * (k - 1) / self.iterations))
        step, after = {}, {"scale": memory["scale"]}
        for name, now in (("logits", (slope - joint * mean).swapaxes(1, 2)), ("values", lifted)):
            slopes = KEPT * memory[f"{name}_slopes"] + (1 - KEPT) * now
            squares = KEPT * memory[f"{name}_squares"] + (1 - KEPT) * now * now
            after |= {f"{name}_slopes": slopes, f"{name}_squares": squares}
            certain = 1 - KEPT**k
            step[name] = fading * slopes / certain / (np.sqrt(squares / certain) + TINY)
        raised = self.value_rate * scale * from_increments(game, law, step["values"])
        after["logits"] = np.ascontiguousarray(memory["logits"] - self.rate * step["logits"])
        after["values"] = memory["values"] - raised
        return after


def _softmax(logits: Array, axis: int | tuple[int, int]) -> Array:
    weights = np.exp(logits - logits.max(axis, keepdims=True))
    return weights / weights.sum(axis, keepdims=True)
