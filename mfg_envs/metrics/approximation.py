"""How exploitable a policy of a continuous game is, as far as a grid and simulated players tell.

The crowd that follows a policy is simulated, and frozen: its mean fields m_t.  A best response to
them is looked for on a grid (``grid_response``), and then *played* in the continuous game, beside
the policy, by players with the same first states and the same noise.  Three numbers come out:

* the **gain**: what the response earns more than the policy when both are played.  Nobody can gain
  less at best, so up to chance it is a lower bound of the exploitability against m_t, and its
  interval of confidence says what chance can do;
* the **estimate**: the grid's own value of the response minus the played value of the policy.  On
  fine grids it is near the exploitability, from above or from below; chance moves it as much as
  the value of the policy;
* the **value** of the policy, with its error.

What no interval covers is the crowd, which is that of finitely many players: its mean fields are
off by N^(-1/2) of theirs.  Where rewards are steep in the density, as a logarithm is where hardly
anybody is, this outweighs the rest: compare some seeds, or give ``mean_fields`` that are known.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mfg_envs.exact.discretise import GridPolicy
from mfg_envs.game import Array, ContinuousGame, as_int, check_range
from mfg_envs.game.horizons import decisions
from mfg_envs.metrics.response_on_grid import grid_response
from mfg_envs.numerics.estimates import interval, standard_error
from mfg_envs.numerics.memory import check_memory
from mfg_envs.simulate.batch import BatchEnv

POPULATIONS = 50
"""Groups into which players are split; their means give the error."""


class Gain(NamedTuple):
    """What a response earns more than a policy, both played against the same crowd.

    Attributes:
        mean: Mean gain of the simulated players.
        error: Its standard error.
        value: What the policy earns.
        value_error: Its standard error.
    """

    mean: float
    error: float
    value: float
    value_error: float

    @property
    def interval(self) -> tuple[float, float]:
        """Ends of the interval that holds the response's true gain with a confidence of 95 %."""
        return interval(self.mean, self.error, POPULATIONS)


class Approximation(NamedTuple):
    """What is known of an exploitability: a lower bound, an estimate, the response.

    Attributes:
        gain: What the response gains when it is played: the lower bound.
        estimate: What it gains by the grid's account: the estimate.
        response: The response.
        mean_fields: Of the crowd that follows the policy, (T, *mean_field_shape).
    """

    gain: Gain
    estimate: float
    response: GridPolicy
    mean_fields: Array


def approximate_exploitability(
    game: ContinuousGame,
    policy: Any,
    *,
    mean_fields: Array | None = None,
    num_states: int | None = None,
    num_actions: int | None = None,
    num_noise: int | None = None,
    num_players: int = 100_000,
    seed: int = 0,
) -> Approximation:
    """Estimate what a player gains at best by leaving ``policy`` when nobody else does.

    Args:
        game: A game with a horizon, one or two state components and bounded actions.
        policy: A ``GridPolicy``, a ``riccati.Affine``, or a function (t, states (B, N, d)) ->
            actions (B, N, k); one that draws at random must draw for every player.
        mean_fields: Of the crowd that follows it, (T, *mean_field_shape); None: simulated.
        num_states: Of the grid, see ``grid_response``.
        num_actions: Of the grid.
        num_noise: Of the grid.
        num_players: Players that are simulated, for the crowd and for each value; at least 100.
        seed: Whole number >= 0.  Crowd and values have random numbers of their own.
    """
    if mean_fields is None:
        mean_fields = simulated_flow(game, policy, num_players=num_players, seed=seed)
    value, response = grid_response(
        game, mean_fields, num_states=num_states, num_actions=num_actions, num_noise=num_noise
    )
    gain = simulated_gain(game, policy, response, mean_fields, num_players=num_players, seed=seed)
    return Approximation(gain, value - gain.value, response, mean_fields)


def simulated_flow(
    game: ContinuousGame, policy: Any, *, num_players: int = 100_000, seed: int = 0
) -> Array:
    """Return the mean fields met by many players who follow ``policy``, (T, *mean_field_shape)."""
    env = BatchEnv(game, 1, num_players, _block(seed))
    env.reset()
    return env.rollout(policy, decisions(game)).mean_field[:, 0]


def simulated_gain(
    game: ContinuousGame,
    policy: Any,
    response: Any,
    mean_fields: Array,
    *,
    num_players: int = 100_000,
    seed: int = 0,
) -> Gain:
    """Play a policy and a response against a frozen crowd, with common random numbers.

    Args:
        game: A game with a horizon, of any dimension.
        policy: See ``approximate_exploitability``.
        response: Likewise; a trained one, for instance.
        mean_fields: Of the crowd, (T, *mean_field_shape).
        num_players: Players for either, at least 100.
        seed: Of first states and noise, the same for both.

    Raises:
        ValueError: If an argument is out of its range or needs more memory than there is.
    """
    check_range("num_players", as_int("num_players", num_players), 2 * POPULATIONS)
    for played in (policy, response):
        if isinstance(played, GridPolicy):
            check_memory(num_players, 16 * played.grid.num_actions, "num_players")
    first = _block(seed) + 1
    weights = game.discount ** np.arange(decisions(game))
    env = BatchEnv(game, POPULATIONS, num_players // POPULATIONS, first, mode="mean_field")
    env.set_mean_field(mean_fields)
    values = []
    for played in (policy, response):
        env.reset(first)
        values.append(weights @ env.rollout(played, len(weights)).reward)
    (own, own_error), (gain, error) = (_mean(v) for v in (values[0], values[1] - values[0]))
    return Gain(gain, error, own, own_error)


def _block(seed: int) -> int:
    """Return the first of many seeds that no other seed has."""
    check_range("seed", as_int("seed", seed), 0)
    return seed << 32


def _mean(values: Array) -> tuple[float, float]:
    """Return the mean of independent values, and its standard error."""
    return float(values.mean()), float(standard_error(values))
