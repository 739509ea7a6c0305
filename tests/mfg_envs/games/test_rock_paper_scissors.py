"""Rock-paper-scissors: the payoffs by hand, and the uniform equilibrium."""

from __future__ import annotations

import numpy as np
import pytest

from mfg_envs import exact, make_game, policies


def test_a_choice_beats_one_and_loses_to_one():
    game = make_game("rock_paper_scissors")
    r = exact.rewards(game, 0, np.array([0.5, 0.3, 0.2]))  # rock, paper, scissors
    assert r[:, 0] == pytest.approx([0.2 - 0.3, 0.5 - 0.2, 0.3 - 0.5])
    assert np.array_equal(r, np.repeat(r[:, :1], 3, 1))
    assert exact.kernel(game, 0, None).next[..., 0].tolist() == [[0, 1, 2]] * 3


def test_the_equilibrium_of_rock_paper_scissors_is_uniform():
    game = make_game("rock_paper_scissors")
    assert exact.exploitability(game, policies.uniform(game)) == 0
    rule = np.tile([0.5, 0.3, 0.2], (3, 1))
    # From t = 1 on the best answer, paper, earns .3 a step instead of 0.
    assert exact.exploitability(game, rule) == pytest.approx(0.3 * 0.9 / 0.1)
