"""``check_env`` accepts what keeps the contract of environments and names every planted fault."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from faulty_environments import FAULTS
from faulty_environments.results import Faultless
from gymnasium import spaces
from pettingzoo import ParallelEnv
from toys import Clockwork

from mfg_envs import PopulationEnv, check_env
from mfg_envs.games.ring_road import RingRoad
from mfg_envs.testing import ContractError

GAME = RingRoad(num_cells=6, num_speeds=3)
PARTS = ("state", "density")


@pytest.mark.parametrize("mode", ["n_agent", "mean_field"])
@pytest.mark.parametrize("horizon", [None, 1, 2, 12])
@pytest.mark.parametrize("num_agents", [1, 3])
def test_environments_keep_the_contract(num_agents, horizon, mode):
    env = PopulationEnv(replace(GAME, horizon=horizon), num_agents, mode=mode)
    check_env(env, 30)
    assert env.max_cycles == (horizon or 500)  # as it was


@pytest.mark.parametrize("observe", [("index",), PARTS, ("mean_field", "mask")])
def test_environments_of_every_game_keep_the_contract(any_game, observe):
    check_env(PopulationEnv(any_game, 4, observe=observe), 12, seed=5)


def test_pictures_keep_the_contract():
    pytest.importorskip("pygame")
    check_env(PopulationEnv(GAME, 2, render_mode="rgb_array"), 4)


def test_a_game_without_chance_says_so():
    env = PopulationEnv(Clockwork(), 3)
    check_env(env, random=False)
    with pytest.raises(ContractError, match=r"^four seeds give the same episode"):
        check_env(env)


@pytest.mark.parametrize(
    ("env_class", "sentence"), FAULTS, ids=[plant.__name__ for plant, _ in FAULTS]
)
def test_a_fault_of_an_environment_is_named(env_class, sentence):
    with pytest.raises(ContractError, match=f"(?s)^({sentence})"):
        check_env(env_class(GAME, 3, observe=PARTS), 8)


def test_planted_environments_are_faultless_but_for_their_fault():
    check_env(Faultless(GAME, 3, observe=PARTS), 8)


def test_only_parallel_environments_are_checked():
    with pytest.raises(ContractError, match=r"^RingRoad must derive from ParallelEnv"):
        check_env(GAME)


class Foreign(ParallelEnv):
    """A sound environment of the loose kind: masks, early leavers, NumPy numbers, no max_cycles."""

    metadata = {"name": "foreign"}  # noqa: RUF012
    possible_agents = ["hare", "tortoise"]  # noqa: RUF012
    seen_space = spaces.Dict(
        {"place": spaces.Box(0, 1, (1,)), "action_mask": spaces.Box(0, 1, (3,), np.int8)}
    )
    moves = spaces.Discrete(3)

    def observation_space(self, agent):
        return self.seen_space

    def action_space(self, agent):
        return self.moves

    def look(self):
        place = self.chance.random(1, dtype=np.float32)
        mask = np.array([1, 0, 1], np.int8)
        return {agent: {"place": place, "action_mask": mask} for agent in self.agents}

    def reset(self, seed=None, options=None):
        if seed is not None or not hasattr(self, "chance"):
            self.chance = np.random.default_rng(seed)
        self.t, self.agents = 0, [*self.possible_agents]
        return self.look(), {agent: {} for agent in self.agents}

    def step(self, actions):
        assert all(action != 1 for action in actions.values()), "masked"
        alive, self.t = self.agents, self.t + 1
        done = {agent: np.bool_(self.t >= 3 + 2 * (agent == "hare")) for agent in alive}
        seen = self.look()
        self.agents = [agent for agent in alive if not done[agent]]
        r = {agent: np.float32(actions[agent]) for agent in alive}
        return seen, r, done, dict.fromkeys(alive, False), {agent: {} for agent in alive}


def test_foreign_environments_need_not_be_strict():
    check_env(Foreign(), strict=False)
    with pytest.raises(ContractError, match=r"^agent \['hare'"):
        check_env(Foreign())
