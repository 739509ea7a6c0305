"""Does code that wraps PettingZoo with SuperSuit for Stable-Baselines3 run unchanged?"""

import supersuit
from stable_baselines3 import PPO

from mfg_envs import ring_road_v0

env = ring_road_v0.parallel_env(num_agents=20, max_cycles=50)
venv = supersuit.pettingzoo_env_to_vec_env_v1(env)
venv = supersuit.concat_vec_envs_v1(venv, 1, num_cpus=0, base_class="stable_baselines3")

# SuperSuit cannot be seeded (so PPO must not be given a seed) and treats a cut as an end;
# wrappers.SharedPolicyVecEnv has neither fault, and steps 1000 drivers a hundred times as fast.
model = PPO("MlpPolicy", venv, n_steps=10, batch_size=100, device="cpu").learn(400)
print(f"{model.num_timesteps} steps of {venv.num_envs} drivers")
