"""How fast does a population of N players approach the exact mean-field flow?"""

import numpy as np

from mfg_envs import BatchEnv, exact, make_game, policies

game = make_game("ring_road", horizon=20)
policy = policies.softmax(np.tile(np.sin(np.arange(50.0)), (20, 50, 1)), game.legal_actions)
flow = exact.flow(game, policy)
for num_agents in (100, 10_000, 1_000_000):
    env = BatchEnv(game, num_envs=1, num_agents=num_agents, seed=0)
    env.reset()
    mean_field = env.rollout(policy, num_steps=20).mean_field[:, 0]
    distance = np.abs(mean_field - flow).sum(-1).max()
    print(f"N = {num_agents:>9,}: largest L1 distance {distance:.4f}")
