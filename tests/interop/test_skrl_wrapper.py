"""skrl's own view of our environments: ``make interop-skrl``."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from skrl import config
from skrl.envs.wrappers.torch import wrap_env
from skrl.envs.wrappers.torch.pettingzoo_envs import PettingZooWrapper

from mfg_envs import dispatcher_v0, linear_quadratic_v0, ring_road_v0

EXAMPLE = Path(__file__).parents[2] / "examples" / "skrl_ippo.py"
pytestmark = pytest.mark.filterwarnings("default")  # those of skrl are not ours

GAMES = {
    "road": lambda: ring_road_v0.parallel_env(num_agents=3, max_cycles=5),
    "ends": lambda: ring_road_v0.parallel_env(num_agents=3, horizon=3),
    "team": lambda: dispatcher_v0.parallel_env(num_locals=2, max_cycles=4),
    "continuous": lambda: linear_quadratic_v0.parallel_env(num_agents=3),
}


def close(tensors, values):
    """Check tensors (1, ...) of every agent against what the environment itself gives."""
    assert set(tensors) == set(values)
    for agent, tensor in tensors.items():
        np.testing.assert_array_equal(tensor.numpy().ravel(), np.float32(values[agent]).ravel())


@pytest.mark.parametrize("name", GAMES)
def test_transitions_are_those_of_the_environment(name, monkeypatch):
    monkeypatch.setattr(config.torch, "key", 7)
    env, raw = wrap_env(GAMES[name](), verbose=False), GAMES[name]()
    assert isinstance(env, PettingZooWrapper), "found by the bases of the class"
    for seed in (7, None):  # the second episode goes on with the stream of the first
        seen, _ = env.reset()
        expected, _ = raw.reset(seed=seed)
        close(seen, expected)
        while raw.agents:
            actions = {agent: raw.action_space(agent).sample() for agent in raw.agents}
            tensors = {a: torch.as_tensor(action).reshape(1, -1) for a, action in actions.items()}
            for tensor, value in zip(env.step(tensors)[:4], raw.step(actions)[:4], strict=True):
                close(tensor, value)
            close({"all": env.state()[raw.possible_agents[0]]}, {"all": raw.state()})
        assert env.agents == []
    env.close()


def test_the_example_answers_its_question(capsys):
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    assert "steps 150 to 299: mean reward" in capsys.readouterr().out
