import numpy as np

from agents.cli.bench import pma_rows
from mfg_envs.games.ring_road import RingRoad

ROAD = RingRoad(num_cells=20, num_speeds=5)


def test_rival_moves_earns_and_learns_as_the_game_and_the_update_say():
    rival = pma_rows.NumpyTD(ROAD, 400, 0.25)
    rival.q[:] = np.random.default_rng(0).normal(size=rival.q.shape)
    x, a, q, m, every = rival.x, rival.a, rival.q.copy(), rival.m, rival.every
    rival.step()
    moved = (rival.x - x) % 20
    assert set(moved) == {0, 1} and moved[a == 4].all()  # the fastest always goes
    np.testing.assert_allclose(rival.m, ROAD.mean_field(rival.x), rtol=1e-15)
    target = ROAD.reward(0, x, a, m) + ROAD.discount * q[every, rival.x, rival.a]
    wanted = q.copy()
    wanted[every, x, a] += 0.25 * (target - q[every, x, a])
    np.testing.assert_allclose(rival.q, wanted, rtol=0, atol=1e-6)
    # Five speeds alike, 400 draws: each within five deviations of 80.
    assert (np.abs(np.bincount(rival.a, minlength=5) - 80) < 5 * 8).all()
