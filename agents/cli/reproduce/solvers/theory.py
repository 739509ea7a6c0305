"""What theory promises of a solver on a game: bounds on its exploitability, derived beforehand.

``J_k`` is the law of state and action of everybody at iteration k, ``R(J)`` the rewards in its
mean field, A the number of actions, g the discount, ``H = 1 + g + g^2 + ...`` up to the horizon.

*Monotone games*, ``<J - J', R(J) - R(J')> <= 0``, with an end and moves that do not depend on the
crowd have exploitability ``E = max <B - J, R(J)>``.  Fictitious play adds ``B_k``, best against
``J_k``, to an average of n laws.  As ``(n + 1) (J_{k+1} - J_k) = B_k - J_k``, ::

    (n + 1) E_{k+1} - n E_k = (n + 1) <B_{k+1} - B_k, R(J_{k+1})>
                              + n (n + 1) <J_{k+1} - J_k, R(J_{k+1}) - R(J_k)>

where the last term is never positive: ``(n + 1) E_{k+1} <= n E_k + (n + 1) s_{k+1}``, s being what
the last answer loses in the crowd that it has moved.  In continuous time s = 0, and E = O(1/t), as
Perrin et al. show (arXiv 2007.03458).

*A crowd that does not matter* leaves one player's problem, with gaps ``V* - Q* >= 0`` and, for
ever, the exploitability ``<J, V* - Q*> / (1 - g)``, linear in J.  Mixing in best answers shrinks
the gap that is met.  Howard's improvement, damped by a step, shrinks ``e = max(V* - V)`` by ``1 -
step (1 - g)``.  A softmax loses at most ``temperature log A`` a decision, divided by the number of
priors that it has moved through.  Mirror descent: Agarwal et al. (JMLR 2021, theorem 16, with e
for the range of values); with entropy: Cen et al. (Operations Research 2022, theorem 1).

*One choice*: a share p goes left, p = 2/3 in equilibrium, ``E <= 3 |p - 2/3|``.  Steps ``s_k <= 2
s_{k+1}`` towards the better side keep p within ``2 s_k / 3``, once it has got there.  Mirror
descent and its like move ``logit(p)`` by a map of one number: it contracts if its slope does.

*Soft answers*: if values have moved by d since a softmax was taken, no decision loses more than
``temperature log A + 2 d``, so that ``E <= H (temperature log A + 2 d)`` in any game.  Munchausen:
``E <= regularised exploitability + H temperature log A``.  MF-OMO: from the objective, ``mfomo``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from mfg_envs import exact, policies
from mfg_envs.game import Array, FiniteGame
from mfg_envs.metrics.regularised import regularised_exploitability, soft_action_values

from ....runs.iterate import Iterate
from ....runs.learner import Learner
from ....runs.running import Metric
from ....solvers.fictitious_play import FictitiousPlay
from ....solvers.fixed_point_iteration import FixedPointIteration
from ....solvers.mfomo import MFOMO
from ....solvers.munchausen_omd import MunchausenOMD
from ....solvers.occupation import law_of, occupation
from ....solvers.online_mirror_descent import OnlineMirrorDescent
from ....solvers.policy_iteration import PolicyIteration
from ....solvers.prior_descent import PriorDescent

KINDS = {
    "alone": "the crowd does not matter",
    "mirrored": "the crowd never moves, by symmetry",
    "choice": "one choice, monotone",
    "monotone": "monotone, moves fixed, an end",
    "open": "no general bound",
}
"""What is known of a game."""


class Promise(NamedTuple):
    """A bound on the exploitability after every iteration, (K,), and where it comes from."""

    bound: Array
    reason: str


def metrics(kind: str, game: FiniteGame, learner: Learner) -> dict[str, Metric]:
    """Return what must be measured along a run for the promise."""
    if isinstance(learner, MFOMO) and game.horizon is not None:
        return {"left": lambda game, i: _from_objective(game, i, learner)}
    if kind == "alone" or not _heat(learner):
        monotone = kind == "monotone" and isinstance(learner, FictitiousPlay)
        return {"switch": _switch} if monotone else {}
    match learner:
        case MunchausenOMD():
            weight = _heat(learner)
            return {"left": lambda game, i: regularised_exploitability(game, i.policy, weight)}
        case PriorDescent(n_inner=None):
            return {"left": lambda game, i: _residual(game, i, best=True)}
        case PolicyIteration():
            return {"left": lambda game, i: _residual(game, i, best=False)}
    return {}


def promise(
    kind: str, game: FiniteGame, policy: Array, learner: Learner, seen: Mapping[str, Array]
) -> Promise | None:
    """Return what theory promises, or None.

    Args:
        kind: One of ``KINDS``.
        game: The game.
        policy: Where the learner starts.
        learner: The learner.
        seen: What ``metrics`` asked for, (K,) each.
    """
    k = np.arange(1, learner.iterations + 1)
    if isinstance(learner, MFOMO):
        reason = "scale (f3 / c3 + 2 sqrt(T f2 / c2))"
        return Promise(seen["left"], reason) if "left" in seen else None
    if kind == "alone" or (kind == "mirrored" and not _heat(learner)):
        return _alone(game, policy, learner, k)
    if kind == "choice" and (found := _choice(learner, k)) is not None:
        return found
    if "switch" in seen:
        first = exact.exploitability(game, policy)
        bound = (first + np.cumsum((k + 1) * seen["switch"])) / (k + 1)
        return Promise(bound, "(first + losses) / (k + 1)")
    if "left" in seen:
        heat, weight = _heat(learner), _weight(game)
        spread, factor = _log_actions(game), 2 * weight
        if isinstance(learner, MunchausenOMD):
            factor = 1.0
        elif isinstance(learner, PriorDescent):  # an action of small prior costs more than log A
            spread = -np.log(policy[..., game.legal_actions].min())
        bound = weight * heat * spread + factor * seen["left"]
        return Promise(bound, "H temperature log A + unsettled")
    return None


def pairing(game: FiniteGame, one: Array, two: Array) -> float:
    """Return ``<J - J', R(J) - R(J')>`` of two policies over its terms' absolute values, or 0.

    In [-1, 1]; never positive, rounding aside, in a monotone game.
    """
    joint = [occupation(game, policy) for policy in (one, two)]
    fields = [game.crowd(law_of(game, j)) for j in joint]
    discounts = np.ones(1)
    if game.horizon is None:
        paid = [exact.rewards(game, 0, m) for m in fields]
    else:
        discounts = game.discount ** np.arange(game.horizon)[:, None, None]
        paid = [np.array([exact.rewards(game, t, m[t]) for t in range(len(m))]) for m in fields]
    terms = discounts * (joint[0] - joint[1]) * (paid[0] - paid[1])
    return float(terms.sum() / (np.abs(terms).sum() or 1.0))


def _switch(game: FiniteGame, iterate: Iterate) -> float:
    """Return what the last best response has lost by moving the crowd."""
    law = law_of(game, iterate.memory["joint"])
    last = policies.greedy(iterate.q, game.legal_actions)
    return exact.value(game, law) - exact.value(game, law, last)


def _residual(game: FiniteGame, iterate: Iterate, best: bool) -> float:
    """Return how far the values have moved since the policy responded to them."""
    law = exact.law_met(game, iterate.policy)
    now = exact.action_values(game, law, None if best else iterate.policy)
    return float(np.abs(now - iterate.q)[..., game.legal_actions].max())


def _from_objective(game: FiniteGame, iterate: Iterate, learner: MFOMO) -> float:
    """Return how exploitable a policy is at most whose objective is so small; see ``mfomo``."""
    _, optimality, slackness = iterate.memory["objective"]
    steps = game.horizon or 1
    bound = slackness / learner.c3 + 2 * np.sqrt(steps * optimality / learner.c2)
    return float(iterate.memory["scale"] * bound)


def _heat(learner: Learner) -> float:
    """Return the temperature at which a learner responds; 0: greedily."""
    match learner:
        case PolicyIteration():
            return learner.temperature
        case PriorDescent():
            return learner.eta
        case MunchausenOMD():
            return (1 - learner.alpha) * learner.temperature
        case OnlineMirrorDescent():
            return 1 / learner.rate
    return 0.0


def _weight(game: FiniteGame) -> float:
    """Return the sum of the discounts."""
    if game.horizon is None:
        return 1 / (1 - game.discount)
    return float((game.discount ** np.arange(game.horizon)).sum())


def _log_actions(game: FiniteGame) -> float:
    return float(np.log(game.legal_actions.sum(-1).max()))


def _steps(step: float, decay: float, k: Array) -> Array:
    return np.minimum(1.0, step / k**decay)


def _alone(game: FiniteGame, policy: Array, learner: Learner, k: Array) -> Promise | None:
    """Return bounds for a game whose crowd stays as it is met first."""
    law, g, log_a = exact.law_met(game, policy), game.discount, _log_actions(game)
    q = exact.action_values(game, law)
    v = exact.state_values(game, q)
    far = (v - exact.state_values(game, exact.action_values(game, law, policy), policy)).max()
    met = _weight(game) * (policy * (v[..., None] - q)).sum(-1).max()
    match learner:
        case FixedPointIteration():
            left = np.cumprod(1 - _steps(learner.step, learner.decay, k))
            return Promise(left * met, "H gap (1 - step_1) ... (1 - step_k)")
        case FictitiousPlay():
            return Promise(exact.exploitability(game, policy) / (k + 1), "first / (k + 1)")
        case _ if game.horizon is not None:
            return None
        case PolicyIteration():
            cost = learner.temperature * log_a / (1 - g)
            shrink = 1 - _steps(learner.step, learner.decay, k) * (1 - g)
            crowd = _steps(learner.crowd_step, learner.crowd_decay, k)
            return Promise(_improved(far, shrink, cost, crowd), "Howard: discount^k, damped alike")
        case OnlineMirrorDescent():
            bound = (log_a / learner.rate + far) / ((1 - g) * k)
            return Promise(bound, "(log A / rate + e) / ((1 - g) k)")
        case MunchausenOMD():
            return _entropic(game, law, policy, learner, k)
        case PriorDescent():
            moved = 1 + (k - 1) // (learner.n_inner or learner.iterations)
            bound = learner.eta * log_a / ((1 - g) * moved)
            return Promise(bound, "H eta log A / priors so far")
    return None


def _improved(far: float, shrink: Array, cost: float, crowd: Array) -> Array:
    """Return how far from best the average of improving policies is after each, (K,)."""
    bounds, mean = np.empty(shrink.size), far
    for i, (factor, step) in enumerate(zip(shrink, crowd, strict=True)):
        far = factor * far + cost
        mean += step * (far - mean)
        bounds[i] = mean
    return bounds


def _entropic(
    game: FiniteGame, law: Array, policy: Array, learner: MunchausenOMD, k: Array
) -> Promise:
    """Return the linear rate of mirror descent with entropy, and what entropy costs in the end."""
    weight, g = _heat(learner), game.discount
    best, first = (soft_action_values(game, law, weight, p) for p in (None, policy))
    rule = policies.softmax(best, game.legal_actions, inverse_temperature=1 / weight)
    legal = game.legal_actions
    apart = np.abs(np.log(rule[legal]) - np.log(policy[legal])).max()
    scale = np.abs(best - first).max() + 2 * weight * learner.alpha * apart
    rate = learner.alpha + (1 - learner.alpha) * g
    bound = 3 * scale * rate ** (k - 1) + weight * _log_actions(game) / (1 - g)
    return Promise(bound, "C rate^k + H temperature log A")


def _choice(learner: Learner, k: Array) -> Promise | None:
    """Return bounds for ``left_right`` with its costs 1 and 2, from even shares."""
    match learner:
        case FixedPointIteration() | PolicyIteration(temperature=0, crowd_step=1, crowd_decay=0):
            return _stepwise(_steps(learner.step, learner.decay, k))
        case PolicyIteration(temperature=0, step=1, decay=0):
            return _stepwise(_steps(learner.crowd_step, learner.crowd_decay, k))
        case FictitiousPlay():
            return _stepwise(1 / (k + 1))
        case OnlineMirrorDescent():
            return _contraction(1.0, learner.rate, k)
        case MunchausenOMD():
            return _contraction(learner.alpha, 1 / learner.temperature, k)
        case PriorDescent(n_inner=None | 1):
            return _contraction(float(learner.n_inner == 1), 1 / learner.eta, k)
    return None


def _stepwise(steps: Array) -> Promise:
    """Return the bound for a share that moves by these steps towards the better side."""
    coming = np.cumprod(1 - steps) > 2 / 3  # still less than 2/3 on the left: E falls from 1/4
    bound = np.where(coming, np.maximum(2 * steps, 0.25), 2 * steps)
    return Promise(bound, "twice the step")


def _contraction(kept: float, gain: float, k: Array) -> Promise | None:
    """Return the bound for ``l <- kept l + gain (2 - 3 sigmoid(l))`` from 0, if it contracts."""

    def share(logit: float) -> float:
        return 1 / (1 + np.exp(-logit))

    end = _root(lambda logit: (kept - 1) * logit + gain * (2 - 3 * share(logit)))
    # As far as [0, 2 end] is from the end, from which nobody who starts at 0 can get away.
    slopes = [kept - 3 * gain * share(logit) * (1 - share(logit)) for logit in (0.0, 2 * end)]
    factor, p = max(map(abs, slopes)), share(end)
    if factor >= 1:
        return None
    rest = (2 - 3 * p) * (1 - p) if p < 2 / 3 else (3 * p - 2) * p
    # There E changes by at most 4 |dp|, and p by at most 1/4 of the logit.
    return Promise(rest + factor**k * end, "the logit contracts")


def _root(function: Callable[[float], float]) -> float:
    """Return the root of a falling function in [0, 1], by bisection."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) > 0 else (low, middle)
    return low
