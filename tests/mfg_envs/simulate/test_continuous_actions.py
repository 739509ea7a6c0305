"""Actions of continuous games: any real type and layout; what is out of bounds is refused."""

from __future__ import annotations

import numpy as np
import pytest
from covering import covering
from toys.continuous import CONTINUOUS

from mfg_envs import (
    BatchEnv,
    PopulationEnv,
    make_game,
)

BACKENDS = ("numpy", "numba")


@covering(game=CONTINUOUS, dtype=("float32", "float64", "int64"))
def test_actions_of_any_real_type_and_layout(game, dtype):
    a = np.zeros((2, 5, game.action_dim), dtype)
    a[0] = 1 if dtype == "int64" and min(game.action_high) >= 1 else 0
    envs = [BatchEnv(game, 2, 5, 0) for _ in range(2)]
    for env in envs:
        env.reset()
    swapped = np.moveaxis(np.ascontiguousarray(np.moveaxis(a, -1, 0)), 0, -1)
    steps = [env.step(actions) for env, actions in zip(envs, (a, swapped), strict=True)]
    assert np.array_equal(steps[0].state, steps[1].state)
    assert np.array_equal(steps[0].reward, steps[1].reward)


@pytest.mark.parametrize("backend", BACKENDS)
def test_bad_actions_move_nothing_and_name_the_player(use, backend):
    use(backend)
    game = make_game("four_rooms", bins=40)
    env, twin = BatchEnv(game, 2, 3, 0), BatchEnv(game, 2, 3, 0)
    env.reset()
    twin.reset()
    for value in (0.41, -0.5, np.nan, np.inf):
        a = np.zeros((2, 3, 2))
        a[1, 2, 1] = value
        with pytest.raises(
            ValueError, match=r"population 1, player 2 must be in \[-0.4, 0.4\], comp"
        ):
            env.step(a)
    with pytest.raises(ValueError, match=r"actions must have shape \(B, N, d\) = \(2, 3, 2\)"):
        env.step(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="actions must be real numbers, got complex128"):
        env.step(np.zeros((2, 3, 2), complex))
    one, two = (e.step(np.full((2, 3, 2), 0.1)) for e in (env, twin))
    assert np.array_equal(one.state, two.state)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_bounds_themselves_may_be_played_in_single_precision(use, backend):
    use(backend)
    game = make_game("linear_quadratic")
    steps = []
    for high in (0.1, np.float32(0.1)):
        env = BatchEnv(game, 1, 4, 0)
        env.reset()
        steps.append(env.step(np.full((1, 4, 1), high)))
    assert float(np.float32(0.1)) > 0.1
    assert np.array_equal(steps[0].state, steps[1].state)
    assert np.array_equal(steps[0].reward, steps[1].reward)
    parallel = PopulationEnv(game, 2)
    parallel.reset(seed=0)
    parallel.step({a: parallel.action_space(a).high for a in parallel.agents})


def test_unbounded_actions_must_be_finite():
    env = BatchEnv(CONTINUOUS["space"], 1, 2, 0)
    env.reset()
    env.step(np.full((1, 2, 3), 1e6))
    with pytest.raises(ValueError, match=r"must be in \[-inf, inf\], component 0 is inf"):
        env.step(np.full((1, 2, 3), np.inf))


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (np.array([0.5]), r"'player_1' must be in \[-0.1, 0.1\d*\], got array\(\[0.5\]\)"),
        (np.array([np.nan]), r"'player_1' must be in"),
        (np.array([0.0, 0.0]), r"'player_1' must be 1 real numbers in an array of shape \(1,\)"),
        (0.5, r"'player_1' must be in .*, got 0.5"),
        ("up", r"'player_1' must be 1 real numbers"),
    ],
)
def test_a_bad_action_in_a_dict_names_its_player(action, message):
    env = PopulationEnv(make_game("linear_quadratic"), 3)
    env.reset(seed=0)
    actions = {agent: np.zeros(1) for agent in env.agents}
    with pytest.raises(ValueError, match=message):
        env.step({**actions, "player_1": action})
    with pytest.raises(ValueError, match="no action for 'player_2'"):
        env.step({agent: actions[agent] for agent in ("player_0", "player_1")})
