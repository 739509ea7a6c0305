import numpy as np
import pytest

from agents import (
    FictitiousPlay,
)
from mfg_envs import exact, make_game


def test_fictitious_play_by_hand(use):
    use("numpy")
    # Left costs m(left), right costs 2 m(right): the best responses are known one by one.
    game = make_game("left_right")
    policy = np.array([0.5, 0.5])
    for k, iterate in enumerate(FictitiousPlay(iterations=5).learn(game), 1):
        best = np.eye(2)[int(2 * policy[1] < policy[0])]
        policy = policy + (best - policy) / (k + 1)
        np.testing.assert_allclose(iterate.policy[0, 0], policy, rtol=1e-12)


@pytest.mark.parametrize("name", ["crowd_modelling", "predator_prey"])
def test_fictitious_play_keeps_its_rate_on_monotone_games(name):
    # O(1/k) says that k times the exploitability is bounded: it must not grow from one half of
    # the run to the next.
    game = make_game(name)
    iterates = list(FictitiousPlay(iterations=200).learn(game))
    scaled = [i.iteration * exact.exploitability(game, i.policy) for i in iterates]
    assert max(scaled[100:]) <= max(scaled[:100])
