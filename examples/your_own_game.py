"""What does it take to add a game?  One class; every environment and solver follows."""

from dataclasses import dataclass

import numpy as np

from agents import FixedPointIteration, run
from mfg_envs import PopulationEnv, check_game, exact
from mfg_envs.game import FiniteGame, at


@dataclass(frozen=True, kw_only=True)
class Lifts(FiniteGame):
    """Skiers pick one of three lifts; a full one is slow, and the best one is far away."""

    crowding: float = 2.0
    discount: float = 1.0
    horizon: int | None = 10
    num_states = 3
    num_actions = 3
    initial_law = np.array([1.0, 0.0, 0.0])

    def noise_law(self, t, x, a, m):
        return 0.9 + 0 * a, 0.1 + 0 * a  # goes there, or loses the way and stays

    def step(self, t, x, a, m, w):
        return np.where(w == 0, a, x)

    def reward(self, t, x, a, m):
        return 1.0 * x - self.crowding * at(m, x) - 0.5 * np.abs(a - x)


game = Lifts()
check_game(game)
env = PopulationEnv(game, num_agents=30)
observations, infos = env.reset(seed=0)
print("a skier sees", observations["player_0"])
result = run(FixedPointIteration(iterations=200, step=2, decay=1), game, every=200)
print("exploitability", exact.exploitability(game, result.last.policy))
print("skiers at t = 9:", np.round(result.last.mean_field[9], 3))
