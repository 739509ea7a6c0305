"""Does one driver on a single trajectory learn the equilibrium of the whole road?"""

import numpy as np

from agents import SemiSGD, run
from mfg_envs import make_game

game = make_game("ring_road", reward="min", dynamics="position")
crowd = {"densest": lambda game, iterate: 50 * iterate.mean_field.max()}
result = run(SemiSGD(iterations=50), game, seed=range(4), metrics=crowd, every=10)
for iteration, row in zip(result.iterations, result.metrics["densest"], strict=True):
    print(f"{iteration * 500:>6} samples: densest cell {np.mean(row):.2f} times the average")
