"""Players may count elsewhere than where they are observed: ``place(x)``."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from toys import Queues, Tolls

from agents import QMIteration
from mfg_envs import BatchEnv, PopulationEnv, check_env, check_game, exact, policies
from mfg_envs.players.observers import Observer
from mfg_envs.testing import ContractError

GAMES = (Queues(), Tolls())


@pytest.fixture(params=GAMES, ids=["states", "controls"])
def game(request):
    return request.param


def test_a_place_is_the_observed_state_unless_the_game_says_otherwise(toys):
    market = toys.Market()
    assert market.num_places == market.num_observations == 3
    assert np.array_equal(market.places, market.observed)
    assert market.counts_what_is_observed
    assert not Queues().counts_what_is_observed
    assert (Queues().num_observations, Queues().places.tolist()) == (6, [0, 0, 1, 1, 2, 2])


def test_players_are_counted_by_place():
    m = Queues().mean_field(np.array([[0, 1, 1, 4], [2, 3, 5, 5]]))
    assert m.tolist() == [[0.75, 0, 0.25], [0, 0.5, 0.5]]
    law = np.array([0.25, 0.125, 0, 0.5, 0.125, 0])
    assert Queues().crowd(law).tolist() == [0.375, 0.5, 0.125]
    joint = Tolls().mean_field(np.array([0, 1, 4, 4]), np.array([2, 2, 0, 1]))
    assert joint.tolist() == [[0, 0, 0.5], [0, 0, 0], [0.25, 0.25, 0]]


def test_the_contract_is_kept(game):
    check_game(game)
    check_game(dataclasses.replace(game, horizon=None))
    check_env(PopulationEnv(game, 5))


def test_a_step_reads_the_place():
    # Half of the players are in queue 0: its head is served with probability 1 - .75 / 2.
    moved = exact.push_forward(Queues(), 0, [0.5, 0, 0.5, 0, 0, 0], np.eye(3)[[2] * 6])
    assert moved.tolist() == [0.1875, 0, 0.1875, 0, 0, 0.625]


@pytest.mark.parametrize("num_agents", [1, 7, 300])
def test_both_back_ends_count_the_same(game, use, num_agents):
    played = []
    for backend in ("numpy", "numba"):
        use(backend)
        env, rng = BatchEnv(game, 2, num_agents, 1), np.random.default_rng(0)
        env.reset()
        steps = [env.step(rng.integers(0, 3, (2, num_agents))) for _ in range(4)]
        played.append([(s.state, s.mean_field, s.reward) for s in steps])
    for one, two in zip(*played, strict=True):
        assert np.array_equal(one[0], two[0])
        assert np.array_equal(one[1], two[1])
        assert one[1].shape == (2, *game.mean_field_shape)
        assert np.allclose(one[2], two[2], rtol=0, atol=1e-14)


def test_the_compiled_passes_agree_with_numpy(game, use, random_policy):
    policy, found = random_policy(game), []
    for backend in ("numpy", "numba"):
        use(backend)
        flow = exact.flow(game, policy)
        found.append((flow, exact.action_values(game, flow), exact.exploitability(game, policy)))
    for one, two in zip(*found, strict=True):
        assert np.allclose(one, two, rtol=0, atol=1e-13)


def test_players_who_met_one_mean_field_follow_the_exact_flow(game):
    num_agents = 200_000
    env = BatchEnv(game, 1, num_agents, 5)
    env.reset()
    env.state = np.arange(num_agents, dtype=np.int32)[None] % 6  # nothing random yet
    law, a = np.full(6, 1 / 6), env.state // 2 % 3
    env.mean_field = game.mean_field(env.state, a)
    env.step(a)
    moved = exact.push_forward(game, 0, law, np.eye(3)[np.arange(6) // 2])
    met = game.mean_field(env.state, np.zeros_like(env.state))[0].reshape(3, -1).sum(-1)
    expected = moved.reshape(3, 2).sum(-1)
    assert (abs(met - expected) <= 5 * np.sqrt(expected / num_agents)).all()


def test_policies_are_over_what_is_observed(game):
    assert policies.uniform(game).shape == (4, 6, 3)
    with pytest.raises(ValueError, match=r"policy must have shape .*\(4, 6, 3\)"):
        exact.flow(game, np.full((4, 3, 3), 1 / 3))


def test_players_see_the_whole_mean_field_by_default(game):
    observer = Observer(game)
    assert observer.parts == ("state", "mean_field", "time")
    assert observer.width == 1 + 3 + 1
    m = np.array([[0.5, 0.25, 0.25]])
    seen = observer(np.array([[0, 5]]), 2, m)
    assert seen.tolist() == [[[-1, 0.5, 0.25, 0.25, 0.5], [1, 0.5, 0.25, 0.25, 0.5]]]
    endless = dataclasses.replace(game, horizon=None)
    assert Observer(endless).parts == ("state", "mean_field")


def test_the_density_where_a_player_is_seen_is_not_known(game):
    with pytest.raises(ValueError, match=r"'density' .* counts players by their place: use 'mean"):
        Observer(game, ("state", "density"))


def test_online_learners_refuse_to_count_what_they_do_not_observe():
    endless = Queues(horizon=None)
    with pytest.raises(ValueError, match=r"place\(x\) must be observe\(x\)"):
        next(QMIteration(iterations=1, inner_steps=10).learn(endless))


class Outside(Queues):
    def place(self, x):
        return x // 2 + 1


class Shuffled(Queues):
    num_places = 6

    def place(self, x):
        return 5 - x


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        (Outside(), r"place\(4\) is 3, it must be places in \[0, 3\)"),
        (Shuffled(), r"place\(x\) must be x where all states are observed, or places, apart"),
    ],
)
def test_a_place_that_cannot_be_is_named(broken, fault):
    with pytest.raises(ContractError, match=fault):
        check_game(broken)
