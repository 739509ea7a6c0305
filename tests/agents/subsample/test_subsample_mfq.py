"""SUBSAMPLE-MFQ learns: against all tuples, table against table, sample against expectation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np
import pytest

from agents import SubsampleMFQ, run
from agents.subsample import multisets, surrogate, value_iteration
from agents.subsample.value_iteration import Rates
from mfg_envs import make_game
from mfg_envs.exact import team_tables
from mfg_envs.game import TeamGame
from mfg_envs.games.teams.dispatcher import Dispatcher
from mfg_envs.games.teams.gaussian_squeeze import GaussianSqueeze, OneShotSqueeze
from mfg_envs.numerics import random

TABLES = ("state", "mean_field", "joint")


@dataclass(frozen=True, kw_only=True)
class Workshop(TeamGame):
    """Random laws and payoffs; ``crowding`` charges the team for locals that do the same."""

    crowding: float = 0.0
    discount: float = 0.8
    num_global_states = 2
    num_global_actions = 2
    num_local_states = 2
    num_local_actions = 2

    @cached_property
    def chances(self):
        rng = np.random.default_rng(0)
        return rng.dirichlet(np.ones(2), (2, 2)), rng.dirichlet(np.ones(3), (2, 2, 2))

    @cached_property
    def payoffs(self):
        rng = np.random.default_rng(1)
        return rng.normal(size=(2, 2)), 2 * rng.normal(size=(2, 2, 2))

    def noise_law_global(self, x_g, a_g):
        return self.chances[0][x_g, a_g]

    def noise_law_local(self, x, x_g, a):
        return self.chances[1][x, x_g, a]

    def step_global(self, x_g, a_g, w_g):
        return (x_g + w_g) % 2

    def step_local(self, x, x_g, a, w):
        return (x + w) % 2  # outcomes 0 and 2 lead to one state

    def reward_global(self, x_g, a_g, m):
        r = self.payoffs[0][x_g, a_g]
        return r - self.crowding * (m * m).sum((-2, -1)) if self.crowding else r

    def reward_local(self, x, x_g, a):
        return self.payoffs[1][x, x_g, a]


GAMES = {
    "workshop": Workshop(),
    "crowded": Workshop(crowding=3.0),
    "steered": Dispatcher(num_zones=3, steered=True, discount=0.8),
    "squeeze": GaussianSqueeze(num_levels=3, discount=0.8),
    "settled": make_game("follow_the_leader", discount=0.8),
}
each_game = pytest.mark.parametrize("game", GAMES.values(), ids=GAMES)


def last(learner, game, seed=0):
    *_, iterate = learner.learn(game, seed)
    return iterate


def best_of_all_tuples(game, k, num_sweeps):
    """Value iteration over all tuples of k locals, by the rules of the game: (S_g, S, ..., S)."""
    S_g, S, A = game.num_global_states, game.num_local_states, game.num_local_actions
    P, p_g = team_tables.tables(game).local_law, team_tables.tables(game).global_law
    v = np.zeros((S_g, *[S] * k))
    tuples = list(product(range(S), repeat=k))
    for _ in range(num_sweeps):
        new, after = np.full_like(v, -np.inf), v
        if p_g is None:
            shares = game.mean_field(np.array(tuples))
            followed = game.global_from_locals(shares).reshape(v.shape[1:])
            after = np.broadcast_to(np.take_along_axis(v, followed[None], 0), v.shape)
        for x_g, x in product(range(S_g), tuples):
            for a in product(range(A), repeat=k):
                m = game.mean_field(np.array([x]), np.array([a]))
                mean = after
                for y, b in zip(x, a, strict=True):
                    mean = np.tensordot(mean, P[y, x_g, b], (1, 0))
                own = np.mean([game.reward_local(y, x_g, b) for y, b in zip(x, a, strict=True)])
                for a_g in range(game.num_global_actions):
                    r = own + game.reward_global(np.array([x_g]), np.array([a_g]), m)[0]
                    expected = mean[0] if p_g is None else p_g[x_g, a_g] @ mean
                    q = r + game.discount * expected
                    new[(x_g, *x)] = max(new[(x_g, *x)], q)
        v = new
    return v


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(("name", "k"), [(n, k) for n in GAMES for k in (1, 2)] + [("crowded", 3)])
def test_values_are_those_of_all_tuples(name, k, table):
    game = GAMES[name]
    iterate = last(SubsampleMFQ(k=k, iterations=3, table=table), game)
    wanted = best_of_all_tuples(game, k, 3).reshape(game.num_global_states, -1)
    rows = np.array(list(product(range(game.num_local_states), repeat=k)))
    value = iterate.memory["value"][:, multisets.number_of(rows, game.num_local_states)]
    assert value == pytest.approx(wanted, abs=1e-12)


@each_game
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("num_samples", [None, 4])
def test_all_tables_give_the_same(game, k, num_samples):
    learner = SubsampleMFQ(k=k, iterations=5, num_samples=num_samples)
    first, *others = (last(replace(learner, table=table), game) for table in TABLES)
    for other in others:
        assert np.array_equal(other.policy, first.policy)
        if num_samples:
            assert np.array_equal(other.memory["value"], first.memory["value"])
        else:
            assert other.memory["value"] == pytest.approx(first.memory["value"], abs=1e-12)


@each_game
@pytest.mark.parametrize("num_samples", [None, 3])
@pytest.mark.parametrize("table", TABLES)
def test_compiled_and_numpy_give_the_same_bits(game, num_samples, table, use):
    learner = SubsampleMFQ(k=2, iterations=3, num_samples=num_samples, table=table)
    found = []
    for name in ("numpy", "numba"):
        use(name)
        found.append(last(learner, game, 7))
    assert np.array_equal(found[0].policy, found[1].policy)
    assert np.array_equal(found[0].q, found[1].q)


@pytest.mark.parametrize("name", ["workshop", "squeeze", "steered"])
def test_samples_have_the_exact_mean(name):
    game, m = GAMES[name], 4000
    team = surrogate.surrogate(game, 3, "mean_field")
    v = np.random.default_rng(0).random((game.num_global_states, team.num_states))
    found = [np.zeros(team.shape) for _ in range(2)]
    for q, samples in zip(found, (0, m), strict=True):
        value_iteration.sweep(team, v, q, random.seed_key(1), Rates(samples, 1.0, 1.0))
    # Hoeffding for values in [0, 1], all entries at once, 1e-6 in all
    bound = np.sqrt(np.log(2 * found[0].size / 1e-6) / (2 * m))
    assert np.abs(found[0] - found[1]).max() < bound
    assert np.abs(found[0] - found[1]).max() > bound / 100  # they are samples


def test_policy_by_hand():
    """One state, three efforts, a team that is paid for the sum 3 of three locals: 0 + 1 + 2 or so.

    The first best joint law in order is that of the efforts 0, 1, 2: (0, 0, 2) gives 2 only.
    """
    game = OneShotSqueeze(num_efforts=3, crowd=3, target=3.0, width=0.5)
    for table in TABLES:
        iterate = last(SubsampleMFQ(k=3, iterations=1, table=table), game)
        assert iterate.policy.tolist() == [[[0, 0, 1, 2]]]
        assert iterate.memory["value"] == pytest.approx(np.array([[3.0]]))
        again = last(SubsampleMFQ(k=3, iterations=4, table=table), game)  # it is over after one
        assert again.memory["value"] == pytest.approx(np.array([[3.0]]))


def test_iterates_say_what_they_hold():
    game, k = GAMES["workshop"], 3
    shapes = {"state": (2, 4), "mean_field": (2, 4 * 10, 2), "joint": (2, 4**3, 2)}
    for table, shape in shapes.items():
        learner = SubsampleMFQ(k=k, iterations=2, num_samples=5, table=table)
        one, two = learner.learn(game)
        assert one.q.shape == two.q.shape == shape
        entries = 2 * 20 * 2 if table == "state" else np.prod(shape)
        assert (one.iteration, one.samples) == (1, 5 * entries)
        assert (two.iteration, two.samples) == (2, 10 * entries)
        assert one.policy.shape == (2, 4, 1 + k)
        assert one.policy.dtype == np.int32
        assert np.allclose(3 * one.mean_field, [[3, 0], [2, 1], [1, 2], [0, 3]])
        assert not np.array_equal(one.q, two.q)
    assert one.memory["value"] == pytest.approx(
        one.q.reshape(2, *[2, 2] * 3, 2).max((2, 4, 6, 7)).reshape(2, -1)[:, [0, 1, 3, 7]]
    )
    assert last(SubsampleMFQ(k=1, iterations=1), game).samples == 0


def test_auto_takes_the_smallest_table_that_will_do():
    game = GAMES["workshop"]
    for stable, table in ((False, "state"), (True, "mean_field")):
        learner = SubsampleMFQ(k=2, iterations=2, num_samples=3, stable=stable)
        assert np.array_equal(last(learner, game).q, last(replace(learner, table=table), game).q)


def test_stable_variant_averages_action_values():
    game, d = GAMES["workshop"], GAMES["workshop"].discount
    P, p_g = team_tables.tables(game).local_law, team_tables.tables(game).global_law
    r = (
        team_tables.tables(game).global_reward[:, None, None]
        + np.swapaxes(team_tables.tables(game).local_reward, 0, 1)[..., None]
    )
    q = np.zeros((2, 2, 2, 2))  # x_g, x, a, a_g
    for t, iterate in enumerate(SubsampleMFQ(k=1, iterations=4, stable=True).learn(game)):
        mean = np.einsum("gbh,xgay,hy->gxab", p_g, P, q.max((2, 3)))
        eta = 1 / (1 + (1 - d) * t)
        q = (1 - eta) * q + eta * (r + d * mean)
        assert iterate.q == pytest.approx(q.reshape(2, 4, 2), abs=1e-13)


def test_stable_variant_comes_nearer_with_few_samples():
    game, far = GAMES["workshop"], {}
    exact = last(SubsampleMFQ(k=2, iterations=100), game).memory["value"]
    for stable in (False, True):
        learner = SubsampleMFQ(k=2, iterations=400, num_samples=1, stable=stable)
        far[stable] = np.abs(last(learner, game).memory["value"] - exact).max()
    assert far[True] < far[False] / 2


@pytest.mark.parametrize(
    "learner",
    [
        SubsampleMFQ(k=2, iterations=6, num_samples=2),
        SubsampleMFQ(k=2, iterations=6),
        SubsampleMFQ(k=2, iterations=6, num_samples=2, table="joint"),
        SubsampleMFQ(k=2, iterations=6, num_samples=2, stable=True),
    ],
    ids=repr,
)
def test_going_on_gives_the_same_bits(learner):
    game = GAMES["crowded"]
    whole = list(learner.learn(game, 3))
    kept = [iterate.q.copy() for iterate in whole]
    for start in (0, 2, 5):
        for one, two in zip(learner.learn(game, 3, whole[start]), whole[start + 1 :], strict=True):
            assert np.array_equal(one.q, two.q)
            assert np.array_equal(one.policy, two.policy)
            assert np.array_equal(one.memory["value"], two.memory["value"])
            assert one.samples == two.samples
    assert all(np.array_equal(one.q, q) for one, q in zip(whole, kept, strict=True))
    other = next(replace(learner, k=3).learn(game))
    with pytest.raises(ValueError, match=r"start.q must have the shape .* start from an iterate"):
        next(learner.learn(game, 3, other))


def test_seeds_draw_differently_and_threads_do_not():
    game, learner = GAMES["workshop"], SubsampleMFQ(k=4, iterations=3, num_samples=2)
    alone = [last(learner, game, seed).q for seed in range(4)]
    assert len({q.tobytes() for q in alone}) == 4
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda seed: last(learner, game, seed).q, range(4)))
    assert all(map(np.array_equal, alone, together))
    exact = [last(replace(learner, num_samples=None), game, seed).q for seed in range(2)]
    assert np.array_equal(*exact)


def test_runs_are_measured_and_go_on(tmp_path):
    game, learner = GAMES["workshop"], SubsampleMFQ(k=2, iterations=5, num_samples=2)
    whole = run(learner, game, 1, progress=False, out=tmp_path / "whole")
    value = last(learner, game, 1).memory["value"]
    chance = np.array([0.25, 0.5, 0.25])  # of two locals with even first states
    wanted = value.mean(0) @ chance
    assert whole.metrics["surrogate_value"][-1] == pytest.approx(wanted, rel=1e-14)
    assert whole.metrics["surrogate_value"].shape == (5,)

    def stop(game, iterate):
        if iterate.iteration == 3:
            raise KeyboardInterrupt
        return 0.0

    with pytest.raises(KeyboardInterrupt):
        run(learner, game, 1, metrics={"stop": stop}, progress=False, out=tmp_path / "broken")
    metrics = {"stop": lambda game, iterate: 0.0}
    again = run(learner, game, 1, metrics=metrics, progress=False, out=tmp_path / "broken")
    assert np.array_equal(again.last.q, whole.last.q)
    assert np.array_equal(again.last.policy, whole.last.policy)


def test_games_that_cannot_be_learned_are_refused():
    with pytest.raises(ValueError, match="of one decision, got horizon = 2: set it to None"):
        next(SubsampleMFQ().learn(OneShotSqueeze(horizon=2)))

    class Broken(Workshop):
        def reward_global(self, x_g, a_g, m):
            return np.log(0.75 - m[..., 1, 0])  # no number if all locals are there and do that

    message = r"reward_global\(0, 0, m\) is nan, .* \(state, action\) \[\(1, 0\), \(1, 0\)\]"
    with np.errstate(invalid="ignore"), pytest.raises(ValueError, match=message):
        next(SubsampleMFQ(k=2).learn(Broken()))
