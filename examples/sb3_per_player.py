"""Do four drivers who each have a Stable-Baselines3 model of their own learn to drive?"""

from stable_baselines3 import A2C, DQN, PPO

from agents import IndependentLearners, LogExploitability
from mfg_envs import ring_road_v0

env = ring_road_v0.parallel_env(num_agents=4, horizon=100)
learners = {
    "vehicle_0": lambda env: A2C("MlpPolicy", env, gamma=0.9, device="cpu"),
    "vehicle_1": lambda env: DQN("MlpPolicy", env, gamma=0.9, learning_starts=50, device="cpu"),
    "vehicle": lambda env: PPO(  # the two others
        "MlpPolicy", env, n_steps=32, batch_size=64, gamma=0.9, device="cpu"
    ),
}
team = IndependentLearners(env, learners, copies=4, seed=0)
log = LogExploitability(env.game, every=500, models=team.models)  # of the mixture of all four
callbacks = {"vehicle_3": log}
team.learn(1_000, callback=callbacks.get)  # more for a good driver: 30_000
for steps, gain in zip(log.history["steps"], log.history["exploitability"], strict=True):
    print(f"{steps} steps: exploitability {gain:.4f}")

observations, _ = env.reset(seed=1)
earned = dict.fromkeys(env.possible_agents, 0.0)
while env.agents:
    actions = {name: team.models[name].predict(seen)[0] for name, seen in observations.items()}
    observations, rewards, *_ = env.step(actions)
    earned = {name: earned[name] + rewards[name] for name in earned}
for name, total in earned.items():
    gain = log.history[f"gain/{name}"][-1]
    kind = type(team.models[name]).__name__
    print(f"{name} ({kind}): {total / env.max_cycles:.4f} a step, would gain {gain:.4f} by leaving")
