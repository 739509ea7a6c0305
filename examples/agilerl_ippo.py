"""How does AgileRL train PPO learners whose networks are shared by the drivers of a group?"""

import torch
from agilerl.algorithms import IPPO
from agilerl.training.train_multi_agent_on_policy import train_multi_agent_on_policy

from mfg_envs import ring_road_v0

torch.manual_seed(0)
torch.set_num_threads(1)  # the networks are small: threads would only wait for each other
env = ring_road_v0.parallel_env(num_agents=3, max_cycles=50)
env.reset(seed=0)
learner = IPPO(
    [env.observation_space(driver) for driver in env.possible_agents],
    [env.action_space(driver) for driver in env.possible_agents],
    agent_ids=env.possible_agents,  # vehicle_0, vehicle_1, ... are one group: "vehicle"
    net_config={"encoder_config": {"hidden_size": [32]}},
    batch_size=50,
    learn_step=100,
    lr=1e-3,
    gamma=0.9,
)
for steps in (200, 400):
    (learner,), (score,) = train_multi_agent_on_policy(
        env,
        env.metadata["name"],
        "IPPO",
        [learner],
        max_steps=steps,
        evo_steps=200,
        eval_steps=50,
        verbose=False,
    )
    print(f"after {steps} steps: mean reward {score / (50 * len(env.possible_agents)):.4f}")
