"""Can a Gymnasium learner train against a mean field, without any other player?"""

import gymnasium
import numpy as np

import mfg_envs  # registers the environments
from agents import FixedPointIteration, run
from mfg_envs import exact

game = mfg_envs.make_game("ring_road")
crowd = run(FixedPointIteration(step=2, decay=1), game, metrics={}, progress=False).last.mean_field
envs = gymnasium.make_vec("mfg_envs/RingRoad-v0", 500, game=game, observe=("index",))
envs.set_mean_field(crowd)  # of the equilibrium, frozen

draw = np.random.default_rng(0)
q = np.zeros((game.num_states, game.num_actions))  # optimistic: rewards are negative
state, _ = envs.reset(seed=0)
for step in range(1, 201):  # Q-learning, five hundred drivers at once
    action = draw.integers(game.num_actions, size=500)
    after, reward, *_ = envs.step(action)
    target = reward + game.discount * q[after].max(-1)
    q[state, action] += 0.1 * (target - q[state, action])
    state = after
    if step in (1, 20, 200):
        rule = np.eye(game.num_actions)[q.argmax(-1)]
        loss = exact.value(game, crowd) - exact.value(game, crowd, rule)
        print(f"after {step * 500:>7,} samples: {loss:.5f} less than the best response")
