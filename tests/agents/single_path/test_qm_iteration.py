from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pytest

from agents import QMIteration
from agents.runs.recipes import build, recipe
from agents.sweep.grid import build as build_learner
from mfg_envs import make_game, policies
from mfg_envs.environments.representative import RepresentativeEnv
from mfg_envs.game import FiniteGame, at


@dataclass(frozen=True, kw_only=True)
class Shore(FiniteGame):
    """Four places in a row, half a step of luck; no way off either end, nobody may go there."""

    discount: float = 0.9
    horizon: int | None = None
    num_states = 4
    num_actions = 3
    initial_law = np.full(4, 0.25)

    @cached_property
    def legal_actions(self):
        return np.array([[0, 1, 1], [1, 1, 1], [1, 1, 1], [1, 1, 0]], bool)

    def noise_law(self, t, x, a, m):
        return 0.5 + 0 * x, 0.5 + 0 * x

    def step(self, t, x, a, m, w):
        return x + w * (a - 1)

    def reward(self, t, x, a, m):
        return 0.1 * x - at(m, x)


def same(left, right):
    parts = ("iteration", "samples", "policy", "mean_field", "q")
    return all(np.array_equal(getattr(left, name), getattr(right, name)) for name in parts)


def test_restarted_beta_averages_the_visits_of_one_outer_iteration():
    game = make_game("ring_road", num_cells=5, num_speeds=3)
    learner = QMIteration(iterations=1, inner_steps=50)
    env = RepresentativeEnv(game, observe=("index",))
    visits = []
    step = env.step

    def spy(action):
        out = step(action)
        visits.append(int(out[0]))
        return out

    env.step = spy
    (iterate,) = learner.learn(env, 2)
    np.testing.assert_allclose(
        iterate.mean_field, np.bincount(visits, minlength=5) / 50, rtol=0, atol=1e-14
    )


def test_illegal_actions_are_never_played():
    game = Shore()
    env = RepresentativeEnv(game, observe=("index",))
    step = env.step

    def spy(action):
        assert game.legal_actions[env.batch.state[0, 0], action]
        return step(action)

    env.step = spy
    walked = list(QMIteration(variant="on", iterations=2, inner_steps=150).learn(env, 1))
    looped = list(QMIteration(variant="on", iterations=2, inner_steps=150).learn(game, 1))
    assert same(walked[-1], looped[-1])
    assert (looped[-1].policy[~policies.observed_legal(game)] == 0).all()


def test_moves_that_depend_on_the_crowd_are_learned(toys):
    game = toys.Epidemic(horizon=None)
    learner = QMIteration(variant="on", iterations=2, inner_steps=150, target="sarsa")
    looped = list(learner.learn(game, 1))
    walked = list(learner.learn(RepresentativeEnv(game, observe=("index",)), 1))
    assert same(looped[-1], walked[-1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"variant": "both"}, "variant must be one of 'off', 'on', got 'both'"),
        ({"alpha": 2.0}, r"alpha must be in \[0, 1\], got 2.0"),
        ({"inner_steps": 0}, "inner_steps must be at least 1, got 0"),
        ({"target": "mean"}, "target must be one of"),
        ({"heat_growth": -1.0}, "heat_growth must be at least 0, got -1"),
    ],
)
def test_bad_parameters_name_value_and_bound(arguments, message):
    with pytest.raises(ValueError, match=message):
        QMIteration(**arguments)


@pytest.mark.parametrize(
    ("variant", "iterations", "inner_steps", "heat_growth"),
    [("off", 100, 2000, 0.5), ("on", 50, 3000, 1.0)],  # arXiv 2405.03718, ring road (additive)
)
def test_the_published_runs_are_the_defaults_of_each_variant(
    variant, iterations, inner_steps, heat_growth
):
    learner = QMIteration(variant=variant)
    assert (learner.iterations, learner.inner_steps) == (iterations, inner_steps)
    last = learner.schedule(iterations - 1)
    assert last.alpha.size == inner_steps
    assert last.heat[-1] == heat_growth * iterations * inner_steps
    given = {"iterations": iterations, "inner_steps": inner_steps, "heat_growth": heat_growth}
    assert learner == QMIteration(variant=variant, **given)  # whoever leaves them out has them
    assert recipe(learner)["parameters"].items() >= given.items()
    assert build(recipe(learner)) == learner
    assert build_learner(QMIteration, {"variant": variant, "inner_steps": None}) == learner


def test_no_heat_is_no_heat():
    assert (QMIteration(heat_growth=0.0).schedule(3).heat == 0).all()
