"""What do a hundred real players earn, and what does one earn in an infinite population?"""

import numpy as np

from mfg_envs import ring_road_v0

for mode in ("n_agent", "mean_field"):
    env = ring_road_v0.parallel_env(num_agents=100, mode=mode, max_cycles=200)
    observations, infos = env.reset(seed=0)
    rewards = []
    while env.agents:
        actions = {agent: env.action_space(agent).n // 3 for agent in env.agents}
        observations, reward, terminations, truncations, infos = env.step(actions)
        rewards.append(np.mean(list(reward.values())))
    print(f"{mode:10}: mean reward {np.mean(rewards):.2e} a step")
