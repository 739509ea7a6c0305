"""Can a hundred drivers share one Stable-Baselines3 policy, without a loop over drivers?"""

from stable_baselines3 import PPO

from mfg_envs import ring_road_v0
from wrappers import BatchedBootstrap, SharedPolicyVecEnv

env = SharedPolicyVecEnv(ring_road_v0.parallel_env(num_agents=100, max_cycles=50))
model = PPO("MlpPolicy", env, n_steps=10, batch_size=250, gamma=0.9, seed=0, device="cpu")


def reward_of(model, steps=50):
    """Return the mean reward of a step while everybody follows the model."""
    env.seed(1)
    observation, total = env.reset(), 0.0
    for _ in range(steps):
        observation, reward, *_ = env.step(model.predict(observation, deterministic=True)[0])
        total += reward.mean()
    return total / steps


print(f"before: {reward_of(model):.4f} a step")
model.learn(5_000, callback=BatchedBootstrap())  # more for a good driver: 200_000
print(f"after:  {reward_of(model):.4f} a step")
