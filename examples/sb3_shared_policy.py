"""Can a hundred drivers share one Stable-Baselines3 policy, and how near is it to equilibrium?"""

from stable_baselines3 import PPO

from agents import LogExploitability
from mfg_envs import ring_road_v0
from wrappers import BatchedBootstrap, SharedPolicyVecEnv

road = ring_road_v0.parallel_env(num_agents=100, max_cycles=50)
env = SharedPolicyVecEnv(road)
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
log = LogExploitability(road.game, every=2_500)  # exact, and in the model's own logger
model.learn(5_000, callback=[BatchedBootstrap(), log])  # more for a good driver: 200_000
print(f"after:  {reward_of(model):.4f} a step")
for steps, gain in zip(log.history["steps"], log.history["exploitability"], strict=True):
    print(f"{steps} steps: exploitability {gain:.4f}")
