"""Rewards that are no numbers are named with the player that gets them."""

import numpy as np
import pytest

from mfg_envs.soundness.rewards import check_rewards


@pytest.mark.parametrize("fault", [np.nan, np.inf, -np.inf])
def test_the_first_that_is_not_finite_is_named(fault):
    r = np.zeros((2, 3))
    check_rewards("reward", r, str)
    r[1, 0] = r[1, 2] = fault
    with pytest.raises(ValueError, match=rf"reward\(1 of 0\) is {fault}, not a finite number"):
        check_rewards("reward", r, lambda i: f"{i[0]} of {i[1]}")
