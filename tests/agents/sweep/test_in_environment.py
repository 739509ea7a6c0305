"""Learners of environments are given games: swept, and their players' policies mixed."""

from __future__ import annotations

import numpy as np
import pytest
from small_learners import SMALL
from toy_learner import Toy

pytest.importorskip("stable_baselines3")

import torch

from agents import BatchedIndependentPPO, IndependentSB3, Sweep, run
from agents.runs.recipes import build, recipe
from agents.runs.saved import load_run
from agents.sweep.in_environment import InEnvironment
from agents.sweep.sweeping import METRICS
from mfg_envs import exact, make_game, policies
from mfg_envs.registry import environment_class
from mfg_envs.simulate import acting

SIS = make_game("sis")
MODELS = {name: [value] for name, value in SMALL["IndependentSB3"].items()}


@pytest.fixture(autouse=True)
def numpy(use):
    use("numpy")


def test_a_sweep_ranks_models_by_the_exploitability_of_their_mixture(tmp_path):
    grid = {**MODELS, "iterations": [2], "learning_rate": [1e-3, 1e-1]}
    sweep = Sweep(learner=IndependentSB3, game="sis", grid=grid, every=2, num_agents=2)
    results = sweep.run(tmp_path, processes=1, progress=False)
    assert not results.failures
    for score in results.scores:
        saved = load_run(tmp_path / score.configuration.runs[0])
        assert saved.learner.num_players == 2
        mixed = saved.learner.policy(SIS, saved.run.last)
        assert len(mixed.parts) == 2
        assert score.mean == exact.exploitability(SIS, mixed)
    rates = {score.configuration.values["learning_rate"] for score in results.scores}
    assert rates == {1e-3, 1e-1}


def test_what_a_sweep_of_models_cannot_measure_is_named():
    greedy = {"greedy_exploitability": METRICS["greedy_exploitability"]}
    with pytest.raises(ValueError, match="greedy_exploitability needs a table of values, players"):
        Sweep(learner=IndependentSB3, game="sis", metrics=greedy)
    with pytest.raises(ValueError, match="num_agents must be at least 1, got 0"):
        Sweep(learner=IndependentSB3, game="sis", num_agents=0)


@pytest.mark.parametrize("name", ["sis", "linear_quadratic"])
def test_players_of_batched_ppo_follow_their_own_laws(name):
    """The law of each is that of its network, asked with what the environment shows."""
    game = make_game(name)
    learner = BatchedIndependentPPO(iterations=1, num_steps=8, hidden=(4,))
    inside = InEnvironment(learner=learner, num_players=3)
    (last,) = inside.learn(game, 0)
    env = environment_class(game.kind)(game, 3)
    seen, _ = env.reset(seed=4)
    rows = np.stack([seen[agent] for agent in env.possible_agents])
    mixed = inside.policy(game, last)
    assert len(mixed.parts) == 3
    for (agent, part), i in zip(learner.models(env, last).items(), range(3), strict=True):
        law, chosen = part(torch.from_numpy(rows)), learner.player(env, last, agent)(rows)
        most = law.probs.argmax(-1) if name == "sis" else law.mean.reshape(chosen.shape)
        low, high = (None, None) if name == "sis" else (game.action_low, game.action_high)
        assert np.allclose(np.clip(most.detach().numpy(), low, high), chosen, atol=1e-6)
        if name == "sis":
            wanted = law.probs.detach().numpy()
            found = mixed.parts[i].law(0, env.batch.state, env.batch.mean_field)[0]
            assert np.allclose(found, wanted, atol=1e-6)


def test_an_index_is_seen_as_a_vector():
    learner = BatchedIndependentPPO(iterations=1, num_steps=8, hidden=(4,))
    env = environment_class("finite")(SIS, 2, observe="plain")
    (last,) = learner.learn(env, 0)
    for agent, module in learner.models(env, last).items():
        table = policies.tabulate(acting.as_policy(SIS, module, observe="plain"), SIS)
        most = learner.player(env, last, agent)(np.arange(SIS.num_states))
        assert np.array_equal(table.argmax(-1), most)


def test_players_without_one_policy_for_all_are_refused():
    learner = BatchedIndependentPPO(iterations=1, num_steps=8, hidden=(4,))
    inside = InEnvironment(learner=learner, num_players=2)
    with pytest.raises(ValueError, match="what BatchedIndependentPPO learns is no one policy that"):
        inside.policy(make_game("dispatcher"), None)
    with pytest.raises(ValueError, match="what Toy learns is no one policy that all players"):
        InEnvironment(learner=Toy(), num_players=2).policy(SIS, None)


def test_runs_from_where_the_class_was_before_are_read(tmp_path):
    inside = InEnvironment(learner=IndependentSB3(iterations=1), num_players=2)
    content = recipe(inside)
    assert build(content) == inside
    assert build({**content, "class": "agents.cli.training:InEnvironment"}) == inside
    learner = IndependentSB3(iterations=1, **SMALL["IndependentSB3"])
    small = InEnvironment(learner=learner, num_players=2)
    run(small, SIS, out=tmp_path, progress=False, metrics={})
    assert load_run(tmp_path).learner == small
