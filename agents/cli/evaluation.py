"""What ``mfg-envs evaluate`` measures of one policy; by the kind of its game.

=============  ====================================================================================
finite         exact exploitability and welfare of the mean field the policy makes; how far (total
               variation) that is from the mean field the learner saved; N real players
continuous     exploitability found on a grid and played (a lower bound and an estimate), value;
               N real players
team           the value for n locals, and what the k locals of the surrogate would earn
=============  ====================================================================================

N players begin by the game's first law.  The value beside theirs is that of infinitely many players
who begin so too, over as many steps; without a horizon, until a step weighs a thousandth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from mfg_envs import exact, metrics
from mfg_envs.exact import policies
from mfg_envs.game import Array, ContinuousGame, FiniteGame
from mfg_envs.metrics.distances import total_variation
from mfg_envs.numerics.estimates import standard_error
from mfg_envs.players.mixtures import Mixture
from mfg_envs.players.policy import Policy
from mfg_envs.simulate.acting import mixture
from mfg_envs.simulate.batch import BatchEnv
from mfg_envs.soundness.initial_laws import initial_law

from ..runs.iterate import Iterate
from ..runs.saved import SavedRun
from ..subsample.value import surrogate_value, team_value

TAIL = 1e-3
"""Weight of the step at which a game without a horizon is cut off."""
PLAYERS_AT_ONCE = 1 << 20
"""Most players that are simulated at once."""
SIMULATED = 20_000
"""Players by whom continuous policies are measured."""


class Played(NamedTuple):
    """What N players earn on average.

    Attributes:
        mean: Mean return of a player.
        error: Its standard error, over independent populations.
        value: What a player of infinitely many earns, or None: not known.
    """

    mean: float
    error: float
    value: float | None


class Measured(NamedTuple):
    """What is known of one policy.

    Attributes:
        numbers: Name -> number.
        players: Number of players -> what they earn.
    """

    numbers: dict[str, float]
    players: dict[int, Played]


def playable(saved: SavedRun, iterate: Iterate, seed: int = 0) -> Any:
    """Return the policy of an iterate as all players of its game can follow it.

    What the learner's ``policy(game, iterate, seed)`` gives; of others the table that an iterate
    of a finite game holds, over private states.

    Raises:
        ValueError: If an iterate holds something else.
    """
    game, learner = saved.game, saved.learner
    if callable(getattr(learner, "policy", None)):
        return learner.policy(game, iterate, seed)
    if game.kind == "finite" and iterate.policy.shape[-1:] == (game.num_actions,):
        return policies.policy_table(game, iterate.policy)
    raise ValueError(
        f"what {saved.learner_name} leaves in {saved.folder} is no one policy that all players of"
        f" {game.name} could follow: watch them, mfg-envs play {game.name} --policy {saved.folder}"
    )


def measure(
    saved: SavedRun, iterate: Iterate, num_agents: Sequence[int], num_episodes: int, seed: int
) -> Measured:
    """Measure the policy of an iterate."""
    game, policy = saved.game, playable(saved, iterate, seed)
    if game.kind == "team":
        numbers = {"value_of_the_surrogate": surrogate_value(game, iterate)}
        locals_ = {n: team_value(policy, n, num_envs=num_episodes, seed=seed) for n in num_agents}
        return Measured(numbers, {n: Played(v.mean, v.error, None) for n, v in locals_.items()})
    return measure_policy(game, policy, num_agents, num_episodes, seed, iterate.mean_field)


def measure_policy(
    game: FiniteGame | ContinuousGame,
    policy: Any,
    num_agents: Sequence[int],
    num_episodes: int,
    seed: int,
    mean_field: Array | None = None,
) -> Measured:
    """Measure a policy of a game, and how far its mean field is from one that is given."""
    if isinstance(game, ContinuousGame):
        numbers, value = _continuous(game, policy, seed)
    else:
        numbers, value = _finite(game, policy, mean_field)
        policy = _quick(game, policy)
    steps = num_steps(game)
    each = {n: _returns(game, policy, n, num_episodes, steps, seed) for n in num_agents}
    return Measured(numbers, {n: _mean(returns, value) for n, returns in each.items()})


def num_steps(game: Any) -> int:
    """Return the steps of an episode: the horizon, or until a step weighs a thousandth."""
    return game.horizon or math.ceil(math.log(TAIL) / math.log(game.discount))


def _finite(
    game: FiniteGame, policy: Any, mean_field: Array | None
) -> tuple[dict[str, float], float]:
    try:
        policy = policies.policy_table(game, policy)
    except RuntimeError as error:
        raise ValueError(f"what was learned has no exploitability: {error}") from error
    numbers = {
        "exploitability": exact.exploitability(game, policy),
        "welfare": metrics.welfare(game, policy),
    }
    law = exact.law_met(game, policy)
    for met in (game.crowd(law), law):
        if mean_field is not None and met.shape == mean_field.shape:
            axes = met.ndim - (game.horizon is not None)
            numbers["distance_of_the_mean_fields"] = float(
                np.max(total_variation(met, mean_field, axes))
            )
            break
    return numbers, value_from_the_start(game, policy)


def _quick(game: FiniteGame, policy: Any) -> Any:
    """Return the same policy, with tables for networks that do not look at the crowd."""
    parts = policy.parts if isinstance(policy, Mixture) else (policy,)
    if any(not isinstance(part, Policy) or part.reads_crowd for part in parts):
        return policy
    tables = [policies.tabulate(part, game) for part in parts]
    return mixture(game, tables, policy.weights) if len(parts) > 1 else tables[0]


def value_from_the_start(game: FiniteGame, policy: Array) -> float:
    """Return what infinitely many players earn who begin by the first law."""
    law, value = initial_law(game), 0.0
    for t in range(num_steps(game)):
        rule = policy if game.horizon is None else policy[t]
        earned = exact.rewards(game, t, exact.crowd(game, law, rule))
        value += game.discount**t * float((law[:, None] * rule * earned).sum())
        law = exact.push_forward(game, t, law, rule)
    return value


def _continuous(
    game: ContinuousGame, policy: Any, seed: int
) -> tuple[dict[str, float], float | None]:
    if game.horizon is None:
        return {}, None
    measured = metrics.approximate_exploitability(game, policy, num_players=SIMULATED, seed=seed)
    gain = measured.gain
    low, high = gain.interval
    return {
        "exploitability_at_least": gain.mean,
        "exploitability_at_least_low": low,
        "exploitability_at_least_high": high,
        "exploitability_estimate": measured.estimate,
        "value": gain.value,
    }, gain.value


def _returns(game: Any, policy: Any, N: int, B: int, T: int, seed: int) -> Array:
    """Return the mean return of the players of B populations, (B,)."""
    weights, returns = game.discount ** np.arange(T), []
    some = max(1, PLAYERS_AT_ONCE // N)
    for first in range(0, B, some):
        env = BatchEnv(game, min(some, B - first), N, seed + first)
        env.reset()
        returns.append(weights @ env.rollout(policy, T).reward)
    return np.concatenate(returns)


def _mean(returns: Array, value: float | None) -> Played:
    return Played(float(returns.mean()), float(standard_error(returns)), value)
