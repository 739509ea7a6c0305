import numpy as np
import pytest

from agents import (
    FictitiousPlay,
    OnlineMirrorDescent,
)
from mfg_envs import exact, make_game


def test_online_mirror_descent_by_hand(use):
    use("numpy")
    game = make_game("left_right")
    logits = np.zeros(2)
    for iterate in OnlineMirrorDescent(iterations=4, rate=0.7).learn(game):
        law = np.exp(logits) / np.exp(logits).sum()
        logits = logits + 0.7 * np.array([-law[0], -2 * law[1]])
        played = np.exp(logits) / np.exp(logits).sum()
        np.testing.assert_allclose(iterate.policy[0, 0], played, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "rate"), [("crowd_modelling", 1.0), ("predator_prey", 1.0), ("lasry_lions_chain", 0.1)]
)
def test_online_mirror_descent_comes_closer_than_fictitious_play_on_monotone_games(name, rate):
    game = make_game(name)
    descent = list(OnlineMirrorDescent(iterations=200, rate=rate).learn(game))[-1]
    averaged = list(FictitiousPlay(iterations=200).learn(game))[-1]
    ours, theirs = (exact.exploitability(game, i.policy) for i in (descent, averaged))
    assert ours < theirs
