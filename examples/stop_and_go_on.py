"""Does a run that was stopped and goes on give the same bits as one that was not?"""

import numpy as np

from agents import SemiSGD
from mfg_envs import make_game

game, learner = make_game("ring_road"), SemiSGD(iterations=30)
*_, whole = learner.learn(game, seed=0)

for iterate in learner.learn(game, seed=0):  # the caller stops, whenever it wants
    if iterate.iteration == 11:
        break
*_, resumed = learner.learn(game, seed=0, start=iterate)
print(f"{whole.samples:,} samples, same bits: {np.array_equal(whole.q, resumed.q)}")
