"""Team games and continuous games with one fault each, and the words that name it."""

from __future__ import annotations

from functools import partial

import numpy as np
from hostile_games import CHANCE, SAME, fault
from toys import Beach, Follow

from mfg_envs.game import ContinuousGame, Normal, at, cell

led = partial(fault, base=Follow)
TEAMS = {
    "TeamLosesMass": led(
        r"noise_law_local\(x=0, x_g=0, a=0\) must be probabilities",
        noise_law_local=lambda self, x, x_g, a: (0.9 - 0.5 * a, 0.5 * a),
    ),
    "TeamLeavesTheRing": led(
        r"step_local\(x=3, x_g=0, a=0, w=1\) leads to 4",
        step_local=lambda self, x, x_g, a, w: x + w,
    ),
    "TeamStepsByHalves": led(
        "step_local returns float64", step_local=lambda self, x, x_g, a, w: (x + w / 2) % 4
    ),
    "LeaderLeavesTheRing": led(
        r"step_global\(x_g=0, a_g=3, w=0\) leads to 4",
        step_global=lambda self, x_g, a_g, w_g: a_g + 1,
    ),
    "LeaderIsNaN": led(
        "step_global returns float64", step_global=lambda self, x_g, a_g, w_g: np.nan * a_g
    ),
    "LeaderStartsNowhere": led(
        r"initial_global_law must have shape \(4,\), .*got \(3,\)",
        initial_global_law=np.full(3, 1 / 3),
    ),
    "LocalsStartNowhere": led(
        "initial_local_law must be probabilities", initial_local_law=np.full(4, 0.5)
    ),
    "TeamOfNaN": led(
        r"reward_global\(x_g=0, a_g=2\) is nan",
        reward_global=lambda self, x_g, a_g, m: np.where(a_g == 2, np.nan, m[..., 0, 0]),
    ),
    "TeamOfRanks": led(
        f"reward_local {SAME}", reward_local=lambda self, x, x_g, a: np.cumsum(x + 0 * a, -1) / 10
    ),
    "TeamOfChance": led(
        f"step_local {SAME}",
        step_local=lambda self, x, x_g, a, w: CHANCE.integers(4, size=np.shape(x + w)),
    ),
    "TeamCountsBadly": led(
        r"global_from_locals\(.*\) leads to 4, which is not a state in \[0, 4\)",
        global_from_locals=lambda self, m: (4 * m[..., 0]).astype(int),
    ),
    "TeamIsReadAsNaN": led(
        "global_from_locals returns float64", global_from_locals=lambda self, m: np.nan * m[..., 0]
    ),
    "TeamIsReadOffLate": led(
        r"global_from_locals\(team \d\) leads to 4000",
        late=True,
        global_from_locals=lambda self, m: 4000 * (m[..., 0] % 0.25 > 0.01),
    ),
}
washed = partial(fault, base=Beach)
BEACHES = {
    "BeachOfNaN": washed(
        r"reward\(t=0\) gives nan",
        reward=lambda self, t, x, a, m: np.sqrt(-at(m, *cell(self.axes, x))),
    ),
    "BeachOfNumbers": washed(
        "step must return a tuple of 1 components", step=lambda self, t, x, a, m, w: x[0]
    ),
    "BeachOfRanks": washed(f"reward {SAME}", reward=lambda self, t, x, a, m: x[0] - np.mean(x[0])),
    "BeachOfTheFirst": washed(
        f"step {SAME}",
        step=lambda self, t, x, a, m, w: (
            np.minimum(x[0], np.min(x[0], -1, keepdims=True) + 0.5 + w[0]),
        ),
    ),
    "BeachOfChance": washed(
        f"reward {SAME}", reward=lambda self, t, x, a, m: CHANCE.random(np.shape(x[0]))
    ),
    "BeachThatLosesMass": washed(
        "mean_field is not the density of the players: mass 0.9",
        mean_field=lambda self, x, a=None: 0.9 * ContinuousGame.mean_field(self, x, a),
    ),
    "BeachWithoutBeginning": washed(
        "initial_law must be a tuple, a Normal or a Uniform for each of 1 state",
        initial_law=np.array([0.2, 0.8]),
    ),
    "BeachBackwards": washed(
        "state_low and state_high must be tuples of one length, low below high",
        state_low=(1.0,),
        state_high=(0.0,),
    ),
    "BeachOfWildNoise": washed(
        "noise_law must be finite and have a width >= 0",
        noise_law=lambda self, t, x, a, m: Normal(0.0, np.nan),
    ),
    "BeachWithoutAGrid": washed("a density needs an axis for each of 1 components", axes=()),
    "BeachThatBreaksLate": washed(
        r"step\(t=1, x=.*\) is \[nan\], not finite",
        late=True,
        step=lambda self, t, x, a, m, w: (np.where(t == 1, np.nan, x[0] + 0 * w[0]),),
    ),
    "BeachThatPaysNaNLate": washed(
        r"reward\(t=1, x=.*\) is nan, not finite",
        late=True,
        reward=lambda self, t, x, a, m: np.where(t == 1, np.nan, x[0]),
    ),
}
