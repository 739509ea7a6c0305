"""Epidemics: the two settings by hand, and with their equilibria in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from mfg_envs import exact, make_game
from mfg_envs.games.sis import SIS, TwoActionSIS


def test_contact_and_illness_make_ill():
    game = make_game("sis")
    m = np.array([0.75, 0.25])
    stays, turns = game.noise_law(0, np.array([[0], [1]]), np.arange(5), m)
    assert turns == pytest.approx(np.array([[0, 0.05, 0.1, 0.15, 0.2], [0.1] * 5]))
    assert stays + turns == pytest.approx(np.ones((2, 5)))
    r = exact.rewards(game, 0, m)
    assert r == pytest.approx(np.array([[0, 0.25, 0.5, 0.75, 1], [-10, -9.75, -9.5, -9.25, -9]]))


def test_at_full_contact_the_illness_stays_and_without_it_dies_out():
    game = make_game("sis")
    meet = np.tile(np.eye(5)[4], (2, 1))
    assert exact.stationary_mean_field(game, meet) == pytest.approx([0.125, 0.875])  # .1 = .8 m(S)
    hide = np.tile(np.eye(5)[0], (2, 1))
    assert exact.stationary_mean_field(game, hide) == pytest.approx([1, 0], abs=1e-9)


def test_the_susceptible_are_indifferent_in_equilibrium():
    game = make_game("sis")
    worth = -9 / (1 - 0.9 * 0.9)  # of being ill, with full contact, if being well is worth 0
    ill = 1 / (0.9 * 0.8 * -worth)  # contact a earns a and costs .9 (.8 a m) |worth|
    contact = 0.1 / (0.8 * (1 - ill))
    policy = np.array([[1 - contact, 0, 0, 0, contact], [0, 0, 0, 0, 1]])
    mu = exact.stationary_mean_field(game, policy)
    assert mu == pytest.approx([1 - ill, ill], abs=1e-8)
    assert exact.exploitability(game, policy) < 1e-6
    assert exact.action_values(game, mu)[0] == pytest.approx(np.zeros(5), abs=1e-6)


def test_the_two_action_setting_is_that_of_policy_mirror_ascent():
    game = make_game("sis", setting="two_actions")
    m = np.array([0.5, 0.5])
    moves = exact.kernel(game, 0, m)
    assert moves.prob[..., 1] == pytest.approx(np.array([[0.1 + 0.6 * 0.5, 0.05], [0.3, 0.3]]))
    assert exact.rewards(game, 0, m).tolist() == [[1, 0.6], [0.2, 0.2]]


def test_the_regularised_fixed_point_of_policy_mirror_ascent():
    game, weight = make_game("sis", setting="two_actions"), 0.2
    policy = np.array([[0.609131, 0.390869], [0.5, 0.5]])
    mu = exact.stationary_mean_field(game, policy)
    assert mu == pytest.approx([0.550853, 0.449147], abs=1e-6)
    bonus = -weight * (policy * np.log(policy)).sum(-1)
    moves, r = exact.kernel(game, 0, mu), exact.rewards(game, 0, mu)
    p = np.zeros((2, 2, 2))
    np.add.at(p, (*np.indices((2, 2, 2))[:2], moves.next), moves.prob)
    through = np.einsum("xa,xay->xy", policy, p)
    v = np.linalg.solve(np.eye(2) - 0.9 * through, (policy * r).sum(-1) + bonus)
    q = r + 0.9 * p @ v
    assert q == pytest.approx(np.array([[7.29248, 7.20375], [6.17048, 6.17048]]), abs=1e-5)
    soft = np.exp(q / weight)
    assert soft / soft.sum(-1, keepdims=True) == pytest.approx(policy, abs=1e-5)


def test_make_picks_the_setting():
    assert type(make_game("sis")) is SIS
    assert type(make_game("sis", setting="two_actions")) is TwoActionSIS


def test_lists_become_tuples():
    assert make_game("sis", well=[0, 1, 2, 3, 4]).well == (0, 1, 2, 3, 4)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"setting": "three"}, "setting must be one of 'contact_levels', 'two_actions'"),
        ({"infection": 1.5}, r"infection must be in \[0, 1\], got 1\.5"),
        ({"recovery": -0.1}, r"recovery must be in \[0, 1\], got -0\.1"),
        ({"contact": (0, 1)}, "background must hold 2 numbers, one for every contact"),
        ({"contact": (0, 1, 2, 0, 0)}, r"contact must be in \[0, 1\], got 2\.0"),
        ({"contact": (0, -1, 1, 0, 0)}, r"contact must be in \[0, 1\], got -1\.0"),
        ({"background": (0.3,) * 5}, r"background \+ infection \* contact must be in \[0, 1\]"),
        ({"ill": (0, 0, 0, 0, float("nan"))}, "ill must be finite, got nan"),
    ],
)
def test_a_value_out_of_its_range_is_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_game("sis", **parameters)
