"""How is a continuous game learned, and what does its crowd look like then?"""

from agents import DedaFP
from mfg_envs import BatchEnv, make_game, metrics

game = make_game("linear_quadratic")
learner = DedaFP(
    iterations=2,  # a few more, and longer ones, for a real run
    hidden=(32, 32),
    response_steps=8_000,
    response_updates=600,
    learning_rate=3e-3,
    clone_steps=300,
    flow_steps=50,
)
before = metrics.approximate_exploitability(game, learner.policy(game), num_players=2_000)
print(f"every action alike: exploitability {before.gain.mean:.1f}")
for iterate in learner.learn(game, seed=0):
    policy = learner.policy(game, iterate)
    found = metrics.approximate_exploitability(game, policy, num_players=2_000)
    print(f"response {iterate.iteration}: exploitability {found.gain.mean:.1f}")

states = learner.sample(game, iterate, 1_000)  # drawn from the flow, all times at once
print(f"the flow's mean at the end {states[-1].mean():.2f}; the target is {game.target[0]}")
env = BatchEnv(game, num_envs=1, num_agents=500, seed=0)  # the same policy, 500 real players
env.reset()
env.rollout(policy, game.horizon)
print(f"mean of 500 players at the end {env.state.mean():.2f}")
