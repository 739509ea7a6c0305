"""How does a single-file learner in the style of CleanRL train a whole population?"""

import torch
from torch import nn
from torch.distributions import Categorical

from mfg_envs import exact, ring_road_v0
from wrappers import PopulationVectorEnv

torch.manual_seed(0)
road = ring_road_v0.parallel_env(num_agents=200, max_cycles=50)
envs = PopulationVectorEnv(road)
width, actions = envs.single_observation_space.shape[0], envs.single_action_space.n
policy = nn.Sequential(nn.Linear(width, 32), nn.Tanh(), nn.Linear(32, actions))
optimiser = torch.optim.Adam(policy.parameters(), 3e-3)

print(f"before: exploitability {exact.exploitability(road.game, policy):.4f}")
observation, _ = envs.reset(seed=0)
for step in range(300):  # REINFORCE with the mean of the population as its baseline
    law = Categorical(logits=policy(torch.from_numpy(observation)))
    action = law.sample()
    observation, reward, *_ = envs.step(action.numpy())
    gain = torch.from_numpy(reward - reward.mean())
    loss = -(law.log_prob(action) * gain / (gain.std() + 1e-8)).mean()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    if step % 100 == 99:
        gain = exact.exploitability(road.game, policy)  # any module that gives logits
        print(f"step {step + 1}: mean reward {reward.mean():.1e}, exploitability {gain:.4f}")
