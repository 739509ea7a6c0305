"""Sampled teams follow their laws and earn the exact values."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from toys import TeamGarnet

from mfg_envs import TeamBatchEnv, make_game
from mfg_envs.exact import team_tables
from mfg_envs.games.teams.dispatcher import Dispatcher
from mfg_envs.games.teams.gaussian_squeeze import GaussianSqueeze

SMALL = {
    "dispatcher": Dispatcher(num_zones=3, discount=0.9),
    "follow_the_leader": make_game("follow_the_leader"),
    "gaussian_squeeze": GaussianSqueeze(num_levels=3),
    "garnet": TeamGarnet(),
    "crowded garnet": TeamGarnet(crowding=2.0),
}


def rules(game, seed=0):
    """Return random rules: (S_g, A_g) of the global agent and (S, S_g, A) of the locals."""
    rng = np.random.default_rng(seed)
    S_g, S = game.num_global_states, game.num_local_states
    return (
        rng.dirichlet(np.ones(game.num_global_actions), S_g),
        rng.dirichlet(np.ones(game.num_local_actions), (S, S_g)),
    )


def drawn(law, rng):
    """Draw one action from each row of a law (*shape, A)."""
    u = rng.random((*law.shape[:-1], 1))
    return np.minimum((u >= law.cumsum(-1)).sum(-1), law.shape[-1] - 1)


def exact_return(game, globally, locally):
    """Value of rules for a team with two locals, by the law of everybody together."""
    S_g, S = game.num_global_states, game.num_local_states
    A_g, A = game.num_global_actions, game.num_local_actions
    tables = team_tables.tables(game)
    P, p_g, r_l = tables.local_law, tables.global_law, tables.local_reward
    states = list(product(range(S_g), range(S), range(S)))
    move, earned = np.zeros((len(states),) * 2), np.zeros(len(states))
    for row, (x_g, x, y) in enumerate(states):
        for a_g, a, b in product(range(A_g), range(A), range(A)):
            chance = globally[x_g, a_g] * locally[x, x_g, a] * locally[y, x_g, b]
            m = game.mean_field(np.array([[x, y]]), np.array([[a, b]]))
            r_g = game.reward_global(np.array([x_g]), np.array([a_g]), m)[0]
            earned[row] += chance * (r_g + (r_l[x, x_g, a] + r_l[y, x_g, b]) / 2)
            pairs = np.outer(P[x, x_g, a], P[y, x_g, b])
            for column, (z_g, z, w) in enumerate(states):
                if p_g is None:
                    both = game.mean_field(np.array([[z, w]]))
                    share = float(z_g == game.global_from_locals(both)[0])
                else:
                    share = p_g[x_g, a_g, z_g]
                move[row, column] += chance * share * pairs[z, w]
    value = np.linalg.solve(np.eye(len(states)) - game.discount * move, earned)
    law, total = game.initial_local_law, 0.0
    for row, (x_g, x, y) in enumerate(states):
        first = game.initial_global_law[x_g]
        if p_g is None:
            first = x_g == game.global_from_locals(game.mean_field(np.array([[x, y]])))[0]
        total += first * law[x] * law[y] * value[row]
    return total


@pytest.mark.parametrize("name", SMALL)
def test_returns_have_the_exact_mean(name):
    game, num_envs, horizon = SMALL[name], 4000, 120
    globally, locally = rules(game)
    env, rng = TeamBatchEnv(game, num_envs, 2, seed=3), np.random.default_rng(4)
    step, total = env.reset(), np.zeros(num_envs)
    rewards = []
    for t in range(horizon):
        x_g, x = step.global_state, step.state
        step = env.step(drawn(globally[x_g], rng), drawn(locally[x, x_g[:, None]], rng))
        total += game.discount**t * step.reward
        rewards.append(np.abs(step.reward).max())
    left_out = max(rewards) * game.discount**horizon / (1 - game.discount)
    error = total.mean() - exact_return(game, globally, locally)
    assert abs(error) < 4 * total.std() / np.sqrt(num_envs) + left_out


def test_many_locals_follow_their_law():
    game = TeamGarnet()
    env = TeamBatchEnv(game, 1, 100_000, seed=0)
    law = env.reset().mean_field[0]
    assert law == pytest.approx(game.initial_local_law, abs=4 * np.sqrt(0.25 / 1e5))
    for t in range(5):
        x_g, share = env.global_state[0], env.mean_field[0]
        step = env.step([t % 2], np.full((1, 100_000), t % 2))
        expected = share @ team_tables.tables(game).local_law[:, x_g, t % 2]
        assert step.mean_field[0] == pytest.approx(expected, abs=4 * np.sqrt(0.25 / 1e5))


def test_global_moves_follow_their_law():
    game, num_envs = TeamGarnet(), 20_000
    env = TeamBatchEnv(game, num_envs, 1, seed=0)
    before = env.reset().global_state
    bound = 4 * np.sqrt(0.25 / num_envs)
    assert np.bincount(before) / num_envs == pytest.approx([0.5, 0.25, 0.25], abs=bound)
    after = env.step(np.ones(num_envs, int), np.zeros((num_envs, 1), int)).global_state
    for x_g in range(3):
        came = after[before == x_g]
        share = np.bincount(came, minlength=3) / len(came)
        law = team_tables.tables(game).global_law[x_g, 1]
        assert share == pytest.approx(law, abs=4 * np.sqrt(0.25 / len(came)))
