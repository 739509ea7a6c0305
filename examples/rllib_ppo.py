"""How does RLlib train independent PPO learners, one network for every driver?"""

import torch
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig

from mfg_envs import exact, make_game, ring_road_v0
from wrappers import to_rllib

env = to_rllib(ring_road_v0.parallel_env, name="ring_road")
drivers = [f"vehicle_{i}" for i in range(3)]
config = (
    PPOConfig()
    .environment("ring_road", env_config={"num_agents": len(drivers), "max_cycles": 50})
    .env_runners(num_env_runners=0)  # here, in this process; a cluster takes any number
    .multi_agent(policies=set(drivers), policy_mapping_fn=lambda driver, episode: driver)
    .rl_module(model_config=DefaultModelConfig(fcnet_hiddens=[32]))
    .training(train_batch_size=200, minibatch_size=50, num_epochs=4, lr=1e-3, gamma=0.9)
    .debugging(seed=0, log_level="ERROR")
)
learner = config.build_algo()


class Driver(torch.nn.Module):
    """What the first driver's network says of observations (R, D): logits (R, A)."""

    def forward(self, rows):
        network = learner.get_module(drivers[0])
        return network.forward_inference({"obs": rows})["action_dist_inputs"]


for iteration in range(3):
    result = learner.train()["env_runners"]
    reward = result["episode_return_mean"] / result["episode_len_mean"] / len(drivers)
    print(f"iteration {iteration}: mean reward {reward:.4f}")
gain = exact.exploitability(make_game("ring_road"), Driver())
print(f"if all drove as {drivers[0]}: exploitability {gain:.4f}")
learner.stop()
