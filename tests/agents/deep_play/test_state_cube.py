import numpy as np
import pytest

from agents.deep_play.state_cube import StateCube, closed
from mfg_envs import make_game


@pytest.mark.parametrize(
    ("name", "options", "answer"),
    [
        ("beach_bar", {}, True),
        ("four_rooms", {}, True),
        ("price_impact", {}, True),
        ("linear_quadratic", {"dim": 3, "noise": "normal"}, True),
        ("linear_quadratic", {"bound": None}, False),
        ("linear_quadratic", {"bound": None, "action_bound": None, "dim": 2}, False),
    ],
)
def test_which_boxes_players_cannot_leave(name, options, answer):
    game = make_game(name, **options)
    assert closed(game) is answer
    cube = StateCube(game)
    x = np.linspace(game.state_low, game.state_high, 9) * 0.9
    point, log_slope = cube.into(x)
    np.testing.assert_allclose(cube.out_of(point), x, atol=1e-12)
    rise = (cube.into(x + 1e-6).point - cube.into(x - 1e-6).point) / 2e-6
    np.testing.assert_allclose(log_slope, np.log(rise).sum(-1), atol=1e-6)
