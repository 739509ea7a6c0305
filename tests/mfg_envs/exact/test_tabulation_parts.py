"""A table in a model comes back: every finite game, every part of what players see."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mfg_envs import GAMES, BatchEnv, PopulationEnv, exact, make_game, policies
from mfg_envs.players.observers import Observer
from wrappers import SharedPolicyVecEnv

torch = pytest.importorskip("torch")
sb3 = pytest.importorskip("stable_baselines3")
policies_of_sb3 = pytest.importorskip("stable_baselines3.common.policies")

PARTS = ("index", "state", "time", "density", "mean_field", "mask")
LONG = {
    "four_rooms_grid": {"horizon": 12},
    "predator_prey": {"horizon": 6},
    "routing": {"dt": 0.25, "horizon": 20},
}
"""Games that take long as they are: parameters of shorter ones."""


class Remembers(policies_of_sb3.ActorCriticPolicy):
    """A policy of Stable-Baselines3 that looks up what it was shown before.

    A crowd that is still on its way to rest is taken for the one at rest: states tell most.
    """

    def learn_by_heart(self, rows, laws, state):
        self.weights = torch.ones(rows.shape[1], dtype=torch.float64)
        self.weights[:state] = 1e3
        self.rows = torch.as_tensor(rows, dtype=torch.float64) * self.weights
        self.laws = torch.as_tensor(laws)

    def get_distribution(self, obs):
        rows = obs.double().reshape(len(obs), -1) * self.weights
        self.far, where = torch.cdist(rows, self.rows).min(1)
        return self.action_dist.proba_distribution(torch.log(self.laws[where]))


def shown(game, parts, table):
    """Return what the environment shows in every time and state to the crowd's own, (R, D)."""
    env = BatchEnv(game, 1, game.num_states, 0, mode="mean_field", observe=parts)
    law, everywhere, seen = exact.law_met(game, table), np.arange(game.num_states)[None], []
    env.set_mean_field(game.crowd(law))
    env.reset()
    for t in range(game.horizon or 1):
        env.stand(t, everywhere)
        seen.append(env.look(env.observer)[0])
    return np.concatenate(seen).reshape(len(seen) * game.num_states, -1)


def told_apart(game, parts):
    """Return random laws that are the same wherever time and state look the same, (T, S, A).

    Some of their mass is on illegal actions, which a model may give, too.
    """
    x = np.arange(game.num_states)
    if parts == ("index",):
        looks = game.observed[:, None].astype(float)
    else:
        looks = np.asarray(game.coordinates(x), float)
    keys = np.unique(looks, axis=0, return_inverse=True)[1].ravel()
    T = game.horizon if "time" in parts else 1
    generator = np.random.default_rng(len(parts) + game.num_states)
    weights = generator.exponential(size=(T, keys.max() + 1, game.num_actions))[:, keys]
    laws = weights / weights.sum(-1, keepdims=True)
    return laws[0] if game.horizon is None else np.repeat(laws, game.horizon // T, 0)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", sorted(GAMES))
def test_a_table_in_a_model_comes_back(name, part, use):
    use("numpy")
    game = make_game(name)
    if name in LONG:
        game = make_game(name, **LONG[name])
    clock = ("time",) if game.horizon is not None else ()
    parts = ("index",) if part == "index" else tuple(dict.fromkeys(("state", part, *clock)))
    if part == "time" and not clock:
        with pytest.raises(ValueError, match="'time' needs a finite horizon"):
            policies.tabulate(torch.nn.Linear(1, game.num_actions), game, observe=("time",))
        return
    if part == "density" and not game.counts_what_is_observed:
        return
    laws = told_apart(game, parts)
    table = laws * game.legal_actions
    table /= table.sum(-1, keepdims=True)
    venv = SharedPolicyVecEnv(PopulationEnv(game, 2, observe=parts))
    model = sb3.PPO(Remembers, venv, n_steps=4, batch_size=8, device="cpu")
    space: Any = Observer(game, parts).space
    rows = shown(game, parts, table)
    if part == "index":  # as Stable-Baselines3 shows a number: one of n
        rows = rows[: game.num_states]
        model.policy.learn_by_heart(rows, laws.reshape(-1, game.num_actions)[: len(rows)], 1)
        assert space.n == game.num_observations
    else:
        width = game.coordinates(np.arange(1)).shape[1]
        model.policy.learn_by_heart(rows, laws.reshape(len(rows), -1), width)
    found = policies.tabulate(model, game)  # its environment says what it sees
    assert model.policy.far.max() < 1e-4  # nothing that the environment has never shown
    np.testing.assert_allclose(found, table, rtol=0, atol=1e-6)
    wanted = exact.exploitability(game, table)
    assert exact.exploitability(game, model) == pytest.approx(wanted, rel=1e-6, abs=1e-6)
